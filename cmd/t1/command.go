package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"t1"
)

// command is a child process that dies with this one: on Linux the kernel sees
// to it; everywhere it is told so by the end of its standard input.
type command struct {
	cmd  *exec.Cmd
	said *lastLine
	held io.WriteCloser // its standard input, never written to
	gone chan struct{}  // closed when it has ended
	err  error          // how; read after gone
}

// startCommand starts a program in a process group of its own, so that Ctrl-C
// on the terminal reaches only us and the order of the end is ours.
func startCommand(log *os.File, env []string, path string, args ...string) (*command, error) {
	said := &lastLine{}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout = log
	cmd.Stderr = io.MultiWriter(log, said)
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second // a grandchild may hold the log open
	held, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c := &command{cmd: cmd, said: said, held: held, gone: make(chan struct{})}
	started := make(chan error)
	go c.live(started)
	return c, <-started
}

func (c *command) PID() int { return c.cmd.Process.Pid }

// live starts the process and waits for its end, on one thread: the kernel
// kills the child when the thread that started it ends.
func (c *command) live(started chan<- error) {
	runtime.LockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = c.cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		err = errors.New("it ended by itself")
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		err = &childError{code: exit.ExitCode(), said: c.said.sentence(), err: err}
	}
	c.err = err
	close(c.gone)
}

// Wait implements process.
func (c *command) Wait() error {
	<-c.gone
	return c.err
}

// Terminate implements process.
func (c *command) Terminate() { _ = c.cmd.Process.Signal(syscall.SIGTERM) }

// Kill implements process; the child's own children go with it.
func (c *command) Kill() { _ = syscall.Kill(-c.PID(), syscall.SIGKILL) }

// childError is how a child ended that said why.
type childError struct {
	code int
	said string
	err  error
}

func (e *childError) Error() string {
	if e.said == "" {
		return e.err.Error()
	}
	return e.said
}

// Unwrap hands on the kind that the child's exit status stands for.
func (e *childError) Unwrap() error {
	for _, kind := range []t1.Kind{t1.KindInvalid, t1.KindNotFound, t1.KindConflict, t1.KindCorrupt, t1.KindUnavailable} {
		if kind.ExitCode() == e.code {
			return &t1.Error{Kind: kind, Message: e.said, Err: e.err}
		}
	}
	return e.err
}

// isKilled reports whether a process was ended by a signal, which says nothing
// about how the next one will do.
func isKilled(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() < 0
}

// lastLine keeps the last error a child printed, which is for people; logs are
// JSON and start with a brace.
type lastLine struct {
	mu   sync.Mutex
	line string
	hint string
}

func (l *lastLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(p) {
		switch text := strings.TrimSpace(string(line)); {
		case text == "" || strings.HasPrefix(text, "{"):
		case strings.HasPrefix(text, "Try: "):
			l.hint = text
		default:
			l.line = strings.TrimPrefix(text, "t1: ")
		}
	}
	return len(p), nil
}

func (l *lastLine) sentence() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hint == "" {
		return l.line
	}
	return fmt.Sprintf("%s\n%s", l.line, l.hint)
}

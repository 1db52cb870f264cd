package vllm

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"t1"
)

// life is one process of the server, from its start to its end. A nil life is
// one that never was.
type life struct {
	command   *exec.Cmd
	group     int       // of the process and all that it starts
	guard     io.Closer // while it is open, the guard lets the group live
	client    *client
	directory string        // of the socket; for us alone, removed in the end
	config    []byte        // config.json of the model it serves
	length    int           // longest prompt and response together, tokens; set when it answers
	log       string        // file; see Options.Log
	logFrom   int64         // where this process's lines begin in it
	gone      chan struct{} // closed when the process has ended
	ending    sync.Once

	busy   atomic.Int64           // requests under way
	tokens atomic.Int64           // prompt and response tokens computed so far, as last seen
	hung   atomic.Pointer[string] // why we ended it, where we did
}

// spawn starts a server without waiting until it answers.
func spawn(o Options) (*life, error) {
	config, err := os.ReadFile(filepath.Join(o.model(), "config.json"))
	if err != nil {
		return nil, t1.Errorf(t1.KindNotFound, "model to serve: %w", err)
	}
	directory, err := socketDirectory()
	if err != nil {
		return nil, err
	}
	key := newKey()
	l := &life{directory: directory, config: config, log: o.Log, gone: make(chan struct{})}
	l.client = newClient(filepath.Join(directory, socketName), key)
	if l.command, err = command(o, directory, key); err == nil {
		err = l.run()
	}
	if err != nil {
		l.client.close()
		_ = os.RemoveAll(directory)
		return nil, err
	}
	return l, nil
}

// socketDirectory makes a directory for us alone whose path is short: that of a
// Unix socket has at most 107 bytes.
func socketDirectory() (string, error) {
	base := os.TempDir()
	if len(base) > 60 {
		base = "/tmp"
	}
	directory, err := os.MkdirTemp(base, "t1-vllm-")
	if err != nil {
		return "", t1.Errorf(t1.KindInternal, "directory for the vLLM server's socket: %w", err)
	}
	return directory, nil
}

func (l *life) run() error {
	log, err := l.openLog()
	if err != nil {
		return err
	}
	l.command.Stdout, l.command.Stderr = log, log
	if l.group, l.guard, err = guard(); err != nil {
		_ = log.Close()
		return t1.Errorf(t1.KindInternal, "guard of the vLLM server: %w", err)
	}
	l.command.SysProcAttr = childAttributes(l.group)
	if err := l.exec(log); err != nil {
		_ = l.guard.Close()
		return t1.Errorf(t1.KindInvalid, "%s cannot be run: %w", l.command.Path, err).WithHint(install)
	}
	return nil
}

// exec starts the process from a thread that lives as long as the process: the
// kernel's parent-death signal is sent when the thread that forked ends.
func (l *life) exec(log *os.File) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // until the goroutine ends, and the thread with it
		defer func() { _ = log.Close() }()
		err := l.command.Start()
		started <- err
		if err == nil {
			_ = l.command.Wait() // its ProcessState says how it ended
			// Its engine processes may live on.
			_ = syscall.Kill(-l.group, syscall.SIGKILL)
			close(l.gone)
		}
	}()
	return <-started
}

// guard starts a process that leads a group and kills the group when our end of
// a pipe closes, with us at the latest: the parent-death signal does not reach
// the processes that the server starts. As long as the guard is there, the
// group's number cannot become another's.
func guard() (int, io.Closer, error) {
	c := exec.Command("/bin/sh", "-c", "read -r _; kill -KILL 0")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := c.StdinPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := c.Start(); err != nil {
		return 0, nil, err
	}
	go func() { _ = c.Wait() }()
	return c.Process.Pid, pipe, nil
}

func (l *life) openLog() (*os.File, error) {
	if l.log == "" {
		l.log = filepath.Join(l.directory, "log")
	}
	log, err := os.OpenFile(l.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "log of the vLLM server: %w", err)
	}
	if info, err := log.Stat(); err == nil {
		l.logFrom = info.Size()
	}
	return log, nil
}

// await returns when the server says it is healthy.
func (l *life) await(ctx context.Context, limit time.Duration, stage Stage) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the vLLM server did not answer within %s", limit))
	defer cancel()
	told := time.Now()
	for l.client.health(ctx) != nil {
		select {
		case <-l.gone:
			return l.stillborn()
		case <-ctx.Done():
			return t1.Errorf(t1.KindUnavailable, "%w%s", context.Cause(ctx), l.lastLines(4))
		case <-time.After(100 * time.Millisecond):
		}
		if stage != nil && time.Since(told) > time.Second {
			told = time.Now()
			stage("the vLLM server starts" + l.lastLines(1))
		}
	}
	return nil
}

// stillborn says why the server ended before it answered.
func (l *life) stillborn() error {
	kind, lines := t1.KindUnavailable, l.lastLines(4)
	if strings.Contains(lines, "No module named") {
		kind = t1.KindNotFound
	}
	return t1.Errorf(kind, "the vLLM server ended while starting (%s)%s", l.command.ProcessState, lines).WithHint(install)
}

// died says how a server that had answered ended.
func (l *life) died() error {
	if why := l.hung.Load(); why != nil {
		return t1.Errorf(t1.KindUnavailable, "the vLLM server hung: %s; it was ended", *why)
	}
	return t1.Errorf(t1.KindUnavailable, "the vLLM server ended (%s)%s", l.command.ProcessState, l.lastLines(4)).
		WithHint("its log says more; the work is done again on a new server")
}

// lastLines quotes the end of what this process wrote.
func (l *life) lastLines(most int) string {
	data, err := os.ReadFile(l.log)
	if err != nil || int64(len(data)) <= l.logFrom {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data[l.logFrom:])), "\n")
	lines = lines[max(0, len(lines)-most):]
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return "; its log ends: " + strings.Join(lines, " | ")
}

func (l *life) alive() bool {
	if l == nil {
		return false
	}
	select {
	case <-l.gone:
		return false
	default:
		return true
	}
}

func (l *life) kill() {
	if l.alive() {
		_ = syscall.Kill(-l.group, syscall.SIGKILL)
	}
}

// end kills the server and what it started, waits until it is gone and clears up
// behind it.
func (l *life) end() {
	if l == nil {
		return
	}
	l.ending.Do(func() {
		l.kill()
		<-l.gone
		_ = l.guard.Close()
		l.client.close()
		_ = os.RemoveAll(l.directory)
	})
}

package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"t1"
)

// life is one process, from its start to its end. A nil life is one that never was.
type life struct {
	command   *exec.Cmd
	client    *Client
	directory string        // of the socket; removed in the end
	log       string        // file; see Options.Log
	logFrom   int64         // where this process's lines begin in it
	gone      chan struct{} // closed when the process has ended
	ending    sync.Once
}

// launch starts an engine and waits until it answers.
func launch(ctx context.Context, options Options) (*life, error) {
	if err := options.locate(); err != nil {
		return nil, err
	}
	directory, err := socketDirectory()
	if err != nil {
		return nil, err
	}
	l := &life{directory: directory, log: options.Log, gone: make(chan struct{})}
	if err := l.spawn(options); err != nil {
		_ = os.RemoveAll(directory)
		return nil, err
	}
	if err := l.await(ctx, options.Start); err != nil {
		l.end()
		return nil, err
	}
	return l, nil
}

// socketDirectory makes a directory for us alone whose path is short: that of a
// Unix socket has at most 107 bytes.
func socketDirectory() (string, error) {
	base := os.TempDir()
	if len(base) > 80 {
		base = "/tmp"
	}
	directory, err := os.MkdirTemp(base, "t1-")
	if err != nil {
		return "", t1.Errorf(t1.KindInternal, "directory for the engine's socket: %w", err)
	}
	return directory, nil
}

func (l *life) spawn(o Options) error {
	socket := filepath.Join(l.directory, "engine.sock")
	l.command = exec.Command(o.Python, o.arguments(socket)...)
	l.command.Dir = o.Dir
	l.command.Env = append(os.Environ(), "PYTHONPATH="+o.Dir)
	l.command.SysProcAttr = childAttributes()
	if _, err := l.command.StdinPipe(); err != nil { // the engine ends when it closes, with us at the latest
		return err
	}
	log, err := l.openLog()
	if err != nil {
		return err
	}
	l.command.Stdout, l.command.Stderr = log, log
	if l.client, err = connect(socket, o.Stall, l); err != nil {
		_ = log.Close()
		return err
	}
	if err := l.exec(log); err != nil {
		l.client.close()
		return t1.Errorf(t1.KindInvalid, "%s cannot be run: %w", o.Python, err).WithHint("run `make setup`")
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
			close(l.gone)
		}
	}()
	return <-started
}

func (l *life) openLog() (*os.File, error) {
	if l.log == "" {
		l.log = filepath.Join(l.directory, "log")
	}
	log, err := os.OpenFile(l.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "log of the engine: %w", err)
	}
	if info, err := log.Stat(); err == nil {
		l.logFrom = info.Size()
	}
	return log, nil
}

// await returns when the engine answers.
func (l *life) await(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the engine did not answer within %s", limit))
	defer cancel()
	for {
		if _, err := os.Stat(filepath.Join(l.directory, "engine.sock")); err == nil {
			if _, err := l.client.Describe(ctx); err == nil {
				return nil
			}
		}
		select {
		case <-l.gone:
			return l.stillborn()
		case <-ctx.Done():
			return t1.Errorf(t1.KindUnavailable, "%w%s", context.Cause(ctx), l.lastLines())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stillborn says why the engine ended before it answered.
func (l *life) stillborn() error {
	kind, lines := t1.KindUnavailable, l.lastLines()
	if strings.Contains(lines, "No module named") {
		kind = t1.KindNotFound
	}
	return t1.Errorf(kind, "the engine ended while starting (%s)%s", l.command.ProcessState, lines).
		WithHint("run `make setup`, which installs what the engine needs")
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

// kill ends the process group, unless the process is gone: its number may be
// another's by then.
func (l *life) kill() {
	if l.alive() {
		_ = syscall.Kill(-l.command.Process.Pid, syscall.SIGKILL)
	}
}

// end kills the engine, waits until it is gone and clears up behind it.
func (l *life) end() {
	if l == nil {
		return
	}
	l.ending.Do(func() {
		l.kill()
		<-l.gone
		l.client.close()
		_ = os.RemoveAll(l.directory)
	})
}

// Package engine starts, watches and asks the Python engine: one process, one
// Unix socket, one state.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"t1"
)

// Options says how the engine runs.
type Options struct {
	Python  string        // interpreter with the engine's packages
	Dir     string        // directory that holds the package t1_engine
	Log     string        // file that gets the engine's standard error; empty discards it
	Threads int           // CPU threads; part of the fingerprint, at least 1
	Stall   time.Duration // longest silence of a call before the engine is ended; 0 waits for ever
	Start   time.Duration // longest time to start; 0 means 60 s
}

// Process is a supervised engine: started on demand, started anew when it died.
type Process struct {
	options Options

	mu      sync.Mutex // held while starting: callers share one start
	running *running
	closed  bool
}

// running is one life of the engine.
type running struct {
	command *exec.Cmd
	stdin   io.Closer // the engine ends when this closes
	client  *Client
	socket  string // directory
	gone    chan struct{}
}

// New makes a process that is not started yet.
func New(options Options) *Process {
	if options.Start == 0 {
		options.Start = time.Minute
	}
	return &Process{options: options}
}

// Get gives a client of a live engine, starting it where it is not running.
func (p *Process) Get(ctx context.Context) (*Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, t1.Errorf(t1.KindPreempted, "the engine is closed")
	}
	if p.running != nil {
		select {
		case <-p.running.gone:
			p.running.end()
			p.running = nil
		default:
			return p.running.client, nil
		}
	}
	started, err := p.start(ctx)
	if err != nil {
		return nil, err
	}
	p.running = started
	return started.client, nil
}

// Kill ends the engine at once, and everything it started; the next Get starts
// it anew.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		p.running.end()
		p.running = nil
	}
}

// Close ends the engine for good.
func (p *Process) Close() {
	p.Kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// PID is the engine's process ID, or 0 when it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return 0
	}
	return p.running.command.Process.Pid
}

func (p *Process) start(ctx context.Context) (*running, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	// Socket paths are limited to about 100 bytes, so not below the cache.
	directory, err := os.MkdirTemp("", "t1-")
	if err != nil {
		return nil, fmt.Errorf("directory for the engine's socket: %w", err)
	}
	r, err := p.spawn(directory)
	if err != nil {
		_ = os.RemoveAll(directory)
		return nil, err
	}
	if err := p.wait(ctx, r); err != nil {
		r.end()
		return nil, err
	}
	return r, nil
}

func (p *Process) check() error {
	if _, err := exec.LookPath(p.options.Python); err != nil {
		return t1.Errorf(t1.KindNotFound, "no Python interpreter at %s", p.options.Python).
			WithHint("run `make setup`, or set T1_PYTHON to an interpreter that has the engine's packages")
	}
	if _, err := os.Stat(filepath.Join(p.options.Dir, "t1_engine")); err != nil {
		return t1.Errorf(t1.KindNotFound, "no engine package t1_engine in %s", p.options.Dir).
			WithHint("set T1_ENGINE_DIR to the repository's directory engine")
	}
	return nil
}

func (p *Process) spawn(directory string) (*running, error) {
	socket := filepath.Join(directory, "engine.sock")
	command := exec.Command(p.options.Python, "-m", "t1_engine", "serve", "--socket", socket, "--threads", strconv.Itoa(p.options.Threads))
	command.Dir = p.options.Dir
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its children can be ended with it
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if p.options.Log != "" {
		log, err := os.OpenFile(p.options.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("engine log: %w", err)
		}
		defer func() { _ = log.Close() }()
		command.Stderr, command.Stdout = log, log
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	r := &running{command: command, stdin: stdin, socket: directory, gone: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(r.gone)
	}()
	r.client, err = connect(socket, p.options.Stall, r.kill)
	if err != nil {
		r.end()
	}
	return r, err
}

// wait asks until the engine answers; one that ends first says why in its log.
func (p *Process) wait(ctx context.Context, r *running) error {
	deadline := time.Now().Add(p.options.Start)
	for {
		if _, err := r.client.Describe(ctx); err == nil {
			return nil
		} else if errors.Is(err, context.Canceled) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.gone:
			return t1.Errorf(t1.KindUnavailable, "the engine ended while starting (%s)%s", r.command.ProcessState, lastLines(p.options.Log)).
				WithHint("run `make setup`: the engine's packages may be missing")
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return t1.Errorf(t1.KindUnavailable, "the engine did not answer within %s%s", p.options.Start, lastLines(p.options.Log))
		}
	}
}

// kill ends the process group; the engine's own death is noticed by the waiter.
func (r *running) kill() { _ = syscall.Kill(-r.command.Process.Pid, syscall.SIGKILL) }

// end kills the engine, waits until it is gone and clears up behind it.
func (r *running) end() {
	r.kill()
	<-r.gone
	_ = r.stdin.Close()
	if r.client != nil {
		r.client.close()
	}
	_ = os.RemoveAll(r.socket)
}

// lastLines quotes the end of a log, for an error.
func lastLines(file string) string {
	data, err := os.ReadFile(file)
	if err != nil || len(data) == 0 {
		return ""
	}
	const most = 600
	return ": " + string(data[max(0, len(data)-most):])
}

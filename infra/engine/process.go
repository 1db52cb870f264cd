// Package engine starts, watches and asks the Python engine: one process, one
// Unix socket, one state.
package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"t1"
)

// Options says how the engine runs.
type Options struct {
	Python   string        // interpreter with the engine's packages
	Dir      string        // directory that holds the package t1_engine
	Log      string        // file that the engine's standard error is appended to; empty keeps it for error messages only
	Threads  int           // CPU threads of each process, at least 1, until [Process.SetResources]
	Trainers Trainers      // how it trains, until [Process.SetResources]
	Stall    time.Duration // longest silence of a streaming call before the engine is ended; 0 waits for ever
	Start    time.Duration // longest time to start; 0 means 2 minutes: a busy machine imports torch for long
}

// Process is a supervised engine: started on demand, started anew when it died.
// Its methods may be called from many goroutines.
type Process struct {
	options Options

	mu       sync.Mutex
	life     *life  // nil when none has been started, or it was ended by us
	starting *start // nil when none is under way
	closed   bool
}

// start is an attempt to start that callers share.
type start struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when life and err are set
	life   *life
	err    error
}

// errEnded is why a start is given up when somebody ends the engine.
var errEnded = errors.New("the engine was ended while it started")

// New makes a process that is not started yet.
func New(options Options) *Process {
	if options.Start == 0 {
		options.Start = 2 * time.Minute
	}
	return &Process{options: options}
}

// Get gives a client of a live engine, starting one where none runs; callers
// share one start, and ctx bounds how long this one waits for it. The client is
// good until the engine dies: then its calls fail with KindUnavailable, and the
// next Get starts another, which holds no state.
//
// KindNotFound: no interpreter, no package, or a Python package is missing.
// KindUnavailable: the engine ended or did not answer in time, with the last
// lines of its log. KindPreempted: the process is closed.
func (p *Process) Get(ctx context.Context) (*Client, error) {
	client, pending, err := p.current()
	if client != nil || err != nil {
		return client, err
	}
	select {
	case <-pending.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if pending.err != nil {
		return nil, pending.err
	}
	return pending.life.client, nil
}

// current is the live engine's client, or the start under way, which it begins
// where there is none.
func (p *Process) current() (*Client, *start, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, t1.Errorf(t1.KindPreempted, "the engine is closed")
	}
	if p.life.alive() {
		return p.life.client, nil, nil
	}
	if p.starting == nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		p.starting = &start{cancel: cancel, done: make(chan struct{})}
		go p.run(ctx, p.options, p.starting, p.life)
		p.life = nil
	}
	return nil, p.starting, nil
}

// run carries out a start, after clearing up behind an engine that died.
func (p *Process) run(ctx context.Context, options Options, s *start, dead *life) {
	defer close(s.done)
	defer s.cancel(nil)
	dead.end()
	s.life, s.err = launch(ctx, options)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting = nil
	if s.err == nil && ctx.Err() != nil { // ended just as it was ready
		s.life.end()
		s.err = t1.Errorf(t1.KindUnavailable, "%w", context.Cause(ctx))
	}
	if s.err == nil {
		p.life = s.life
	}
}

// SetResources says what the engine computes with. It is part of the
// fingerprint, so an engine that runs with other resources is ended: its state
// is rebuilt with these.
func (p *Process) SetResources(r t1.ResourcesSpec) {
	trainers := trainersOf(r)
	p.mu.Lock()
	same := p.options.Threads == r.Threads && p.options.Trainers == trainers
	p.options.Threads, p.options.Trainers = r.Threads, trainers
	p.mu.Unlock()
	if !same {
		p.Kill()
	}
}

// Kill ends the engine at once, and everything it started, and returns when it
// is gone; the next Get starts it anew.
func (p *Process) Kill() { p.shut(false) }

// Close is Kill for good.
func (p *Process) Close() { p.shut(true) }

func (p *Process) shut(forGood bool) {
	p.mu.Lock()
	running, pending := p.life, p.starting
	p.life = nil
	p.closed = p.closed || forGood
	p.mu.Unlock()
	if pending != nil {
		pending.cancel(errEnded)
		<-pending.done
	}
	running.end()
}

// PID is the engine's process ID, or 0 when it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.life.alive() {
		return 0
	}
	return p.life.PID()
}

// locate makes the interpreter's and the package's paths absolute, since the
// engine runs in another directory than ours.
func (o *Options) locate() error {
	found, err := exec.LookPath(o.Python)
	if err == nil {
		o.Python, err = filepath.Abs(found)
	}
	if err != nil {
		return t1.Errorf(t1.KindNotFound, "no Python interpreter at %q: %w", o.Python, err).
			WithHint("run `make setup`, or set T1_PYTHON to an interpreter that has the engine's packages")
	}
	if o.Dir, err = filepath.Abs(o.Dir); err == nil {
		_, err = os.Stat(filepath.Join(o.Dir, "t1_engine"))
	}
	if err != nil {
		return t1.Errorf(t1.KindNotFound, "no engine package t1_engine in %s", o.Dir).
			WithHint("set T1_ENGINE_DIR to the repository's directory engine")
	}
	return nil
}

// Package vllm samples with a vLLM server: it starts and watches the server,
// gives it weights, has it prove which weights it serves, and asks it for
// responses. Nobody but this package can reach the server; docs/vllm.md says
// what is exposed and what stops it.
package vllm

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"t1"
)

// Options says how the server runs.
type Options struct {
	Python      string        // interpreter of an environment that has vLLM: not the engine's
	Dir         string        // holds the policies served; ours alone, made where missing; room for two policies
	Log         string        // file that the server's output is appended to; empty keeps it for error messages only
	DataType    string        // of weights and activations, such as "bfloat16"; empty means the model's own
	Length      int           // longest prompt and response together, tokens; 0 means the model's own
	Sequences   int           // decoded at once, and requests under way; 0 means 64
	Tolerance   float64       // largest gap of a probe's log-probability to the trainer's, nats; 0 means 0.1
	Stall       time.Duration // longest time without a new token while requests run, or without a sign of health; 0 means 5 min
	Start       time.Duration // longest time to start; 0 means 10 min
	Arguments   []string      // more of the server's own, such as "--enforce-eager"
	Environment []string      // more of the server's own, "NAME=value"
}

// Server is a supervised vLLM server that serves one policy at a time. Its
// methods may be called from many goroutines.
type Server struct {
	options Options
	use     *semaphore.Weighted // a generation holds 1, a change of policy everyone
	slots   *semaphore.Weighted // requests under way
	opening *semaphore.Weighted // the directory of policies

	mu     sync.Mutex
	life   *life  // nil where none was started or it was ended by us
	proven Policy // what life serves, by proof; no digest where that is unproven
	last   Policy // proven last, by whatever process: what a restart serves again
	closed bool
}

const everyone = math.MaxInt32

// Stage is told, about once a second, what a long call is waiting for.
type Stage func(what string)

// New makes a server that is not started yet; Open starts it.
func New(options Options) *Server {
	setDefault(&options.Sequences, 64)
	setDefault(&options.Tolerance, 0.1)
	setDefault(&options.Stall, 5*time.Minute)
	setDefault(&options.Start, 10*time.Minute)
	return &Server{
		options: options, use: semaphore.NewWeighted(everyone), opening: semaphore.NewWeighted(1),
		slots: semaphore.NewWeighted(int64(options.Sequences)),
	}
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// start begins a new process on the policy that is current in Dir and waits
// until it answers; a process that was there is ended first.
func (s *Server) start(ctx context.Context, stage Stage) (*life, error) {
	s.Kill()
	l, err := s.spawn()
	if err != nil {
		return nil, err
	}
	if err := l.await(ctx, s.options.Start, stage); err != nil {
		l.end()
		return nil, err
	}
	if l.length, err = l.client.longest(ctx); err != nil {
		l.end()
		return nil, err
	}
	l.watch(s.options.Stall)
	return l, nil
}

// spawn starts a process under the lock, so that Kill and Close find it.
func (s *Server) spawn() (*life, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, t1.Errorf(t1.KindPreempted, "the vLLM server is closed")
	}
	l, err := spawn(s.options)
	if err != nil {
		return nil, err
	}
	s.life = l
	return l, nil
}

// running is the live process, or nil.
func (s *Server) running() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.alive() {
		return s.life
	}
	return nil
}

// serving is the live process that serves a policy by proof, or nil.
func (s *Server) serving(policy t1.Digest) *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proven.Digest == policy && s.life.alive() {
		return s.life
	}
	return nil
}

// Policy is the digest of the policy that is served by proof, or empty.
func (s *Server) Policy() t1.Digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.life.alive() {
		return ""
	}
	return s.proven.Digest
}

// PID is the process ID of the server, or 0 when it does not run.
func (s *Server) PID() int {
	if l := s.running(); l != nil {
		return l.PID()
	}
	return 0
}

// Kill ends the server at once, and everything it started, and returns when it
// is gone. A generation under way starts it anew and goes on; otherwise Open
// does.
func (s *Server) Kill() {
	s.mu.Lock()
	l := s.life
	s.life, s.proven = nil, Policy{}
	s.mu.Unlock()
	l.end()
}

// Close is Kill for good: every later call is KindPreempted.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Kill()
}

// Package devserver runs Temporal's development server: one process with a
// database file, on the loopback interface only.
package devserver

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"t1"
	"t1/infra/process"
)

// Options says how the server runs. The zero value is a server in memory on
// Temporal's usual ports.
type Options struct {
	Binary           string            // path of temporal; empty takes .bin/temporal, else the one in PATH
	DBFile           string            // database, made where it is missing; empty keeps everything in memory
	Port             int               // of the frontend (gRPC); 0 means 7233
	UIPort           int               // of the web UI; 0 means Port + 1000, below 0 means no web UI
	LogFile          string            // appended to; empty discards what the server writes
	SearchAttributes map[string]string // name to type: Text, Keyword, Int, Double, Bool, Datetime, KeywordList
	Retention        time.Duration     // how long ended workflows are kept; 0 means 30 days
	StartTimeout     time.Duration     // longest time until it answers; 0 means 30 s
	Grace            time.Duration     // for a clean end before it is killed; 0 means 10 s (it takes 3)
}

func (o *Options) setDefaults() {
	if o.Port == 0 {
		o.Port = 7233
	}
	if o.UIPort == 0 {
		o.UIPort = o.Port + 1000
	}
	if o.Retention == 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 30 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
}

// Server is a running server. It dies with this process, however that dies.
type Server struct {
	Address   string // of the frontend, host:port
	UIAddress string // URL of the web UI; empty without one

	options Options
	process *process.Process
	done    chan struct{} // closed when the process has ended and its pid file is gone
	stop    sync.Once
}

// Start runs the server and returns when its frontend answers; ctx bounds the
// start alone. A server on the same database that an earlier, killed process
// left behind is ended first.
//
// KindNotFound: no temporal binary. KindConflict: a port is taken, or a living
// process runs a server on this database. KindUnavailable: it ended or did not
// answer in time; the message quotes its log.
func Start(ctx context.Context, options Options) (*Server, error) {
	options.setDefaults()
	binary, err := findBinary(options.Binary)
	if err != nil {
		return nil, err
	}
	if err := endLeftover(options); err != nil {
		return nil, err
	}
	var s *Server
	for range starts {
		if err = checkPorts(options); err != nil {
			return nil, err
		}
		if s, err = start(ctx, options, binary); err == nil || !s.lostAPort() {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// starts is how often a start is tried: the server draws ports for its own use
// from the free ones and takes them a second later, when another program of a
// busy machine may have them.
const starts = 4

// start gives the ended server with an error.
func start(ctx context.Context, options Options, binary string) (*Server, error) {
	s := &Server{Address: address(options.Port), options: options, done: make(chan struct{})}
	if options.UIPort > 0 {
		s.UIAddress = "http://" + address(options.UIPort)
	}
	if err := s.spawn(binary); err != nil {
		return s, err
	}
	if err := s.await(ctx, binary); err != nil {
		_ = s.Stop()
		return s, err
	}
	return s, nil
}

// lostAPort says whether another program had one of the server's ports.
func (s *Server) lostAPort() bool {
	return s.process != nil && strings.Contains(s.process.Written(), syscall.EADDRINUSE.Error())
}

func (s *Server) spawn(binary string) error {
	command := exec.Command(binary, arguments(s.options)...)
	command.Env = environment()
	var err error
	if s.process, err = process.Start(command, process.Options{
		Name: "Temporal server", Log: s.options.LogFile, RunHint: "run `make setup`",
	}); err != nil {
		return err
	}
	go func() {
		<-s.process.Gone()
		removePID(s.options)
		close(s.done)
	}()
	return s.keepPID()
}

// keepPID writes the pid file; without one a leftover could not be found, so
// the server does not go on.
func (s *Server) keepPID() error {
	if err := writePID(s.options, s.PID()); err != nil {
		s.Kill()
		<-s.done
		return fmt.Errorf("pid file of the Temporal server: %w", err)
	}
	return nil
}

// PID is the server's process ID.
func (s *Server) PID() int { return s.process.PID() }

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Wait returns when the process has ended: nil after a clean end, else
// KindUnavailable with how it ended, as *exec.ExitError in its chain, and the
// last lines of its log. Any number of callers may wait.
func (s *Server) Wait() error {
	<-s.done
	state := s.process.State()
	if state.Success() {
		return nil
	}
	return t1.Errorf(t1.KindUnavailable, "the Temporal server ended (%w)%s", &exec.ExitError{ProcessState: state}, s.logEnd())
}

// Terminate asks the server to end cleanly, and returns at once.
func (s *Server) Terminate() { s.process.Signal(syscall.SIGTERM) }

// Kill ends the server where it stands. Its database survives that.
func (s *Server) Kill() { s.process.Kill() }

// Stop ends the server, cleanly if that works within the grace time, and
// returns when it is gone. It may be called again, and after the server died.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		s.Terminate()
		select {
		case <-s.done:
		case <-time.After(s.options.Grace):
			s.Kill()
		}
	})
	<-s.done
	return nil
}

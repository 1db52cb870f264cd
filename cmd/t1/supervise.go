package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// process is a child that runs.
type process interface {
	PID() int
	// Wait returns when the process has ended, with what it last said.
	Wait() error
	// Terminate asks the process to end cleanly.
	Terminate()
	// Kill ends the process where it stands.
	Kill()
}

// child is a process to keep alive.
type child struct {
	name  string
	start func(ctx context.Context) (process, error)
	grace time.Duration // for a clean end
}

// Back-off between two starts of a child: doubled each time one dies, back to
// the first once one has lived for settled.
const (
	backoffFirst = 250 * time.Millisecond
	backoffMost  = 10 * time.Second
	settled      = 30 * time.Second
	// A child that ends this soon after its very first start will not do better
	// the next time: its reason is given up with.
	stillborn = 5 * time.Second
)

// supervisor keeps children alive; started is told of each start, note what
// went wrong.
type supervisor struct {
	started func(name string, p process)
	note    func(format string, args ...any)
}

// first starts a child for the first time; what fails then is for the user.
func (s supervisor) first(ctx context.Context, c child) (process, error) {
	p, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	s.started(c.name, p)
	return p, nil
}

// keep restarts the child whenever it ends, until ctx does; then it stops it.
// It gives up on a child that never lived.
func (s supervisor) keep(ctx context.Context, c child, p process) error {
	backoff := backoffFirst
	for first := true; ; first = false {
		began := time.Now()
		stopped, err := s.watch(ctx, c, p)
		if stopped {
			return nil
		}
		lived := time.Since(began)
		if killed := isKilled(err); first && lived < stillborn && !killed {
			return fmt.Errorf("%s ended: %w", c.name, err)
		}
		if lived > settled {
			backoff = backoffFirst
		}
		s.note("%s ended (%s); starting it again in %s", c.name, firstLine(err), backoff)
		if p, backoff = s.again(ctx, c, backoff); p == nil {
			return nil
		}
	}
}

// watch waits for the child's end or, when ctx ends, stops it; stopped says
// which of the two, err how a child ended by itself.
func (s supervisor) watch(ctx context.Context, c child, p process) (stopped bool, err error) {
	adopt(p.PID())
	defer disown(p.PID())
	ended := make(chan struct{})
	go func() {
		err = p.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return ctx.Err() != nil, err
	case <-ctx.Done():
	}
	p.Terminate()
	select {
	case <-ended:
	case <-time.After(c.grace):
		p.Kill()
		<-ended
	}
	return true, nil
}

// again starts the child until it can be; nil when ctx ended first. It gives
// the back-off to use the next time.
func (s supervisor) again(ctx context.Context, c child, backoff time.Duration) (process, time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return nil, backoff
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, backoffMost)
		p, err := c.start(ctx)
		if err == nil {
			s.started(c.name, p)
			return p, backoff
		}
		if ctx.Err() == nil {
			s.note("%s does not start (%s); trying again in %s", c.name, firstLine(err), backoff)
		}
	}
}

// firstLine is how a child ended, without the quotations from its log.
func firstLine(err error) string {
	if err == nil {
		return "by itself"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

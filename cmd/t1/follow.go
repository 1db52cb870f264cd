package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"t1"
)

// follower looks on at a run until it ends.
type follower struct {
	temporal client.Client
	store    t1.Store
	run      string
	view     view

	newest t1.Observation // of the newest record, for the rates
	parked string         // since when, as last told
	missed int            // looks in a row without an answer
}

// How often to look, and for how long one look may take: a worker that replays
// a history answers late.
const (
	lookEvery = time.Second
	// What stays as it is is looked at less and less often. A look a second takes a
	// tenth of a core from the server and the worker, and an engine whose two threads
	// wait for one another loses a multiple of that.
	lookSeldom = 5 * time.Second
	lookTime   = 10 * time.Second
	// A run ended from outside still answers with its last phase, so now and
	// then the server is asked whether it is alive.
	looksPerCheck = 5
	missesToTell  = 3
)

// pace is how long to wait before the next look.
type pace struct {
	wait time.Duration
	seen string // what the last look saw
}

// next is told what a look saw.
func (p *pace) next(s t1.Status) time.Duration {
	seen := fmt.Sprint(s.Phase, s.Step, s.Done, s.Seq)
	p.wait = min(p.wait*5/4, lookSeldom)
	if seen != p.seen {
		p.wait, p.seen = lookEvery, seen
	}
	return p.wait
}

// follow shows a run's progress until it ends. One that was stopped before it
// was complete is no error: somebody asked for it.
func (t *tool) follow(ctx context.Context, c client.Client, run string) (phase string, err error) {
	store, err := t.openStore(ctx)
	if err != nil {
		return "", err
	}
	f := &follower{temporal: c, store: store, run: run, view: t.newView(), newest: t1.Observation{Seq: -1}}
	defer f.view.Close()
	last, err := f.follow(ctx)
	if err != nil {
		return "", err
	}
	f.view.Note(fmt.Sprintf("run %s is %s, %d records", run, last.Phase, last.Seq+1))
	return last.Phase, nil
}

// follow shows the run's status until it is done or stopped.
func (f *follower) follow(ctx context.Context) (t1.Status, error) {
	var pace pace
	for look := 1; ; look++ {
		status, err := f.look(ctx)
		switch {
		case ctx.Err() != nil:
			return status, ctx.Err()
		case err == nil && over(status.Phase):
			f.show(ctx, status)
			return status, nil
		case err == nil:
			f.show(ctx, status)
		case t1.KindOf(err) == t1.KindNotFound:
			return status, err
		default:
			f.miss(err)
		}
		if look%looksPerCheck == 0 {
			if err := f.alive(ctx); err != nil {
				return status, err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pace.next(status)):
		}
	}
}

// over reports whether a phase is a run's last.
func over(phase string) bool { return phase == t1.PhaseDone || phase == t1.PhaseStopped }

// miss tells of a run that does not answer, but not at once: a worker that is
// busy, or was just started, takes its time.
func (f *follower) miss(err error) {
	if f.missed++; f.missed >= missesToTell {
		f.view.Waiting(err.Error())
	}
}

func (f *follower) look(ctx context.Context) (t1.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return queryStatus(ctx, f.temporal, f.run)
}

// queryStatus asks a run how it is.
func queryStatus(ctx context.Context, c client.Client, run string) (t1.Status, error) {
	var status t1.Status
	answer, err := c.QueryWorkflow(ctx, run, "", t1.QueryStatus)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return status, t1.Errorf(t1.KindNotFound, "Temporal knows no run %s", run).WithHint("t1 list")
	}
	if err != nil {
		return status, translate(err)
	}
	return status, answer.Get(&status)
}

// alive is an error once the run was ended from outside.
func (f *follower) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	description, err := f.temporal.DescribeWorkflowExecution(ctx, f.run, "")
	if err != nil {
		return nil // the next look tells
	}
	switch state := description.GetWorkflowExecutionInfo().GetStatus(); state {
	case enums.WORKFLOW_EXECUTION_STATUS_FAILED, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED,
		enums.WORKFLOW_EXECUTION_STATUS_CANCELED, enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return t1.Errorf(t1.KindInternal, "the run's workflow is %s", state).
			WithHint("temporal workflow show -w %s; its records are kept: t1 log %s", f.run, f.run)
	}
	return nil
}

func (f *follower) show(ctx context.Context, status t1.Status) {
	f.missed = 0
	if status.Seq >= 0 && status.Seq != f.newest.Seq {
		// A view only: without it rates are left out.
		var seen t1.Observation
		if err := readJSON(ctx, f.store, t1.ObservedKey(f.run, status.Seq), &seen); err == nil {
			f.newest = seen
		}
	}
	if p := status.Parked; p != nil && p.Since != f.parked {
		f.parked = p.Since
		f.view.Note(fmt.Sprintf("parked in %s: %s\nTry: %s", p.Step, p.Reason, p.Command))
	}
	f.view.Show(frameOf(status, f.newest, time.Now()))
}

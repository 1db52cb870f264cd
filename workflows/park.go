package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// How a parked step goes on, as a Resolution's action.
const (
	actionRetry    = "retry"
	actionResample = "resample" // an iteration, see [run.discard]
	actionSkip     = "skip"
	actionAbort    = "abort"
)

// errAborted ends a run whose parked step a person gave up.
var errAborted = errors.New("aborted")

// step does one unit of work until it succeeds. When it fails for good the run
// is parked: it waits for a person, over continue-as-new too. Skipped is true
// where that person passed the step over.
func (r *run) step(ctx workflow.Context, what string, skippable bool, do func() error) (skipped bool, err error) {
	for {
		if r.Status.Parked == nil || r.Status.Parked.Step != what {
			r.doing(ctx, what)
			err := do()
			if err == nil {
				r.changed = true
				return false, nil
			}
			if ctx.Err() != nil {
				return false, ctx.Err() // the run was cancelled: what is made is kept
			}
			r.park(ctx, what, skippable, err)
		}
		action, err := r.resolution(ctx)
		if err != nil {
			return false, err
		}
		switch action {
		case actionSkip:
			return true, nil
		case actionAbort:
			return false, errAborted
		}
	}
}

// park says why the run waits, and what to type.
func (r *run) park(ctx workflow.Context, what string, skippable bool, err error) {
	kind, reason, _ := failure(err)
	r.Skippable = skippable
	r.Status.Parked = &t1.Parked{
		Since: now(ctx), Step: what, Kind: kind, Reason: reason,
		Command: fmt.Sprintf(`temporal workflow update execute --workflow-id %s --name %s --input '{"action":"%s"}'`,
			r.Status.Run, t1.UpdateResolve, actionRetry),
	}
	workflow.GetLogger(ctx).Warn("parked", "step", what, "kind", kind, "reason", reason)
}

// resolution waits for a person and takes the run out of its parking space.
func (r *run) resolution(ctx workflow.Context) (action string, err error) {
	phase := r.Status.Phase
	r.enter(ctx, t1.PhaseParked)
	if err := workflow.Await(ctx, func() bool { return r.answer != nil || r.wantsNew(ctx) }); err != nil {
		return "", err
	}
	if r.answer == nil {
		return "", r.continueAsNew(ctx)
	}
	action = r.answer.Action
	r.Drawn.Anew = r.Drawn.Anew || action == actionResample
	r.answer, r.Status.Parked, r.Skippable, r.changed = nil, nil, false, true
	r.enter(ctx, phase)
	return action, nil
}

// failure reads an error of an activity or a child workflow: its kind, what to
// tell a person, and whether another attempt cannot help. The kind of nil is empty.
func failure(err error) (kind t1.Kind, reason string, final bool) {
	var ours *t1.Error
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	switch {
	case err == nil:
		return "", "", false
	case errors.As(err, &ours):
		return ours.Kind, withHint(ours.Message, t1.HintOf(ours)), true
	case errors.As(err, &timeout): // before the application error: that would be of an earlier attempt
		return t1.KindUnavailable, fmt.Sprintf("an attempt made no progress or took too long (%s timeout)", timeout.TimeoutType()), false
	case errors.As(err, &application):
		var hint string
		if application.HasDetails() {
			_ = application.Details(&hint) // details of another shape are no hint
		}
		return kindOf(application), withHint(application.Message(), hint), application.NonRetryable()
	}
	return t1.KindInternal, err.Error(), false
}

// kindOf maps failures that are not our activities' own, a panic for one, to
// the kind for anything else.
func kindOf(err *temporal.ApplicationError) t1.Kind {
	switch kind := t1.Kind(err.Type()); kind {
	case t1.KindInvalid, t1.KindNotFound, t1.KindConflict, t1.KindOutOfMemory, t1.KindNumeric, t1.KindSamplerGap, t1.KindCorrupt,
		t1.KindStateMismatch, t1.KindDiskFull, t1.KindUnavailable, t1.KindPreempted:
		return kind
	}
	return t1.KindInternal
}

func withHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + ". Try: " + hint
}

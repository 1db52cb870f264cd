package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// listen answers the status query and takes updates. It comes before anything
// blocks, so that an update sent with the start, or over continue-as-new, finds
// its handler.
func (r *run) listen(ctx workflow.Context) error {
	status := func() (t1.Status, error) { return r.Status, nil }
	return errors.Join(
		workflow.SetQueryHandler(ctx, t1.QueryStatus, status),
		r.on(ctx, t1.UpdatePause, "wait before the next record", r.canPause, func() { r.Status.PauseAsked = true }),
		r.on(ctx, t1.UpdateResume, "go on after a pause", r.canResume, func() { r.Status.PauseAsked = false }),
		r.on(ctx, t1.UpdateStop, "end after the iteration at hand", r.canStop, func() { r.Status.StopAsked, r.Status.PauseAsked = true, false }),
		r.on(ctx, t1.UpdateSnapshot, "keep the whole state at the next record", r.canSnapshot, func() { r.SnapshotAsked = true }),
		r.on(ctx, t1.UpdateEvaluate, "measure the policy at the next record", r.canEvaluate, func() { r.EvaluationAsked = true }),
		r.onInput(ctx, t1.UpdateSet, "change numbers from the next iteration on", r.canSet, r.set),
		r.onInput(ctx, t1.UpdateResolve, "answer for a parked step: retry, resample, skip or abort", r.canResolve, r.resolve),
	)
}

// on takes an update without input.
func (r *run) on(ctx workflow.Context, name, description string, check func() error, do func()) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context) (t1.Status, error) {
		do()
		return r.accepted(ctx), nil
	}, workflow.UpdateHandlerOptions{Validator: func(workflow.Context) error { return check() }, Description: description})
}

// onInput takes an update with input. It is decoded here, strictly: the SDK
// would drop a misspelt key and accept the update.
func (r *run) onInput(ctx workflow.Context, name, description string, check func(json.RawMessage) error, do func(json.RawMessage)) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context, in json.RawMessage) (t1.Status, error) {
		do(in)
		return r.accepted(ctx), nil
	}, workflow.UpdateHandlerOptions{Validator: func(_ workflow.Context, in json.RawMessage) error { return check(in) }, Description: description})
}

func (r *run) accepted(ctx workflow.Context) t1.Status {
	r.changed = true
	workflow.SetCurrentDetails(ctx, r.details())
	return r.Status
}

// refuse is what a validator answers; the run's history does not change.
func refuse(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), string(t1.KindInvalid), nil)
}

func (r *run) going() error {
	if r.ending {
		return refuse("the run is ending or has ended: there is nothing left to steer")
	}
	return nil
}

func (r *run) canPause() error {
	if r.Status.StopAsked {
		return refuse("the run is stopping after what it is doing")
	}
	if r.Status.PauseAsked {
		return refuse("the run is paused already, or will be before its next record")
	}
	return r.going()
}

func (r *run) canResume() error {
	if !r.Status.PauseAsked {
		return refuse("the run is not paused")
	}
	return r.going()
}

func (r *run) canStop() error {
	if r.Status.Parked != nil {
		return refuse(`the run is parked: end it with the update %s and {"action":"%s"}`, t1.UpdateResolve, actionAbort)
	}
	if r.Status.StopAsked {
		return refuse("the run is stopping already")
	}
	return r.going()
}

func (r *run) canSnapshot() error {
	if r.Status.Seq < 0 {
		return refuse("there is no record to keep a snapshot of yet")
	}
	return r.going()
}

func (r *run) canEvaluate() error {
	if r.FineTuned == "" {
		return refuse("the supervised initialisation is not over; its policy is evaluated anyway")
	}
	return r.going()
}

func (r *run) canSet(in json.RawMessage) error {
	if err := r.going(); err != nil {
		return err
	}
	_, err := parseSteering(in)
	return err
}

func (r *run) set(in json.RawMessage) {
	s, err := parseSteering(in)
	if err != nil {
		return // the validator let it through: it cannot be
	}
	all := &r.Status.Steered
	all.LearningRate, all.Temperature = or(s.LearningRate, all.LearningRate), or(s.Temperature, all.Temperature)
	all.Beta, all.Alpha = or(s.Beta, all.Beta), or(s.Alpha, all.Alpha)
	all.EvaluateEvery, all.GapLimit = or(s.EvaluateEvery, all.EvaluateEvery), or(s.GapLimit, all.GapLimit)
}

func or[T any](given, before *T) *T {
	if given != nil {
		return given
	}
	return before
}

func (r *run) canResolve(in json.RawMessage) error {
	if r.Status.Parked == nil {
		return refuse("the run is not parked: there is nothing to resolve")
	}
	if r.answer != nil {
		return refuse("the run has an answer already: %s", r.answer.Action)
	}
	given, err := parseResolution(in)
	switch {
	case err != nil:
		return err
	case given.Action == actionSkip && !r.Skippable:
		return refuse("%q cannot be skipped, everything after it rests on it: %s or %s", r.Status.Parked.Step, actionRetry, actionAbort)
	case given.Action == actionResample && r.Status.Parked.Step != r.iteration():
		return refuse("%q is no iteration, so nothing of it is sampled anew: %s", r.Status.Parked.Step, actionRetry)
	}
	return nil
}

func (r *run) resolve(in json.RawMessage) {
	if given, err := parseResolution(in); err == nil {
		r.answer = &given
	}
}

package workflows

import (
	"encoding/json"
	"errors"

	"go.temporal.io/sdk/workflow"

	"t1"
)

// listen answers the status query and takes updates, before anything blocks.
func (r *synthesisRun) listen(ctx workflow.Context) error {
	status := func() (t1.SynthesisStatus, error) { return r.Status, nil }
	return errors.Join(
		workflow.SetQueryHandler(ctx, t1.QueryStatus, status),
		r.on(ctx, t1.UpdatePause, "finish the problems at work, then wait", r.canPause, func() { r.Status.PauseAsked = true }),
		r.on(ctx, t1.UpdateResume, "go on after a pause", r.canResume, func() { r.Status.PauseAsked = false }),
		r.on(ctx, t1.UpdateStop, "finish the problems at work, then make the data set of what there is", r.canStop, r.stop),
		workflow.SetUpdateHandlerWithOptions(ctx, t1.UpdateResolve, func(ctx workflow.Context, in json.RawMessage) (t1.SynthesisStatus, error) {
			given, err := r.parseAnswer(in)
			if err == nil { // the validator saw to it
				r.answer = &given
			}
			return r.accepted(ctx), nil
		}, workflow.UpdateHandlerOptions{
			Validator:   func(_ workflow.Context, in json.RawMessage) error { _, err := r.parseAnswer(in); return err },
			Description: "answer for a parked synthesis: retry or skip, and a new budget",
		}),
	)
}

func (r *synthesisRun) on(ctx workflow.Context, name, description string, check func() error, do func()) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context) (t1.SynthesisStatus, error) {
		do()
		return r.accepted(ctx), nil
	}, workflow.UpdateHandlerOptions{Validator: func(workflow.Context) error { return check() }, Description: description})
}

func (r *synthesisRun) accepted(ctx workflow.Context) t1.SynthesisStatus {
	r.changed = true
	workflow.SetCurrentDetails(ctx, r.details())
	return r.Status
}

func (r *synthesisRun) going() error {
	if r.ending {
		return refuse("the synthesis is ending or has ended: there is nothing left to steer")
	}
	return nil
}

func (r *synthesisRun) canPause() error {
	if r.Status.PauseAsked || r.Status.StopAsked {
		return refuse("the synthesis is pausing or stopping already")
	}
	return r.going()
}

func (r *synthesisRun) canResume() error {
	if !r.Status.PauseAsked {
		if r.Status.Parked != nil {
			return refuse(`the synthesis is parked, not paused: give the update %s {"action":"%s"}`, t1.UpdateResolve, actionRetry)
		}
		return refuse("the synthesis is not paused")
	}
	return r.going()
}

func (r *synthesisRun) canStop() error {
	if r.Status.StopAsked {
		return refuse("the synthesis is stopping already")
	}
	if r.Plan.Width == 0 {
		return refuse("the synthesis has not begun: resolve it, or cancel its workflow")
	}
	return r.going()
}

// stop ends a parking too: what failed stays without an outcome.
func (r *synthesisRun) stop() {
	r.Status.StopAsked, r.Status.PauseAsked, r.Status.Parked = true, false, nil
}

func (r *synthesisRun) parseAnswer(in json.RawMessage) (t1.SynthesisResolution, error) {
	var given t1.SynthesisResolution
	switch {
	case r.Status.Parked == nil:
		return given, refuse("the synthesis is not parked: there is nothing to resolve")
	case r.answer != nil:
		return given, refuse("the synthesis has an answer already: %s", r.answer.Action)
	}
	if err := strictly(in, &given); err != nil {
		return given, refuse(`%s: %s; give {"action":"retry"} or "skip", and "budget" for a new one`, t1.UpdateResolve, err)
	}
	budget := r.Status.Budget
	if given.Budget != nil {
		budget = *given.Budget
	}
	switch {
	case given.Action != actionRetry && given.Action != actionSkip:
		return given, refuse("%s: action is %q, must be %s or %s", t1.UpdateResolve, given.Action, actionRetry, actionSkip)
	case given.Action == actionSkip && (len(r.Failed) == 0 || r.Status.Parked.Kind == t1.KindBudget):
		return given, refuse("no problem has failed: there is nothing to skip")
	case budget < 0 || budget > 0 && budget <= r.Status.Spent.Cost:
		return given, refuse("budget is %.4g, must be above the %.4g that is spent, or 0 for no limit", budget, r.Status.Spent.Cost)
	}
	return given, nil
}

package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"t1"
)

// rate is how fast problems go, since the last rest.
type rate struct {
	since time.Time
	done  int
}

// left is the seconds that so many problems take; 0 where nothing is known.
func (p rate) left(now time.Time, done, left int) float64 {
	if done <= p.done {
		return 0
	}
	return now.Sub(p.since).Seconds() / float64(done-p.done) * float64(left)
}

// rest is between two waves, with nothing in flight: here a synthesis waits for
// a person, and here alone it continues as new.
func (r *synthesisRun) rest(ctx workflow.Context) error {
	for !r.Status.StopAsked {
		r.parkIfDue(ctx)
		if err := r.continueAsNew(ctx); err != nil {
			return err
		}
		switch {
		case r.answer != nil:
			r.resolve()
		case r.Status.Parked != nil:
			r.enter(ctx, t1.PhaseParked)
		case r.Status.PauseAsked:
			r.enter(ctx, t1.PhasePaused)
		default:
			return nil
		}
		if err := workflow.Await(ctx, func() bool { return r.ready() || r.wantsNew(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// ready reports whether what the synthesis waits for is there.
func (r *synthesisRun) ready() bool {
	return r.Status.StopAsked || r.answer != nil || r.Status.Parked == nil && !r.Status.PauseAsked
}

// parkIfDue parks for what keeps the next wave from beginning.
func (r *synthesisRun) parkIfDue(ctx workflow.Context) {
	if r.Status.Parked == nil && len(r.Failed) > 0 && r.why != nil {
		r.park(ctx, fmt.Sprintf("%d problems, the first %d", len(r.Failed), r.Failed[0]+1), r.why)
	}
}

// park says why the synthesis waits, and what to type.
func (r *synthesisRun) park(ctx workflow.Context, what string, err error) {
	kind, reason, _ := failure(err)
	input := `{"action":"retry"}`
	if r.spent() {
		input = fmt.Sprintf(`{"action":"retry","budget":%.4g}`, 2*r.Status.Spent.Cost)
	}
	r.Status.SecondsLeft = 0
	r.Status.Parked = &t1.Parked{
		Since: now(ctx), Step: what, Kind: kind, Reason: reason,
		Command: fmt.Sprintf(`temporal workflow update execute --workflow-id %s --name %s --input '%s'`, t1.SynthesisID(r.in.Name), t1.UpdateResolve, input),
	}
	workflow.GetLogger(ctx).Warn("parked", "step", what, "kind", kind, "reason", reason)
}

// resolve takes the synthesis out of its parking space, as a person said.
func (r *synthesisRun) resolve() {
	if r.answer.Budget != nil {
		r.Status.Budget = *r.answer.Budget
	}
	for _, index := range r.Failed {
		r.Again = append(r.Again, againProblem{Index: index, Skip: r.answer.Action == actionSkip})
	}
	r.Failed, r.why, r.answer, r.Status.Parked = nil, nil, nil, nil
}

// patiently does one thing until it succeeds, parked in between.
func (r *synthesisRun) patiently(ctx workflow.Context, do func() error) error {
	for {
		err := do()
		if err == nil {
			r.changed = true
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.park(ctx, r.Status.Phase, err)
		r.enter(ctx, t1.PhaseParked)
		if err := workflow.Await(ctx, func() bool { return r.answer != nil }); err != nil {
			return err
		}
		r.resolve()
	}
}

func (r *synthesisRun) enter(ctx workflow.Context, phase string) {
	r.Status.Phase = phase
	workflow.SetCurrentDetails(ctx, r.details())
}

// details is what the web UI shows of a synthesis, in Markdown.
func (r *synthesisRun) details() string {
	s := r.Status
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %d of %d, %d kept, cost %.4g\n", s.Phase, s.Done, s.Total, s.Kept, s.Spent.Cost)
	if s.Parked != nil {
		fmt.Fprintf(&b, "\n%s: %s\n\n    %s\n", s.Parked.Kind, s.Parked.Reason, s.Parked.Command)
	}
	for _, reason := range workflow.DeterministicKeys(s.Rejected) {
		fmt.Fprintf(&b, "- %s %d\n", reason, s.Rejected[reason])
	}
	return b.String()
}

// wantsNew reports whether this execution's history should end here. An
// execution that has changed nothing never does: it would go round for ever.
func (r *synthesisRun) wantsNew(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	full := r.begun >= max(1, r.Plan.PerFlow)
	return full || r.changed && (info.GetContinueAsNewSuggested() || info.GetTargetWorkerDeploymentVersionChanged())
}

// continueAsNew goes on in a new execution, if it is time to. Nothing may yield
// after the wait: an update handled in between would be lost with the state.
func (r *synthesisRun) continueAsNew(ctx workflow.Context) error {
	if !r.wantsNew(ctx) {
		return nil
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	if r.answer != nil {
		r.resolve()
	}
	return workflow.NewContinueAsNewErrorWithOptions(ctx, withTheCurrentBuild, t1.WorkflowSynthesize, r.in, &r.SynthesisCarried)
}

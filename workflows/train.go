package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// Train is a run, from a spec to an evaluated policy; its name is the workflow's
// ID. Users start it with one argument, the spec, or a t1.ForkRequest. Carried is nil then, and holds
// the run's state after continue-as-new.
//
// Started again under the same ID, or reset, it finds every record, rollout and
// snapshot it made, and goes on behind them.
func Train(ctx workflow.Context, spec json.RawMessage, carried *Carried) (Outcome, error) {
	r := newRun(ctx, spec, carried)
	if err := r.listen(ctx); err != nil {
		return Outcome{}, err
	}
	err := r.train(ctx)
	aborted := errors.Is(err, errAborted)
	if err != nil && !aborted {
		return Outcome{}, err
	}
	r.close(ctx, aborted)
	return r.outcome(), workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// run is one execution of Train.
type run struct {
	Carried
	given   json.RawMessage // the spec as the user wrote it
	answer  *t1.Resolution  // to the step that is parked; nil until a person gives it
	turned  int             // iterations gone through in this execution
	changed bool            // this execution has done or accepted anything
	ending  bool            // nothing can be steered any more
}

func newRun(ctx workflow.Context, spec json.RawMessage, carried *Carried) *run {
	if carried == nil {
		return &run{given: spec, Carried: newCarried(ctx)}
	}
	if carried.Schema > carriedSchema {
		// A panic fails the workflow task, not the run: it waits for a newer worker.
		panic(fmt.Sprintf("the run's state has schema %d, this worker knows %d: deploy a newer t1", carried.Schema, carriedSchema))
	}
	return &run{given: spec, Carried: *carried}
}

// train reads from top to bottom; each line goes on where the run is.
func (r *run) train(ctx workflow.Context) error {
	if err := r.resolveSpec(ctx); err != nil {
		return err
	}
	ctx = workflow.WithHeartbeatTimeout(ctx, time.Duration(r.Spec.Resources.HeartbeatTimeout)*time.Second)
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.fineTune(ctx); err != nil {
		return err
	}
	if err := r.choosePool(ctx); err != nil {
		return err
	}
	if err := r.reinforce(ctx); err != nil {
		return err
	}
	return r.finish(ctx)
}

// resolveSpec is the one place where a run fails instead of parking: nothing
// has started, and only another spec helps.
func (r *run) resolveSpec(ctx workflow.Context) error {
	if r.Spec.Version != 0 {
		return nil
	}
	if t1.IsFork(r.given) {
		return r.branch(ctx)
	}
	r.enter(ctx, t1.PhaseStarting)
	var refused error
	_, err := r.step(ctx, "reading the spec", false, func() error {
		spec, err := call(ctx, "spec", t1.Control.ResolveSpec, t1.ResolveInput{Run: r.Status.Run, Spec: r.given})
		if kind, reason, _ := failure(err); kind == t1.KindInvalid || kind == t1.KindConflict {
			refused = temporal.NewNonRetryableApplicationError(reason, string(kind), nil)
			return nil
		}
		r.Spec, r.Status.Iterations = spec, spec.RL.Iterations
		return err
	})
	if err != nil {
		return err
	}
	return refused
}

func (r *run) prepare(ctx workflow.Context) error {
	if r.Status.Seq >= 0 {
		return nil
	}
	r.enter(ctx, t1.PhaseStarting)
	_, err := r.step(ctx, "preparing data and model", false, func() error {
		out, err := call(ctx, "data sets and record 0", t1.Trainer.Prepare, t1.PrepareInput{Run: r.Status.Run})
		if err == nil {
			r.Steps = supervisedSteps(r.Spec.SFT, out.Data.Counts.Traces)
			r.advance(out.Step)
		}
		return err
	})
	return err
}

// fineTune is the supervised initialisation, and what is kept and measured of it.
func (r *run) fineTune(ctx workflow.Context) error {
	for r.Trained < r.Steps {
		r.enter(ctx, t1.PhaseSFT)
		r.Status.Done, r.Status.Total = r.Trained, r.Steps
		if err := r.boundary(ctx); err != nil || r.Status.StopAsked {
			return err
		}
		to := min(r.Steps, r.Trained+max(1, r.Spec.SFT.StepsPerRecord))
		what := fmt.Sprintf("supervised steps %d to %d of %d", r.Trained+1, to, r.Steps)
		if _, err := r.step(ctx, what, false, func() error { return r.fineTuneTo(ctx, what, to) }); err != nil {
			return err
		}
	}
	if r.FineTuned == "" {
		r.FineTuned, r.SnapshotAsked, r.EvaluationAsked = r.Status.Policy, true, true
	}
	if r.Status.PoolSize > 0 {
		return nil // an earlier execution was past this
	}
	r.enter(ctx, t1.PhaseSFT)
	return r.settle(ctx)
}

func (r *run) fineTuneTo(ctx workflow.Context, what string, to int) error {
	step, err := call(ctx, what, t1.Trainer.FineTune, t1.FineTuneInput{
		Run: r.Status.Run, Seq: r.Status.Seq + 1, Parent: r.Status.State, From: r.Trained, To: to, Total: r.Steps,
	})
	if err != nil {
		return err
	}
	r.Trained, r.Status.Done = to, to
	r.advance(step)
	return nil
}

// reinforce is the iterations.
func (r *run) reinforce(ctx workflow.Context) error {
	for !r.Status.StopAsked && r.Status.Iteration < r.Spec.RL.Iterations {
		n := r.Status.Iteration + 1
		r.enter(ctx, t1.PhaseRL)
		r.Status.Done, r.Status.Total = r.Status.Iteration, r.Spec.RL.Iterations
		if err := r.boundary(ctx); err != nil || r.Status.StopAsked {
			return err
		}
		if _, err := r.step(ctx, r.iteration(), true, func() error { return r.iterate(ctx, n) }); err != nil {
			return err
		}
		r.Status.Iteration, r.Status.Done, r.turned = n, n, r.turned+1
		r.EvaluationAsked = r.EvaluationAsked || evaluationDue(r.Spec, r.Status.Steered, n)
	}
	return nil
}

// iteration names the step that makes the next iteration.
func (r *run) iteration() string {
	return fmt.Sprintf("iteration %d of %d", r.Status.Iteration+1, r.Spec.RL.Iterations)
}

// finish keeps and measures where the run ends. A supervised initialisation
// that was stopped half-way has no published policy to measure.
func (r *run) finish(ctx workflow.Context) error {
	r.enter(ctx, t1.PhaseEvaluating)
	if r.Status.PauseAsked {
		if err := r.boundary(ctx); err != nil {
			return err
		}
	}
	r.ending = true
	r.SnapshotAsked, r.EvaluationAsked = true, r.FineTuned != ""
	return r.settle(ctx)
}

// close sets the phase a run ends in.
func (r *run) close(ctx workflow.Context, aborted bool) {
	r.ending, r.Status.PauseAsked, r.Status.Parked = true, false, nil
	phase := t1.PhaseStopped
	if !aborted && r.FineTuned != "" && r.Status.Iteration >= r.Spec.RL.Iterations {
		phase = t1.PhaseDone
	}
	r.Status.Step = "ended"
	r.enter(ctx, phase)
}

// label names the policy at hand in an evaluation.
func (r *run) label() string {
	if r.Status.Iteration == 0 {
		return "sft"
	}
	return strconv.Itoa(r.Status.Iteration)
}

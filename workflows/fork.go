package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// branch begins a run whose log begins with another's records, and goes on as
// if the run had made them itself. Like a spec, a fork that cannot be fails.
func (r *run) branch(ctx workflow.Context) error {
	r.enter(ctx, t1.PhaseStarting)
	var refused error
	_, err := r.step(ctx, "taking over the shared records", false, func() error {
		out, err := call(ctx, "fork", t1.Control.Fork, t1.ForkInput{Run: r.Status.Run, Given: r.given})
		switch kind, reason, _ := failure(err); kind {
		case t1.KindInvalid, t1.KindConflict, t1.KindNotFound:
			refused = temporal.NewNonRetryableApplicationError(reason, string(kind), nil)
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.adopt(ctx, out); err != nil {
			return err
		}
		r.takeOver(out)
		return nil
	})
	if err != nil {
		return err
	}
	return refused
}

// adopt publishes the policy that the fork samples from; before the supervised
// initialisation is over nothing samples.
func (r *run) adopt(ctx workflow.Context, out t1.ForkOutput) error {
	if out.FineTuned == "" {
		return nil
	}
	what := fmt.Sprintf("policy after record %d of %s", out.Fork.At, out.Fork.Run)
	_, err := call(ctx, what, t1.Trainer.Adopt, t1.AdoptInput{Run: r.Status.Run, Seq: out.Step.Seq, State: out.Step.State, Policy: out.Step.Policy})
	return err
}

// takeOver is the state of a run that has made the shared records. It owes a
// snapshot of its own: the other run's may be collected at any time.
func (r *run) takeOver(out t1.ForkOutput) {
	r.Spec, r.Status.Iterations = out.Spec, out.Spec.RL.Iterations
	r.Steps, r.Trained, r.FineTuned = supervisedSteps(out.Spec.SFT, out.Traces), out.Trained, out.FineTuned
	r.Status.Fork = &out.Fork.ForkPoint
	r.Status.Iteration, r.Status.PoolSize = out.Iteration, out.PoolSize
	if out.Hyper != nil {
		r.Status.Steered = steered(out)
	}
	r.advance(out.Step)
	r.SnapshotAsked = true
}

// steered is what a person had set for the last shared iteration, as far as its
// record shows: the numbers that are not the spec's, but for those that the fork
// itself sets.
func steered(out t1.ForkOutput) t1.Steering {
	want, had := hyper(out.RL, t1.Steering{}, out.Iteration), *out.Hyper
	differs := func(setting string, want, had float64) *float64 {
		if _, set := out.Fork.Set[setting]; set || want == had {
			return nil
		}
		return &had
	}
	gapLimit := out.GapLimit
	if _, set := out.Fork.Set["sampler.gap_limit"]; set {
		gapLimit = nil
	}
	return t1.Steering{
		GapLimit:     gapLimit,
		LearningRate: differs("rl.optimizer.learning_rate", want.LearningRate, had.LearningRate),
		Temperature:  differs("rl.temperature", want.Temperature, had.Temperature),
		Beta:         differs("rl.beta", want.Beta, had.Beta),
		Alpha:        differs("rl.alpha", want.Alpha, had.Alpha),
	}
}

package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"t1"
)

// boundary is the place between two records: what is owed is done, a pause
// lasts here, and only here a run continues as new.
func (r *run) boundary(ctx workflow.Context) error {
	phase := r.Status.Phase
	for {
		if err := r.settle(ctx); err != nil {
			return err
		}
		if err := r.continueAsNew(ctx); err != nil {
			return err
		}
		if !r.Status.PauseAsked {
			r.enter(ctx, phase)
			return nil
		}
		r.enter(ctx, t1.PhasePaused)
		r.doing(ctx, "paused before the next record")
		err := workflow.Await(ctx, func() bool { return !r.Status.PauseAsked || r.owes() || r.wantsNew(ctx) })
		if err != nil {
			return err
		}
	}
}

// owes reports whether something that was asked for can be done now.
func (r *run) owes() bool { return r.owesSnapshot() || r.owesEvaluation() }

func (r *run) owesSnapshot() bool   { return r.SnapshotAsked && r.Snapshot != r.Status.Seq }
func (r *run) owesEvaluation() bool { return r.EvaluationAsked && r.Evaluated != r.Status.Seq }

// settle does what is owed at this record, and nothing twice.
func (r *run) settle(ctx workflow.Context) error {
	if r.hasRoomToCollect() {
		if err := r.collect(ctx); err != nil {
			return err
		}
	}
	if err := r.keep(ctx); err != nil {
		return err
	}
	if err := r.evaluate(ctx); err != nil {
		return err
	}
	if r.ending {
		return r.collect(ctx)
	}
	return nil
}

// hasRoomToCollect reports whether the garbage of an earlier record's snapshot
// is collected at this one. It waits for a record without an evaluation, since
// an iteration's history has room for one of them, but not for longer than to
// the next snapshot. The answer is the same however often this record is
// settled, over continue-as-new too.
func (r *run) hasRoomToCollect() bool {
	evaluated := r.owesEvaluation() || r.Evaluated == r.Status.Seq
	return r.Snapshot < r.Status.Seq && (r.owesSnapshot() || !evaluated)
}

func (r *run) keep(ctx workflow.Context) error {
	seq := r.Status.Seq
	if !r.owesSnapshot() {
		return nil
	}
	what := fmt.Sprintf("snapshot after record %d", seq)
	_, err := r.step(ctx, what, false, func() error {
		_, err := call(ctx, what, t1.Trainer.Snapshot, t1.SnapshotInput{Run: r.Status.Run, Seq: seq, State: r.Status.State})
		return err
	})
	if err == nil {
		r.Snapshot, r.SnapshotAsked = seq, false
	}
	return err
}

// evaluate measures the policy at hand. Giving it up counts as done: training
// must not wait for a measurement for ever.
func (r *run) evaluate(ctx workflow.Context) error {
	seq := r.Status.Seq
	if !r.owesEvaluation() {
		return nil
	}
	phase, done, total := r.Status.Phase, r.Status.Done, r.Status.Total
	r.enter(ctx, t1.PhaseEvaluating)
	if r.Measured == 0 {
		if err := r.evaluateHeldOut(ctx, seq); err != nil {
			return err
		}
		r.Measured = 1
	}
	for ; r.Measured <= len(r.Spec.Evaluation.Suites); r.Measured++ {
		if err := r.evaluateSuite(ctx, seq, r.Spec.Evaluation.Suites[r.Measured-1]); err != nil {
			return err
		}
	}
	r.Evaluated, r.EvaluationAsked, r.Measured = seq, false, 0
	r.Status.Done, r.Status.Total = done, total
	r.enter(ctx, phase)
	return nil
}

func (r *run) evaluateHeldOut(ctx workflow.Context, seq int) error {
	in := r.evaluation()
	r.Status.Done, r.Status.Total = 0, evaluationShards(in.Spec)
	var summary t1.EvaluationSummary
	skipped, err := r.step(ctx, fmt.Sprintf("evaluation of %s, record %d", in.Label, seq), true, func() (err error) {
		summary, err = evaluateInChild(ctx, in, t1.EvaluationID(in.Run, seq))
		return err
	})
	if err == nil && !skipped {
		r.remember(summary)
	}
	return err
}

// evaluateSuite measures the policy on an imported suite. The outcome is named by
// what it depends on, so t1 eval finds it; the run carries nothing of it.
func (r *run) evaluateSuite(ctx workflow.Context, seq int, suite string) error {
	name, _, _ := strings.Cut(suite, "@")
	what := fmt.Sprintf("evaluation of %s on %s, record %d", r.label(), name, seq)
	_, err := r.step(ctx, what, true, func() error {
		in, err := call(ctx, what, t1.Control.OrderSuite, t1.OrderSuiteInput{Run: r.Status.Run, Seq: seq, Policy: r.Status.Policy, Suite: suite})
		if err != nil {
			return err
		}
		r.Status.Done, r.Status.Total = 0, evaluationShards(in.Spec)
		in.Heartbeat = r.Spec.Resources.HeartbeatTimeout
		_, err = evaluateInChild(ctx, in, t1.EvaluationID(in.Run, seq)+"/"+name)
		return err
	})
	return err
}

func (r *run) evaluation() t1.EvaluateInput {
	in := t1.EvaluateInput{
		Run: r.Status.Run, Seq: r.Status.Seq, Label: r.label(), Policy: r.Status.Policy, Summary: r.FineTuned, Suite: suite,
		Spec: r.Spec.Evaluation, Seed: r.Spec.Seed, Heartbeat: r.Spec.Resources.HeartbeatTimeout,
	}
	if in.Spec.Scaling.SummaryModel == "policy" {
		in.Summary = in.Policy
	}
	if model, imported := strings.CutPrefix(in.Spec.Scaling.SummaryModel, t1.SummaryModelPrefix); imported {
		in.SummaryModel, in.Summary = model, "" // whoever opens it finds the digest of its weights
	}
	return in
}

// collect frees what no rule keeps, once for each snapshot.
func (r *run) collect(ctx workflow.Context) error {
	if r.Collected == r.Snapshot {
		return nil
	}
	keep := []t1.Digest{}
	if r.FineTuned != "" {
		keep = append(keep, r.FineTuned)
	}
	for _, e := range r.Status.Evaluations {
		if !slices.Contains(keep, e.Policy) {
			keep = append(keep, e.Policy)
		}
	}
	_, err := r.step(ctx, fmt.Sprintf("collecting garbage before record %d", r.Snapshot), true, func() error {
		_, err := call(ctx, "garbage", t1.Control.Collect, t1.CollectInput{Run: r.Status.Run, Seq: r.Status.Seq, Keep: keep, Newest: 2})
		return err
	})
	if err == nil {
		r.Collected = r.Snapshot
	}
	return err
}

// wantsNew reports whether this execution's history should end here. An
// execution that has changed nothing never does: it would go round for ever.
func (r *run) wantsNew(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	full := r.turned >= max(1, r.Spec.RL.IterationsPerFlow)
	return r.changed && (full || info.GetContinueAsNewSuggested() || info.GetTargetWorkerDeploymentVersionChanged())
}

// withTheCurrentBuild has the next execution begin with the deployment's current
// build; each then stays with the one that began it. Without worker versioning
// it says nothing.
var withTheCurrentBuild = workflow.ContinueAsNewErrorOptions{InitialVersioningBehavior: workflow.ContinueAsNewVersioningBehaviorAutoUpgrade}

// continueAsNew goes on in a new execution, if it is time to. Nothing may yield
// after the wait: an update handled in between would be lost with the state.
func (r *run) continueAsNew(ctx workflow.Context) error {
	if !r.wantsNew(ctx) {
		return nil
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	return workflow.NewContinueAsNewErrorWithOptions(ctx, withTheCurrentBuild, t1.WorkflowTrain, r.given, &r.Carried)
}

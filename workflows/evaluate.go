package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// suite is the problems an evaluation uses: the ones a task keeps back.
const suite = "held-out"

// pendingShards bounds the evaluation activities that wait for a sampler, so
// that an evaluation never fills the queue of other runs.
const pendingShards = 4

// Evaluate measures one policy on one suite. It fails where Train would park:
// Train awaits it, and asks the person.
func Evaluate(ctx workflow.Context, in t1.EvaluateInput) (t1.EvaluationSummary, error) {
	status := t1.Status{
		Run: in.Run, Phase: t1.PhaseEvaluating, Seq: in.Seq, Policy: in.Policy, Total: evaluationShards(in.Spec),
		StartedAt: now(ctx), PhaseAt: now(ctx), Step: "evaluation of " + in.Label,
	}
	if err := workflow.SetQueryHandler(ctx, t1.QueryStatus, func() (t1.Status, error) { return status, nil }); err != nil {
		return t1.EvaluationSummary{}, err
	}
	ctx = workflow.WithHeartbeatTimeout(ctx, time.Duration(in.Heartbeat)*time.Second)
	all := t1.SummarizeInput{Evaluation: in, Shards: make([]t1.Ref, status.Total), Cuts: make([]t1.Ref, status.Total)}
	began := workflow.Now(ctx)
	err := fanOut(ctx, status.Total, pendingShards, func(ctx workflow.Context, i int) error {
		out, err := evaluateShard(ctx, in, i, status.Total)
		all.Shards[i], all.Cuts[i] = out.Shard, out.Cuts
		status.Done++
		return err
	})
	if err != nil {
		return t1.EvaluationSummary{}, err
	}
	all.Seconds = workflow.Now(ctx).Sub(began).Seconds() // shards overlap: their own times would not add up
	return call(ctx, "summary", t1.Control.Summarize, all)
}

func evaluateShard(ctx workflow.Context, in t1.EvaluateInput, i, shards int) (t1.EvaluateShardOutput, error) {
	size := max(1, in.Spec.ShardProblem)
	return call(ctx, fmt.Sprintf("evaluation of %s: shard %d of %d", in.Label, i+1, shards), t1.Sampler.EvaluateShard, t1.EvaluateShardInput{
		Evaluation: in, Shard: i, From: i * size, To: min(in.Spec.Problems, (i+1)*size),
	})
}

func evaluationShards(s t1.EvaluationSpec) int { return ceilDiv(s.Problems, s.ShardProblem) }

// evaluateInChild runs Evaluate and waits for it. Its ID may be used again: a
// run that was reset evaluates once more, and finds the shards.
func evaluateInChild(ctx workflow.Context, in t1.EvaluateInput, id string) (t1.EvaluationSummary, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		TaskQueue:             t1.QueueControl,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WaitForCancellation:   true,
		StaticSummary:         fmt.Sprintf("%s, %s", in.Run, in.Label),
	})
	for try := 1; ; try++ {
		var summary t1.EvaluationSummary
		err := workflow.ExecuteChildWorkflow(ctx, t1.WorkflowEvaluate, in).Get(ctx, &summary)
		var running *temporal.ChildWorkflowExecutionAlreadyStartedError
		if err == nil || !errors.As(err, &running) || try == attempts {
			return summary, err
		}
		// A reset ends the old run's evaluation, but not at the same moment.
		if err := workflow.Sleep(ctx, 10*time.Second); err != nil {
			return summary, err
		}
	}
}

package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"t1"
)

// iterate is one iteration of reinforcement learning: draw, sample, score,
// update. It changes the run only when all of it is done, so it is simply called
// again after a failure, and finds what it made.
func (r *run) iterate(ctx workflow.Context, n int) error {
	if err := r.discard(ctx, n); err != nil {
		return err
	}
	if r.Drawn.Iteration != n {
		r.Drawn = Drawn{Iteration: n, Temperature: hyper(r.Spec.RL, r.Status.Steered, n).Temperature}
	}
	numbers := hyper(r.Spec.RL, r.Status.Steered, n)
	numbers.Temperature = r.Drawn.Temperature
	name := fmt.Sprintf("iteration %d", n)

	r.doing(ctx, name+": sampling")
	outs, err := r.sample(ctx, n)
	if err != nil {
		return err
	}
	blocks := blocksOf(outs)

	r.doing(ctx, name+": scoring")
	scored, err := call(ctx, name+": score", t1.Scorer.Score, t1.ScoreInput{Run: r.Status.Run, Iteration: n, Blocks: blocks})
	if err != nil {
		return err
	}

	r.doing(ctx, name+": updating")
	step, err := call(ctx, name+": update", t1.Trainer.Update, t1.UpdateInput{
		Run: r.Status.Run, Seq: r.Status.Seq + 1, Iteration: n, Parent: r.Status.State, Rollouts: blocks, Scores: scored.Scores,
		Hyper: numbers, Anchor: anchorMove(r.Spec.RL, n), GapLimit: r.Status.Steered.GapLimit, Metrics: scored.Metrics, Observed: timings(outs, scored),
	})
	if err != nil {
		return err
	}
	r.advance(step)
	return nil
}

// discard makes room for an iteration that a person wants sampled anew: as long as
// its blocks are there, they are what sampling finds. It is drawn anew then too,
// with the temperature that is in force.
func (r *run) discard(ctx workflow.Context, n int) error {
	if !r.Drawn.Anew || r.Drawn.Iteration != n {
		return nil
	}
	_, err := call(ctx, fmt.Sprintf("iteration %d: discard", n), t1.Control.Discard,
		t1.DiscardInput{Run: r.Status.Run, Iteration: n, Seq: r.Status.Seq + 1})
	if err == nil {
		r.Drawn = Drawn{}
	}
	return err
}

// sample draws the iteration's prompts and samples them in parallel shards.
func (r *run) sample(ctx workflow.Context, n int) ([]t1.SampleOutput, error) {
	rl := r.Spec.RL
	drawn := t1.DrawBatch(r.Spec.Seed, n, r.Status.PoolSize, rl.Prompts)
	shards := max(1, min(rl.Shards, len(drawn)))
	outs := make([]t1.SampleOutput, shards)
	err := fanOut(ctx, shards, shards, func(ctx workflow.Context, i int) (err error) {
		from, to := t1.Shard(len(drawn), shards, i)
		outs[i], err = call(ctx, fmt.Sprintf("iteration %d: sample shard %d of %d", n, i+1, shards), t1.Sampler.Sample, t1.SampleInput{
			Run: r.Status.Run, Iteration: n, Shard: i, Policy: r.Status.Policy, Problems: drawn[from:to], Samples: rl.K,
			Temperature: r.Drawn.Temperature, TopP: rl.TopP, MaxTokens: rl.MaxTokens, BlockPrompts: rl.BlockPrompts, Seed: r.Spec.Seed,
		})
		return err
	})
	return outs, err
}

func timings(outs []t1.SampleOutput, scored t1.ScoreOutput) t1.IterationTimings {
	sum := t1.IterationTimings{ScoreSeconds: scored.Seconds}
	for _, out := range outs {
		sum.SampleSeconds = max(sum.SampleSeconds, out.Seconds)
		sum.EngineSample += out.EngineSeconds
		sum.SampleTokens += out.Tokens
	}
	return sum
}

package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"t1"
)

// choosePool finds the training problems that the fine-tuned policy gets right
// about as often as the spec wants.
func (r *run) choosePool(ctx workflow.Context) error {
	if r.Status.PoolSize > 0 || r.Status.StopAsked || r.Spec.RL.Iterations == 0 {
		return nil
	}
	r.enter(ctx, t1.PhasePool)
	r.Status.Done, r.Status.Total = 0, 0
	if err := r.boundary(ctx); err != nil || r.Status.StopAsked {
		return err
	}
	_, err := r.step(ctx, "choosing the prompt pool", false, func() error {
		blocks, err := r.samplePool(ctx)
		if err != nil {
			return err
		}
		return r.selectPool(ctx, blocks)
	})
	return err
}

// samplePool samples training rows [0, pool.problems) with the fine-tuned policy.
func (r *run) samplePool(ctx workflow.Context) ([]t1.Ref, error) {
	pool, shards := r.Spec.Pool, poolShards(r.Spec)
	r.Status.Done, r.Status.Total = 0, 0
	for i := range shards {
		from, to := t1.Shard(pool.Problems, shards, i)
		r.Status.Total += ceilDiv(to-from, poolBlockPrompts(r.Spec))
	}
	outs := make([]t1.SampleOutput, shards)
	err := fanOut(ctx, shards, shards, func(ctx workflow.Context, i int) (err error) {
		from, to := t1.Shard(pool.Problems, shards, i)
		outs[i], err = call(ctx, fmt.Sprintf("pool: shard %d of %d", i+1, shards), t1.Sampler.Sample, t1.SampleInput{
			Run: r.Status.Run, Iteration: t1.PoolIteration, Shard: i, Policy: r.FineTuned, From: from, To: to, Samples: pool.Samples,
			Temperature: pool.Temperature, TopP: pool.TopP, MaxTokens: r.Spec.RL.MaxTokens, BlockPrompts: poolBlockPrompts(r.Spec), Seed: r.Spec.Seed,
		})
		r.Status.Done += len(outs[i].Blocks)
		return err
	})
	return blocksOf(outs), err
}

// selectPool refuses a pool that cannot fill one batch: a prompt twice in a
// batch would weigh twice.
func (r *run) selectPool(ctx workflow.Context, blocks []t1.Ref) error {
	out, err := call(ctx, "pool: selection", t1.Scorer.SelectPool, t1.SelectPoolInput{
		Run: r.Status.Run, Policy: r.FineTuned, Blocks: blocks,
	})
	if err != nil {
		return err
	}
	if out.Size < max(1, r.Spec.RL.Prompts) {
		return t1.Errorf(t1.KindInvalid,
			"%d of the %d problems tried have a pass rate inside the open interval %g to %g, fewer than the %d prompts of an iteration",
			out.Size, r.Spec.Pool.Problems, r.Spec.Pool.PassRate[0], r.Spec.Pool.PassRate[1], r.Spec.RL.Prompts).
			WithHint("abort this run and start another, under another name, with a wider pool.pass_rate, more pool.problems or fewer rl.prompts; " +
				"with nearly all problems right or nearly all wrong, change the task or the fine-tuning")
	}
	r.Status.PoolSize = out.Size
	return nil
}

func blocksOf(outs []t1.SampleOutput) []t1.Ref {
	var blocks []t1.Ref
	for _, out := range outs {
		blocks = slices.Concat(blocks, out.Blocks)
	}
	return blocks
}

package report

import (
	"context"
	"strings"

	"t1"
)

// iteration joins the rollouts of an update with what they earned.
func (l *exampleLoader) iteration(ctx context.Context, r t1.Record) ([]Example, error) {
	scores, err := l.readers.Scores(ctx, l.store, r.Update.Scores)
	if err != nil {
		return nil, err
	}
	advantages, err := l.readers.Advantages(ctx, l.store, r.Update.Advantages)
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, ref := range r.Update.Rollouts {
		rollouts, err := l.readers.Rollouts(ctx, l.store, ref)
		if err != nil {
			return nil, err
		}
		for _, rollout := range rollouts {
			e := l.example(rollout)
			e.Iteration = r.Update.Iteration
			if i := len(out); i < len(scores) {
				e.Correct, e.Reward, e.Penalties, e.Answer = scores[i].Correct, scores[i].Reward, scores[i].Penalties, scores[i].Answer
			}
			if i := len(out); i < len(advantages) {
				e.Trained, e.D, e.Advantage = true, advantages[i].KL, advantages[i].Advantage
			}
			out = append(out, e)
		}
	}
	if len(out) != len(scores) || len(out) != len(advantages) {
		return nil, t1.Errorf(t1.KindCorrupt, "record %d names %d rollouts, %d scores and %d advantages", r.Seq, len(out), len(scores), len(advantages))
	}
	return out, nil
}

func (l *exampleLoader) example(r t1.Rollout) Example {
	return Example{
		Problem: r.Problem, Sample: int(r.Sample), Prompt: l.prompts[r.Problem], Text: r.Text, Tokens: len(r.Tokens), Finish: r.Finish,
	}
}

// fineTuned shows a sampled response of the fine-tuned policy's evaluation:
// a right one where there is one.
func (l *exampleLoader) fineTuned(ctx context.Context) error {
	for _, result := range l.in.Results {
		if result.Label == labelSFT {
			all, err := l.evaluated(ctx, t1.EvalKey(result.Run, result.Policy, result.Suite)+"/")
			if err != nil {
				return err
			}
			_ = l.add("Before reinforcement learning", all, isRight) || l.add("Before reinforcement learning", all, func(Example) bool { return true })
			return nil
		}
	}
	return nil
}

// evaluated reads the first shard of an evaluation that can be read as one.
func (l *exampleLoader) evaluated(ctx context.Context, prefix string) ([]Example, error) {
	for ref, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(ref.Key, ".parquet") || strings.Contains(ref.Key[len(prefix):], "cut") {
			continue
		}
		whole, err := l.store.Head(ctx, ref.Key)
		if err != nil {
			return nil, err
		}
		rows, err := l.readers.Evaluated(ctx, l.store, whole)
		if err != nil {
			return nil, err
		}
		var out []Example
		for _, row := range rows {
			if row.Mode != "sample" {
				continue
			}
			e := l.example(row.Rollout)
			e.Correct, e.Answer, e.Penalties = row.Correct, row.Answer, row.Penalties
			e.Reward = t1.RewardOf(row.Correct, row.Penalties)
			out = append(out, e)
		}
		return out, nil
	}
	return nil, nil
}

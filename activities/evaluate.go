package activities

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"t1"
	"t1/tasks"
)

// Modes of an evaluation's responses.
const (
	modeGreedy = "greedy"
	modeSample = "sample"
)

// EvaluateShard answers one shard of the held-out problems, greedily and by
// sampling, then cuts the thinking of each problem's first sample and has the
// summary model answer from what is left.
func (s *Sampler) EvaluateShard(ctx context.Context, in t1.EvaluateShardInput) (t1.EvaluateShardOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.EvaluateShardOutput, error) {
		return s.host.evaluateShard(ctx, in, beat)
	})
}

func (h *Host) evaluateShard(ctx context.Context, in t1.EvaluateShardInput, beat beat) (t1.EvaluateShardOutput, error) {
	start := time.Now()
	e, err := h.evaluation(ctx, in)
	if err != nil {
		return t1.EvaluateShardOutput{}, err
	}
	var out t1.EvaluateShardOutput
	var rows []t1.Evaluated
	if out.Shard, rows, err = found[t1.Evaluated](ctx, h.Store, e.key("shard")); err != nil {
		return out, err
	}
	if rows == nil {
		if rows, err = e.answer(ctx, beat, &out.Tokens); err != nil {
			return out, err
		}
		if out.Shard, err = keepRows(ctx, h.Store, e.key("shard"), rows); err != nil {
			return out, err
		}
	}
	out.Cuts, err = e.cutShard(ctx, rows, beat, &out.Tokens)
	out.Seconds = time.Since(start).Seconds()
	return out, err
}

// found reads a shard that is there already; its rows are nil where it is not.
func found[T any](ctx context.Context, store t1.Store, key string) (t1.Ref, []T, error) {
	ref, err := store.Head(ctx, key)
	if t1.KindOf(err) == t1.KindNotFound {
		return ref, nil, nil
	}
	if err != nil {
		return ref, nil, err
	}
	rows, err := ReadRows[T](ctx, store, ref)
	return ref, rows, err
}

// evaluation is one shard at work.
type evaluation struct {
	host     *Host
	in       t1.EvaluateShardInput
	problems []t1.Problem
	data     t1.Data
	cue      string // text after which a response states its answer
	judge    judge
	seeds    string // what the randomness is named by, beside the problem
	untold   bool   // the problems are not tokenised yet
}

func (h *Host) evaluation(ctx context.Context, in t1.EvaluateShardInput) (*evaluation, error) {
	if in.Evaluation.Order != "" {
		return h.suiteEvaluation(ctx, in)
	}
	run := in.Evaluation.Run
	data, err := h.data(ctx, run)
	if err != nil {
		return nil, err
	}
	rows, err := h.problemSet(ctx, data.HeldOut)
	if err != nil {
		return nil, err
	}
	judge, err := h.judge(ctx, run, func(d t1.Data) t1.Ref { return d.HeldOut })
	if err != nil {
		return nil, err
	}
	e := &evaluation{host: h, in: in, data: data, cue: tasks.Cue(judge.task), judge: judge, seeds: in.Evaluation.Suite}
	e.problems, err = shardOf(rows, in)
	return e, err
}

func shardOf(rows []t1.Problem, in t1.EvaluateShardInput) ([]t1.Problem, error) {
	if in.To > len(rows) {
		return nil, t1.Errorf(t1.KindInvalid, "evaluation of problems %d to %d, but the suite has %d", in.From, in.To, len(rows))
	}
	return rows[in.From:in.To], nil
}

func (e *evaluation) key(kind string) string {
	return path.Join(evaluationKey(e.in.Evaluation), fmt.Sprintf("%s-%03d.parquet", kind, e.in.Shard))
}

// evaluationKey is the directory of an evaluation.
func evaluationKey(in t1.EvaluateInput) string {
	if in.Order != "" {
		return t1.SuiteEvaluationKey(in.Order)
	}
	return t1.EvalKey(in.Run, in.Policy, in.Suite)
}

// answer gives each problem's greedy response, then its samples.
func (e *evaluation) answer(ctx context.Context, beat beat, tokens *int64) ([]t1.Evaluated, error) {
	client, err := e.host.engine(ctx, placeOf(e.in.Evaluation), beat) // for text, whatever samples
	if err != nil {
		return nil, err
	}
	if err := e.tell(ctx, client, beat); err != nil {
		return nil, err
	}
	in := e.in.Evaluation
	sampler, err := e.host.sampler(ctx, placeOf(in), beat)
	if err != nil {
		return nil, err
	}
	var all []t1.Evaluated
	for _, mode := range []string{modeGreedy, modeSample} {
		g := generation{
			sampling: sampling{Policy: in.Policy, TopP: 1, MaxTokens: in.Spec.MaxTokens}, Problems: e.problems, Samples: 1,
			Seed: func(p t1.Problem) uint64 { return t1.SeedFor(in.Seed, "evaluate", e.seeds, p.ID) },
		}
		if mode == modeSample {
			g.Samples, g.Temperature, g.TopP = in.Spec.Samples, in.Spec.Temperature, in.Spec.TopP
		}
		rollouts, done, err := g.respond(ctx, sampler, beat)
		if err != nil {
			return nil, err
		}
		*tokens += done.Tokens
		lengths, err := e.thinking(ctx, client, rollouts, beat)
		if err != nil {
			return nil, err
		}
		rows, err := e.grade(ctx, mode, rollouts, lengths, beat)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

func (e *evaluation) grade(ctx context.Context, mode string, rollouts []t1.Rollout, thinking []int, beat beat) ([]t1.Evaluated, error) {
	scores, why, err := e.judge.scores(ctx, rollouts, beat)
	if err != nil {
		return nil, err
	}
	rows := make([]t1.Evaluated, len(rollouts))
	for i, r := range rollouts {
		rows[i] = t1.Evaluated{
			Rollout: r, Mode: mode, Correct: scores[i].Correct, Answer: scores[i].Answer, Penalties: scores[i].Penalties,
			Reason: why[i], Thinking: int32(thinking[i]),
		}
	}
	return rows, nil
}

// cutShard writes the answers given from cut thinking, unless they are there.
func (e *evaluation) cutShard(ctx context.Context, rows []t1.Evaluated, beat beat, tokens *int64) (t1.Ref, error) {
	key := e.key("cuts")
	ref, there, err := found[t1.Cut](ctx, e.host.Store, key)
	if there != nil || err != nil {
		return ref, err
	}
	cuts := []t1.Cut{}
	if s := e.in.Evaluation.Spec.Scaling; s.Fractions > 0 || len(s.Caps) > 0 {
		if cuts, err = e.answerCuts(ctx, rows, beat, tokens); err != nil {
			return ref, err
		}
	}
	return keepRows(ctx, e.host.Store, key, cuts)
}

// answerCuts has the summary model answer once for each length that any cut
// leaves, and then fills in every cut: many cuts leave the same tokens.
func (e *evaluation) answerCuts(ctx context.Context, rows []t1.Evaluated, beat beat, tokens *int64) ([]t1.Cut, error) {
	var cuts []t1.Cut
	type prefix struct{ problem, kept int }
	asked := map[prefix]int{}
	var left []leftover
	var of []int // leftover of each cut
	for n, row := range rows {
		if row.Mode != modeSample || row.Sample != 0 {
			continue
		}
		for _, cut := range cutsOf(row, e.in.Evaluation.Spec.Scaling) {
			at := prefix{n, int(cut.Kept)}
			if _, there := asked[at]; !there {
				asked[at] = len(left)
				left = append(left, leftover{row.Problem, row.Prompt, row.Tokens[:cut.Kept]})
			}
			cuts, of = append(cuts, cut), append(of, asked[at])
		}
	}
	answers, err := e.summarize(ctx, left, beat, tokens)
	if err != nil {
		return nil, err
	}
	for i := range cuts {
		cuts[i].Answer = tasks.Stated(e.judge.task, answers[of[i]])
	}
	grades, err := e.judge.grades(ctx, e.judge.texts(cuts), beat)
	for i, g := range grades {
		cuts[i].Correct = g.Correct
	}
	return cuts, err
}

// cutsOf lists the cuts of one response, without answers.
func cutsOf(row t1.Evaluated, s t1.ScalingSpec) []t1.Cut {
	length := int(row.Thinking)
	cuts := []t1.Cut{{Problem: row.Problem, Kind: "none"}}
	for i := 1; i <= s.Fractions; i++ {
		cuts = append(cuts, t1.Cut{
			Problem: row.Problem, Kind: "fraction", Fraction: float64(i) / float64(s.Fractions), Kept: int32(t1.CutAt(length, i, s.Fractions)),
		})
	}
	for _, most := range s.Caps {
		cuts = append(cuts, t1.Cut{Problem: row.Problem, Kind: "cap", Cap: int32(most), Kept: int32(min(length, most))})
	}
	return cuts
}

// summarizeAtOnce bounds the prompts of one batch.
const summarizeAtOnce = 2048

// summarize gives the summary model's greedy answers.
func (e *evaluation) summarize(ctx context.Context, left []leftover, beat beat, tokens *int64) ([]string, error) {
	client, err := e.host.engine(ctx, placeOf(e.in.Evaluation), beat) // for text, whatever samples
	if err != nil {
		return nil, err
	}
	prompts, err := e.cued(ctx, client, left, beat)
	if err != nil {
		return nil, err
	}
	in := e.in.Evaluation
	place, summary, err := e.host.summaryModel(ctx, in)
	if err != nil {
		return nil, err
	}
	sampler, err := e.host.sampler(ctx, place, beat)
	if err != nil {
		return nil, err
	}
	answers := make([]string, len(prompts))
	how := sampling{Policy: summary, TopP: 1, MaxTokens: in.Spec.Scaling.SummaryTokens}
	done, err := sampler.respond(ctx, how, slices.Collect(slices.Chunk(prompts, summarizeAtOnce)), func(batch int, responses []sampled) error {
		for _, r := range responses {
			answers[batch*summarizeAtOnce+r.Prompt] = r.Text
		}
		return nil
	}, beat)
	*tokens += done.Tokens
	return answers, err
}

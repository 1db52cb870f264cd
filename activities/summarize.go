package activities

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"

	"t1"
)

// Summarize makes an evaluation's result.json of its shards.
func (c *Control) Summarize(ctx context.Context, in t1.SummarizeInput) (t1.EvaluationSummary, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.EvaluationSummary, error) {
		return c.host.summarize(ctx, in, beat)
	})
}

func (h *Host) summarize(ctx context.Context, in t1.SummarizeInput, beat beat) (t1.EvaluationSummary, error) {
	e := in.Evaluation
	key := path.Join(evaluationKey(e), "result.json")
	if ref, err := h.Store.Head(ctx, key); err == nil { // seconds differ from attempt to attempt: the first counts
		result, err := readJSON[t1.Result](ctx, h.Store, key)
		return summaryOf(result, ref), err
	}
	rows, err := readAll[t1.Evaluated](ctx, h.Store, in.Shards, beat)
	if err != nil {
		return t1.EvaluationSummary{}, err
	}
	cuts, err := readAll[t1.Cut](ctx, h.Store, in.Cuts, beat)
	if err != nil {
		return t1.EvaluationSummary{}, err
	}
	if _, e.Summary, err = h.summaryModel(ctx, e); err != nil {
		return t1.EvaluationSummary{}, err
	}
	result := resultOf(e, rows, cuts)
	result.Seconds = in.Seconds
	ref, err := keepJSON(ctx, h.Store, key, result)
	return summaryOf(result, ref), err
}

// nameless is the seq of a result that is named by what was evaluated, and by no
// run's record.
const nameless = -1

func summaryOf(r t1.Result, ref t1.Ref) t1.EvaluationSummary {
	return t1.EvaluationSummary{
		Label: r.Label, Seq: r.Seq, Policy: r.Policy, Result: ref,
		Greedy: r.Greedy, Sampled: r.Sampled, Length: r.Length.Mean, Over: r.OverLength.Mean,
	}
}

func resultOf(e t1.EvaluateInput, rows []t1.Evaluated, cuts []t1.Cut) t1.Result {
	if e.Order != "" { // whoever asks for the same finds it
		e.Run, e.Label, e.Seq = "", "", nameless
	}
	greedy, samples := []float64{}, [][]t1.Evaluated{} // samples: one slice a problem
	right := 0
	for _, row := range rows {
		switch {
		case row.Mode == modeGreedy:
			greedy = append(greedy, float64(count(row.Correct)))
			right += count(row.Correct)
		case row.Sample == 0:
			samples = append(samples, []t1.Evaluated{row})
		default:
			samples[len(samples)-1] = append(samples[len(samples)-1], row)
		}
	}
	result := t1.Result{
		Schema: 1, Run: e.Run, Label: e.Label, Seq: e.Seq, Policy: e.Policy, Summary: e.Summary, Suite: e.Suite,
		Problems: len(samples), Samples: e.Spec.Samples, Temperature: e.Spec.Temperature,
		Greedy: t1.Proportion(right, len(greedy)), PerGreedy: greedy,
	}
	addSamples(&result, samples)
	addCuts(&result, cuts)
	return result
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// addSamples works out everything that rests on the samples. Each interval is
// over problems: samples of one problem are not independent.
func addSamples(result *t1.Result, samples [][]t1.Evaluated) {
	over := func(value func(t1.Evaluated) float64) []float64 {
		means := make([]float64, len(samples))
		for i, problem := range samples {
			for _, row := range problem {
				means[i] += value(row) / float64(len(problem))
			}
		}
		return means
	}
	result.PerProblem = over(func(r t1.Evaluated) float64 { return float64(count(r.Correct)) })
	result.Sampled = t1.ShareInterval(result.PerProblem)
	result.Length = t1.MeanInterval(over(func(r t1.Evaluated) float64 { return float64(len(r.Tokens)) }))
	result.OverLength = t1.ShareInterval(over(func(r t1.Evaluated) float64 { return float64(count(r.Finish == t1.FinishLength)) }))
	result.Penalties = map[string]t1.Interval{}
	for _, reason := range t1.PenaltyReasons() {
		result.Penalties[reason] = t1.ShareInterval(over(func(r t1.Evaluated) float64 {
			return float64(count(slices.Contains(r.Penalties, reason)))
		}))
	}
	result.Reasons = map[string]t1.Interval{}
	for _, reason := range t1.GraderReasons() {
		result.Reasons[reason] = t1.ShareInterval(over(func(r t1.Evaluated) float64 { return float64(count(r.Reason == reason)) }))
	}
	result.PassAt, result.MajorityAt = map[int]t1.Interval{}, map[int]t1.Interval{}
	for k := 1; k <= result.Samples; k *= 2 {
		result.PassAt[k], result.MajorityAt[k] = atK(samples, k)
	}
}

// atK gives pass@k and maj@k over problems.
func atK(samples [][]t1.Evaluated, k int) (pass, majority t1.Interval) {
	passes, majorities := make([]float64, len(samples)), make([]float64, len(samples))
	for i, problem := range samples {
		answers, correct, right := make([]string, len(problem)), make([]bool, len(problem)), 0
		for j, row := range problem {
			answers[j], correct[j] = row.Answer, row.Correct
			right += count(row.Correct)
		}
		passes[i] = t1.PassAtK(len(problem), right, k)
		majorities[i] = float64(count(t1.MajorityAtK(answers, correct, k)))
	}
	return t1.ShareInterval(passes), t1.ShareInterval(majorities)
}

// addCuts works out the inference-scaling curves.
func addCuts(result *t1.Result, cuts []t1.Cut) {
	byPoint := map[t1.Cut][]t1.Cut{} // keyed by kind, fraction and cap alone
	for _, cut := range cuts {
		point := t1.Cut{Kind: cut.Kind, Fraction: cut.Fraction, Cap: cut.Cap}
		byPoint[point] = append(byPoint[point], cut)
	}
	points := slices.SortedFunc(maps.Keys(byPoint), func(a, b t1.Cut) int {
		return cmp.Or(cmp.Compare(a.Cap, b.Cap), cmp.Compare(a.Fraction, b.Fraction))
	})
	for _, point := range points {
		p := pointOf(point, byPoint[point])
		switch point.Kind {
		case "fraction":
			result.Fractions = append(result.Fractions, p)
		case "cap":
			result.Caps = append(result.Caps, p)
		default:
			result.NoThinking = &p
		}
	}
}

func pointOf(point t1.Cut, cuts []t1.Cut) t1.CutPoint {
	right, kept := 0, make([]float64, len(cuts))
	for i, cut := range cuts {
		right += count(cut.Correct)
		kept[i] = float64(cut.Kept)
	}
	return t1.CutPoint{
		Fraction: point.Fraction, Cap: int(point.Cap), Kept: t1.MeanInterval(kept), Accuracy: t1.Proportion(right, len(cuts)),
	}
}

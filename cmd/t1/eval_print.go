package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"t1"
	"t1/library"
	"t1/tasks"
)

// evaluation is what `t1 eval --json` prints of a suite.
type evaluation struct {
	Suite       string                 `json:"suite"`
	Grader      string                 `json:"grader"`
	Problems    int                    `json:"problems"`
	Samples     int                    `json:"samples"`
	Temperature float64                `json:"temperature"`
	TopP        float64                `json:"top_p"`
	MaxTokens   int                    `json:"max_tokens"`
	Name        string                 `json:"name"`
	Seq         int                    `json:"seq"`
	Policy      t1.Digest              `json:"policy"`
	Order       string                 `json:"order"`
	Found       bool                   `json:"found"`
	Greedy      t1.Interval            `json:"greedy"`
	Sampled     t1.Interval            `json:"sampled"`
	PassAt      map[int]t1.Interval    `json:"pass_at"`
	MajorityAt  map[int]t1.Interval    `json:"majority_at"`
	Length      t1.Interval            `json:"length"`
	OverLength  t1.Interval            `json:"over_length"`
	Reasons     map[string]t1.Interval `json:"reasons"`
	Unchecked   []string               `json:"unchecked"`
	Compared    *comparison            `json:"compared,omitempty"`
}

// comparison is another policy on the same problems.
type comparison struct {
	Name        string      `json:"name"`
	Seq         int         `json:"seq"`
	Policy      t1.Digest   `json:"policy"`
	Greedy      t1.Interval `json:"greedy"`
	Sampled     t1.Interval `json:"sampled"`
	GreedyGain  t1.Interval `json:"greedy_gain"`
	SampledGain t1.Interval `json:"sampled_gain"`
}

func evaluationOf(subject library.Subject, suite tasks.Suite, digest string, order t1.SuiteEvaluation, r t1.Result, found bool) evaluation {
	return evaluation{
		Suite: suite.Name, Grader: suite.Task, Problems: r.Problems, Samples: r.Samples, Temperature: r.Temperature,
		TopP: order.TopP, MaxTokens: order.MaxTokens, Name: subject.Name, Seq: subject.Seq, Policy: r.Policy, Order: digest, Found: found,
		Greedy: r.Greedy, Sampled: r.Sampled, PassAt: r.PassAt, MajorityAt: r.MajorityAt, Length: r.Length, OverLength: r.OverLength, Reasons: r.Reasons,
	}
}

func (t *tool) printEvaluation(e evaluation, asJSON bool) error {
	if asJSON {
		return printJSON(t.out, e)
	}
	fmt.Fprintf(t.out, "%s: %s on %d problems, graded by %s; intervals are 95 %%\n", e.Suite, subjectName(e.Name, e.Seq), e.Problems, e.Grader)
	w := tabwriter.NewWriter(t.out, 0, 0, 3, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "  "+name+"\t"+format+"\n", args...) // a tabwriter fails in Flush
	}
	row("greedy", "%s", percent(e.Greedy))
	row("sampled", "%s\tmean of %d at temperature %g", percent(e.Sampled), e.Samples, e.Temperature)
	for _, k := range slices.Sorted(maps.Keys(e.PassAt)) {
		if k > 1 {
			row(fmt.Sprintf("pass@%d", k), "%s", percent(e.PassAt[k]))
			row(fmt.Sprintf("maj@%d", k), "%s", percent(e.MajorityAt[k]))
		}
	}
	row("tokens", "%s\t%s over length", plain(e.Length), percent(e.OverLength))
	for _, reason := range slices.Sorted(maps.Keys(e.Reasons)) {
		if e.Reasons[reason].Mean > 0 {
			row(strings.ReplaceAll(reason, "_", " "), "%s", percent(e.Reasons[reason]))
		}
	}
	if len(e.Unchecked) > 0 {
		fmt.Fprintf(t.err, "%s learnt from %s, never compared with %s: it may have seen these problems\nTry: import the suite with --benchmark first, then %s again with --replace\n",
			e.Name, strings.Join(e.Unchecked, ", "), e.Suite, strings.Join(e.Unchecked, ", "))
	}
	if c := e.Compared; c != nil {
		row("against", "%s: greedy %s, sampled %s", subjectName(c.Name, c.Seq), percent(c.Greedy), percent(c.Sampled))
		row("gain", "greedy %s, sampled %s points, paired by problem", points(c.GreedyGain), points(c.SampledGain))
	}
	return w.Flush()
}

func subjectName(name string, seq int) string {
	if seq == library.Newest {
		return name
	}
	return fmt.Sprintf("%s after record %d", name, seq)
}

// points writes a difference of shares with its interval.
func points(i t1.Interval) string {
	return fmt.Sprintf("%+.1f [%+.1f, %+.1f]", 100*i.Mean, 100*i.Low, 100*i.High)
}

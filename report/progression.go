package report

import (
	"fmt"
	"maps"
	"slices"

	"t1"
	"t1/report/chart"
)

// newProgression is accuracy on the held-out problems by checkpoint; iteration 0
// is the fine-tuned policy.
func newProgression(in Input) chart.Chart {
	all := checkpoints(in)
	c := chart.Chart{
		ID: "checkpoints", Title: "Accuracy by checkpoint", Unit: "held-out problems; bands are 95" + thin + "% intervals", Large: true,
		X: chart.Axis{Label: "RL iteration (0 is SFT)", Format: number, Whole: true, Zero: true}, Y: shareAxis(),
	}
	if len(all) == 0 {
		return c
	}
	c.Series = []chart.Series{
		progression(all, "sampled", "c-rl5", chart.Circle, func(r t1.Result) t1.Interval { return r.Sampled }),
		progression(all, "greedy", "c-2", chart.Square, func(r t1.Result) t1.Interval { return r.Greedy }),
	}
	if k := most(all, func(r t1.Result) map[int]t1.Interval { return r.PassAt }); k > 1 {
		c.Series = append(c.Series, progression(all, fmt.Sprintf("pass@%d", k), "c-3", chart.Triangle, func(r t1.Result) t1.Interval { return r.PassAt[k] }))
	}
	if k := most(all, func(r t1.Result) map[int]t1.Interval { return r.MajorityAt }); k > 1 {
		c.Series = append(c.Series, progression(all, fmt.Sprintf("maj@%d", k), "c-4", chart.Diamond, func(r t1.Result) t1.Interval { return r.MajorityAt[k] }))
	}
	return c
}

// progression is a share of every checkpoint that was measured.
func progression(all []checkpoint, name, class string, m chart.Marker, of func(t1.Result) t1.Interval) chart.Series {
	s := chart.Series{Name: name, Class: class, Marker: m}
	for _, p := range all {
		if v := of(p.Result); v.N > 0 {
			s.Points = append(s.Points, chart.Point{X: float64(p.Iteration), Y: v.Mean, Low: v.Low, High: v.High, Tip: shareBounds(v)})
		}
	}
	return s
}

// most is the largest k that any result has.
func most(all []checkpoint, of func(t1.Result) map[int]t1.Interval) int {
	k := 0
	for _, p := range all {
		k = max(k, slices.Max(append(slices.Collect(maps.Keys(of(p.Result))), 0)))
	}
	return k
}

// newLengths is the length of the sampled responses by checkpoint.
func newLengths(in Input) chart.Chart {
	c := chart.Chart{
		ID: "checkpoint-lengths", Title: "Response length by checkpoint", Unit: "tokens, mean of the samples", Large: true,
		X: chart.Axis{Label: "RL iteration (0 is SFT)", Format: number, Whole: true, Zero: true}, Y: chart.Axis{Format: number},
	}
	s := chart.Series{Class: "c-rl5", Marker: chart.Circle}
	for _, p := range checkpoints(in) {
		if v := p.Length; v.N > 0 {
			s.Points = append(s.Points, chart.Point{X: float64(p.Iteration), Y: v.Mean, Low: v.Low, High: v.High, Tip: bounds(v, number)})
		}
	}
	c.Series = []chart.Series{s}
	return c
}

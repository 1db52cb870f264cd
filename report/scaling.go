package report

import (
	"fmt"

	"t1"
	"t1/report/chart"
)

// scaling is the section of inference scaling.
type scaling struct {
	Fractions, Caps chart.Chart
	Numbers         []scalingRow
	Summary         string // who answers from the cut thinking
}

// scalingRow is one point as numbers.
type scalingRow struct{ Policy, Cut, Kept, Accuracy string }

var rampMarkers = []chart.Marker{chart.Circle, chart.Square, chart.Triangle, chart.Diamond, chart.Cross, chart.Circle}

func newScaling(in Input) *scaling {
	policies := shown(withCuts(checkpoints(in)), in.Spec.Evaluation.At)
	if len(policies) == 0 {
		return nil
	}
	s := &scaling{Fractions: fractionChart(policies), Caps: capChart(policies), Summary: summaryModel(in.Spec)}
	for _, p := range policies {
		s.Numbers = append(s.Numbers, scalingRows(p)...)
	}
	return s
}

func withCuts(all []checkpoint) []checkpoint {
	var out []checkpoint
	for _, c := range all {
		if len(c.Fractions)+len(c.Caps) > 0 {
			out = append(out, c)
		}
	}
	return out
}

func summaryModel(s t1.Spec) string {
	if s.Evaluation.Scaling.SummaryModel == "policy" {
		return "the policy itself"
	}
	return "the fine-tuned policy, the same for every curve"
}

// fractionChart has the mean number of tokens kept on its x axis, as the paper.
func fractionChart(policies []checkpoint) chart.Chart {
	c := chart.Chart{
		ID: "scaling-fractions", Title: "Cut at shares of the own thinking", Unit: "accuracy", Large: true,
		X: chart.Axis{Label: "tokens of thinking kept, mean", Format: number, Zero: true}, Y: shareAxis(), Guides: controls(policies),
	}
	for i, p := range policies {
		c.Series = append(c.Series, scalingSeries(p, i, len(policies), p.Fractions, func(k t1.CutPoint) (float64, string) {
			return k.Kept.Mean, percentTick(k.Fraction) + " kept"
		}))
	}
	return c
}

// capChart has the cap on its x axis: where the cap is longer than the thinking,
// the mean number of tokens kept stops rising.
func capChart(policies []checkpoint) chart.Chart {
	c := chart.Chart{
		ID: "scaling-caps", Title: "Cut at a number of tokens", Unit: "accuracy", Large: true,
		X: chart.Axis{Label: "most tokens of thinking kept", Format: number, Log: true}, Y: shareAxis(), Guides: controls(policies),
	}
	ticks := map[int]bool{}
	for i, p := range policies {
		for _, k := range p.Caps {
			if !ticks[k.Cap] {
				ticks[k.Cap] = true
				c.X.Ticks = append(c.X.Ticks, float64(k.Cap))
			}
		}
		c.Series = append(c.Series, scalingSeries(p, i, len(policies), p.Caps, func(k t1.CutPoint) (float64, string) {
			return float64(k.Cap), "mean kept " + number(k.Kept.Mean)
		}))
	}
	return c
}

func scalingSeries(p checkpoint, i, n int, cuts []t1.CutPoint, at func(t1.CutPoint) (float64, string)) chart.Series {
	s := chart.Series{Name: p.name(), Class: rampClass(i, n, p), Marker: rampMarkers[i%len(rampMarkers)]}
	for _, k := range cuts {
		x, tip := at(k)
		s.Points = append(s.Points, chart.Point{X: x, Y: k.Accuracy.Mean, Low: k.Accuracy.Low, High: k.Accuracy.High, Tip: shareBounds(k.Accuracy) + ", " + tip})
	}
	return s
}

// controls are the levels without any thinking: one where all policies share
// their summary model, and so the level; one a policy otherwise.
func controls(policies []checkpoint) []chart.Guide {
	var out []chart.Guide
	seen := map[float64]bool{}
	for i, p := range policies {
		if p.NoThinking == nil || seen[p.NoThinking.Accuracy.Mean] {
			continue
		}
		seen[p.NoThinking.Accuracy.Mean] = true
		out = append(out, chart.Guide{
			Y: p.NoThinking.Accuracy.Mean, Label: fmt.Sprintf("no thinking, %s: %s", p.name(), percent(p.NoThinking.Accuracy.Mean)),
			Class: rampClass(i, len(policies), p),
		})
	}
	if len(out) == 1 {
		out[0].Class, out[0].Label = "c-guide", "control, no thinking: "+percent(out[0].Y)
	}
	return out
}

func scalingRows(p checkpoint) []scalingRow {
	var out []scalingRow
	add := func(cut string, k t1.CutPoint) {
		out = append(out, scalingRow{p.name(), cut, number(k.Kept.Mean), shareInterval(k.Accuracy)})
	}
	if p.NoThinking != nil {
		add("no thinking (control)", *p.NoThinking)
	}
	for _, k := range p.Fractions {
		add(percentTick(k.Fraction), k)
	}
	for _, k := range p.Caps {
		add("at most "+count(k.Cap), k)
	}
	return out
}

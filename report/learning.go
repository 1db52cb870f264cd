package report

import (
	"math"
	"slices"
	"strings"

	"t1"
	"t1/report/chart"
)

// metricChart is one chart over the log.
type metricChart struct {
	id, title, unit string
	metrics         []metricLine
	share           bool // values are shares
	zero            bool
	exact           bool                            // without noise: no trend
	limit           func(t1.Spec) (float64, string) // a guide; may be nil
}

// metricLine is one metric in a chart.
type metricLine struct {
	key, name, class string
	marker           chart.Marker
}

// one is a chart of a single metric.
func one(key string) []metricLine { return []metricLine{{key: key, class: "c-rl5"}} }

// updateCharts are the learning curves of reinforcement learning, in the order shown.
var updateCharts = []metricChart{
	{id: "reward", title: "Reward", unit: "mean r′ of the iteration's responses", metrics: one(t1.MetricReward)},
	{id: "accuracy", title: "Accuracy", unit: "share right on the training prompts", metrics: one(t1.MetricAccuracy), share: true},
	{id: "length", title: "Response length", unit: "tokens, mean", metrics: one(t1.MetricLength)},
	{id: "penalties", title: "Penalties by reason", unit: "share of the responses", metrics: penaltyLines(), share: true, zero: true},
	{id: "entropy", title: "Entropy", unit: "nats a token", metrics: one("entropy")},
	{id: "kl", title: "KL to the anchor", unit: "nats a response, mean d", metrics: one("kl")},
	{id: "gradient", title: "Gradient norm", unit: "before clipping", metrics: one("grad_norm"), zero: true,
		limit: func(s t1.Spec) (float64, string) { return s.RL.Optimizer.GradientClip, "clipped above" }},
	{id: "gap", title: "Sampler against trainer", unit: "gap, nats a token", zero: true,
		limit: func(s t1.Spec) (float64, string) { return s.Sampler.GapLimit, "mean stops the run above" },
		metrics: []metricLine{
			{key: t1.MetricGapMax, name: "largest", class: "c-2", marker: chart.Square}, {key: t1.MetricGapMean, name: "mean", class: "c-1", marker: chart.Circle}}},
	{id: "rate", title: "Learning rate", unit: "in force", metrics: one("learning_rate"), zero: true, exact: true},
}

// sftCharts are the curves of supervised fine-tuning.
var sftCharts = []metricChart{
	{id: "sft-loss", title: "SFT loss", unit: "nats a response token", metrics: []metricLine{{key: "loss", class: "c-sft"}}},
	{id: "sft-gradient", title: "SFT gradient norm", unit: "before clipping", metrics: []metricLine{{key: "grad_norm", class: "c-sft"}}, zero: true,
		limit: func(s t1.Spec) (float64, string) { return s.SFT.Optimizer.GradientClip, "clipped above" }},
	{id: "sft-rate", title: "SFT learning rate", unit: "in force", metrics: []metricLine{{key: "learning_rate", class: "c-sft"}}, zero: true, exact: true},
}

func penaltyLines() []metricLine {
	markers := []chart.Marker{chart.Circle, chart.Square, chart.Triangle, chart.Diamond}
	var out []metricLine
	for i, reason := range t1.PenaltyReasons() {
		out = append(out, metricLine{t1.MetricPenaltyOf + reason, words(reason), "c-" + string(rune('1'+i%5)), markers[i%len(markers)]})
	}
	return out
}

// learning is the section of learning curves.
type learning struct {
	Update, SFT []chart.Chart
	Missing     string // charts with no data, by title
}

func newLearning(in Input) learning {
	var l learning
	var missing []string
	updates := pick(in.Records, func(r t1.Record) (float64, bool) {
		if r.Update == nil {
			return 0, false
		}
		return float64(r.Update.Iteration), true
	})
	steps := pick(in.Records, func(r t1.Record) (float64, bool) {
		if r.SFT == nil {
			return 0, false
		}
		return float64(r.SFT.To), true
	})
	l.Update = draw(in.Spec, updateCharts, updates, "iteration", &missing)
	l.SFT = draw(in.Spec, sftCharts, steps, "step", &missing)
	l.Missing = strings.Join(missing, ", ")
	return l
}

// sample is the metrics at one place of the x axis.
type sample struct {
	x       float64
	metrics map[string]float64
}

func pick(log []t1.Record, at func(t1.Record) (float64, bool)) []sample {
	var out []sample
	for _, r := range log {
		if x, ok := at(r); ok {
			out = append(out, sample{x, r.Metrics})
		}
	}
	slices.SortStableFunc(out, func(a, b sample) int { return int(math.Copysign(1, a.x-b.x)) })
	return out
}

// draw makes the charts that have data; the titles of the others go to missing.
func draw(spec t1.Spec, charts []metricChart, samples []sample, x string, missing *[]string) []chart.Chart {
	if len(samples) == 0 {
		return nil
	}
	var out []chart.Chart
	for _, m := range charts {
		c := m.chart(spec, samples, x)
		if c.Empty() {
			*missing = append(*missing, m.title)
			continue
		}
		out = append(out, c)
	}
	return out
}

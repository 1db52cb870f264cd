package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"t1"
)

// frame is one picture of a run's progress.
type frame struct {
	phase   string
	step    string
	seq     int
	done    int
	total   int
	left    time.Duration // of the phase; 0 where unknown
	rl      int           // iterations finished, whatever the phase
	figures []figure      // of the newest record, in the phases that make records
	reasons []figure      // of its penalties
}

// figure is one number beside its name.
type figure struct{ name, value string }

// What the records' metrics are called; the engine's own names, but for those
// in package t1.
const (
	metricKL      = "kl"
	metricEntropy = "entropy"
	metricLoss    = "loss"
)

func frameOf(s t1.Status, seen t1.Observation, now time.Time) frame {
	f := frame{phase: s.Phase, step: s.Step, seq: s.Seq, done: s.Done, total: s.Total, rl: s.Iteration}
	f.left = timeLeft(s, seen, now)
	if over(s.Phase) {
		f.done, f.total, f.left = s.Iteration, s.Iterations, 0
	}
	if s.Phase == t1.PhasePool || s.Phase == t1.PhaseEvaluating {
		return f
	}
	if rate := tokenRate(seen); rate > 0 {
		f.figures = append(f.figures, figure{"tok/s", fmt.Sprintf("%.0f", rate)})
	}
	f.figures = append(f.figures, metricFigures(s)...)
	f.reasons = penaltyFigures(s.Metrics)
	return f
}

// timeLeft goes by the phase so far, or by the newest iteration where that took
// less than half as long: then the run stood still for a while. Parked, paused
// and evaluating runs are not foretold beyond their phase.
func timeLeft(s t1.Status, seen t1.Observation, now time.Time) time.Duration {
	began, err := time.Parse(time.RFC3339Nano, s.PhaseAt)
	finished := s.Done - s.PhaseDone
	if err != nil || finished <= 0 || s.Total <= s.Done {
		return 0
	}
	each := now.Sub(began) / time.Duration(finished)
	newest := time.Duration((seen.Seconds["sample"] + seen.Seconds["score"] + seen.Seconds["activity"]) * float64(time.Second))
	if s.Phase == t1.PhaseRL && newest > 0 && each > 2*newest {
		each = newest
	}
	return max(0, each*time.Duration(s.Total-s.Done))
}

// tokenRate is tokens a second over the phases of the newest record that
// handled tokens.
func tokenRate(seen t1.Observation) float64 {
	var tokens int64
	var seconds float64
	for phase, n := range seen.Tokens {
		spent := seen.Seconds["engine_"+phase]
		if spent == 0 {
			spent = seen.Seconds[phase]
		}
		if spent > 0 && n > 0 {
			tokens += n
			seconds += spent
		}
	}
	if seconds == 0 {
		return 0
	}
	return float64(tokens) / seconds
}

// metricFigures picks what a person watches from the newest record's metrics.
func metricFigures(s t1.Status) []figure {
	var figures []figure
	add := func(name, metric, format string, scale float64) {
		if v, ok := s.Metrics[metric]; ok {
			figures = append(figures, figure{name, fmt.Sprintf(format, scale*v)})
		}
	}
	if s.Iteration == 0 {
		add("loss", metricLoss, "%.3f", 1)
		return figures
	}
	add("reward", t1.MetricReward, "%+.3f", 1)
	add("accuracy", t1.MetricAccuracy, "%.1f%%", 100)
	add("penalised", t1.MetricPenalized, "%.1f%%", 100)
	add("KL", metricKL, "%.3f", 1)
	add("entropy", metricEntropy, "%.3f", 1)
	add("length", t1.MetricLength, "%.0f", 1)
	add("gap", t1.MetricGapMean, "%.1g", 1) // sampler against trainer
	return figures
}

// penaltyFigures lists the reasons that occurred.
func penaltyFigures(metrics map[string]float64) []figure {
	var figures []figure
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		reason, ok := strings.CutPrefix(name, t1.MetricPenaltyOf)
		if ok && metrics[name] > 0 {
			figures = append(figures, figure{strings.ReplaceAll(reason, "_", "-"), fmt.Sprintf("%.1f%%", 100*metrics[name])})
		}
	}
	return figures
}

func line(figures []figure) string {
	parts := make([]string, len(figures))
	for i, figure := range figures {
		parts[i] = figure.name + " " + figure.value
	}
	return strings.Join(parts, "  ")
}

func (f frame) leftText() string {
	if f.left <= 0 {
		return ""
	}
	return clock(f.left) + " left"
}

// clock writes a duration as m:ss or h:mm:ss.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

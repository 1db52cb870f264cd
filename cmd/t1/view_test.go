package main

import (
	"strings"
	"testing"
	"time"

	"t1"
)

var looked = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// at is a status some seconds into its phase.
func at(phase string, done, total, iteration int) t1.Status {
	return t1.Status{
		Phase: phase, Done: done, Total: total, Iteration: iteration, Iterations: 8, Seq: iteration + 2,
		PhaseAt: looked.Add(-10 * time.Second).Format(time.RFC3339),
		Metrics: map[string]float64{t1.MetricReward: 0.25, t1.MetricAccuracy: 0.5, t1.MetricPenaltyOf + "over_length": 0.125, t1.MetricPenaltyOf + "nonsense": 0, t1.MetricGapMean: 2.1e-7},
	}
}

func TestLines(t *testing.T) {
	var out strings.Builder
	clock := looked
	v := &lines{out: &out, now: func() time.Time { return clock }}
	show := func(s t1.Status) { v.Show(frameOf(s, t1.Observation{}, looked)) }
	show(at(t1.PhaseRL, 1, 8, 1))
	show(at(t1.PhaseRL, 1, 8, 1)) // nothing new
	show(at(t1.PhaseRL, 2, 8, 2)) // too soon
	clock = clock.Add(lineEvery)
	show(at(t1.PhaseRL, 4, 8, 4))
	v.Waiting("no worker answers")
	v.Waiting("no worker answers") // told
	show(at(t1.PhaseEvaluating, 0, 2, 4))
	want := `rl 1/8  reward +0.250  accuracy 50.0%  gap 2e-07  over-length 12.5%  1:10 left
rl 4/8  reward +0.250  accuracy 50.0%  gap 2e-07  over-length 12.5%  0:10 left
waiting: no worker answers
evaluating 0/2
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

// Hours in which a run stood still are not hours that an iteration takes.
func TestTimeLeftAfterStandstill(t *testing.T) {
	s := at(t1.PhaseRL, 2, 8, 2)
	s.PhaseAt = looked.Add(-10 * time.Hour).Format(time.RFC3339)
	seen := t1.Observation{Seconds: map[string]float64{"sample": 30, "score": 1, "activity": 29, "compute": 25}}
	if got := timeLeft(s, seen, looked); got != 6*time.Minute {
		t.Errorf("%s left of 6 iterations of a minute", got)
	}
	s.PhaseAt = looked.Add(-3 * time.Minute).Format(time.RFC3339)
	if got := timeLeft(s, seen, looked); got != 9*time.Minute {
		t.Errorf("%s left of 6 iterations, when two took three minutes", got)
	}
}

// A run that changes is looked at each second, one that does not less often.
func TestPace(t *testing.T) {
	var p pace
	s := at(t1.PhaseRL, 1, 8, 1)
	if got := p.next(s); got != lookEvery {
		t.Errorf("%s after the first look", got)
	}
	for range 10 {
		p.next(s)
	}
	if got := p.next(s); got != lookSeldom {
		t.Errorf("%s when nothing changes", got)
	}
	s.Done++
	if got := p.next(s); got != lookEvery {
		t.Errorf("%s after a change", got)
	}
}

// What is on the screen after a redraw is the newest picture, and a bar for
// each phase that is over.
func TestDrawing(t *testing.T) {
	var out strings.Builder
	v := &drawing{out: &out, width: func() int { return 60 }, began: looked}
	for _, s := range []t1.Status{at(t1.PhaseRL, 1, 8, 1), at(t1.PhaseRL, 3, 8, 3), at(t1.PhaseEvaluating, 1, 2, 4)} {
		v.Show(frameOf(s, t1.Observation{}, looked))
	}
	want := []string{
		"rl         ████████████░░░░░░░░░░░░    4/8   ",
		"  reward +0.250  accuracy 50.0%  gap 2e-07",
		"  over-length 12.5%",
		"evaluating ████████████░░░░░░░░░░░░    1/2     0:10 left",
	}
	if got := screen(out.String()); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// screen is what a terminal shows that knows "up N" and "clear to the end".
func screen(written string) []string {
	var rows []string
	for line := range strings.Lines(written) {
		for strings.HasPrefix(line, "\x1b[") {
			up := int(line[2] - '0')
			rows = rows[:len(rows)-up]
			line = strings.TrimPrefix(line[4:], "\x1b[J")
		}
		rows = append(rows, strings.TrimSuffix(line, "\n"))
	}
	return rows
}

func TestTokenRate(t *testing.T) {
	seen := t1.Observation{
		Seconds: map[string]float64{"sample": 9, "engine_sample": 2, "score": 1, "engine_compute": 3},
		Tokens:  map[string]int64{"sample": 1000, "compute": 1500},
	}
	if got := tokenRate(seen); got != 500 {
		t.Errorf("got %g tokens a second, want 500", got)
	}
}

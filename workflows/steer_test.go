package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"t1"
)

// at calls do once, before the first attempt of that activity for that
// iteration (or, where the activity has none, that record).
func at(activity string, n int, do func()) func(moment) {
	done := false
	return func(m moment) {
		if !done && m.Activity == activity && max(m.Iteration, m.Seq) == n && m.Shard == 0 {
			done = true
			do()
		}
	}
}

func (d *drive) ask1(update string, input ...string) func() {
	return func() { d.ask(update, input...) }
}

func (d *drive) now() t1.Status {
	value, err := d.env.QueryWorkflow(t1.QueryStatus)
	require.NoError(d.t, err)
	var s t1.Status
	require.NoError(d.t, value.Get(&s))
	return s
}

func TestPauseWaitsAtTheNextRecordAndResumeGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		activity        string
		n, seq, perFlow int
	}{
		"supervised steps":         {"FineTune", 1, 1, 20},
		"last supervised steps":    {"FineTune", 2, 2, 20},
		"the pool":                 {"SelectPool", 0, 2, 20},
		"an iteration":             {"Sample", 2, 4, 20},
		"over a continue-as-new":   {"Update", 4, 4, 2},
		"the last iteration":       {"Score", 4, 6, 20},
		"a measurement in-between": {"Snapshot", 2, 2, 20},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(smallSpec(4))
			w.spec.RL.IterationsPerFlow = c.perFlow
			d := &drive{t: t, w: w}
			var paused t1.Status
			var asked time.Time
			d.before = at(c.activity, c.n, func() {
				asked = d.env.Now()
				d.ask(t1.UpdatePause)
			})
			d.setup = watch(d, func() {
				if s := d.now(); s.Phase == t1.PhasePaused && paused.Phase == "" {
					paused = s
					d.ask(t1.UpdateResume)
				}
			})
			out, err := d.run()
			require.NoError(t, err)

			assert.Equal(t, t1.PhaseDone, out.Phase)
			assert.Equal(t, c.seq, paused.Seq)
			assert.True(t, paused.PauseAsked)
			assert.False(t, d.status.PauseAsked)
			assert.Greater(t, d.env.Now().Sub(asked), time.Minute)
			undisturbed := newWorld(w.spec)
			complete(t, undisturbed)
			assert.Equal(t, undisturbed.chain(), w.chain())
		})
	}
}

// watch calls look every hour, and first after one, of a run's time, for three days.
func watch(d *drive, look func()) func(env testEnvironment) {
	return func(env testEnvironment) {
		for hour := range 72 {
			env.RegisterDelayedCallback(func() {
				if !env.IsWorkflowCompleted() {
					look()
				}
			}, time.Duration(hour+1)*time.Hour)
		}
	}
}

func TestSetTakesEffectFromTheNextIteration(t *testing.T) {
	w := newWorld(smallSpec(4))
	d := &drive{t: t, w: w}
	d.before = at("Score", 2, d.ask1(t1.UpdateSet, `{"learning_rate":3e-5,"temperature":0.9,"beta":0,"alpha":0.5}`))
	_, err := d.run()
	require.NoError(t, err)

	require.NoError(t, d.replies[0].rejected)
	assert.Equal(t, 3e-5, *d.replies[0].status.Steered.LearningRate)
	assert.Equal(t, hyper(w.spec.RL, t1.Steering{}, 2), w.updates[1].Hyper, "the iteration under way keeps its numbers")
	for _, u := range w.updates[2:] {
		want := hyper(w.spec.RL, t1.Steering{}, u.Iteration)
		want.LearningRate, want.Temperature, want.Beta, want.Alpha = 3e-5, 0.9, 0, 0.5
		assert.Equal(t, want, u.Hyper)
	}
	for _, s := range w.samples {
		if s.Iteration != t1.PoolIteration {
			assert.Equal(t, w.updates[s.Iteration-1].Hyper.Temperature, s.Temperature)
		}
	}
}

func TestSetKeepsWhatItDoesNotNameOverContinueAsNew(t *testing.T) {
	w := newWorld(smallSpec(4))
	w.spec.RL.IterationsPerFlow = 1
	d := &drive{t: t, w: w}
	first := at("Score", 1, d.ask1(t1.UpdateSet, `{"beta":0.5,"evaluate_every":3}`))
	second := at("Score", 2, d.ask1(t1.UpdateSet, `{"alpha":0.25}`))
	d.before = func(m moment) { first(m); second(m) }
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, []float64{w.spec.RL.Beta, 0.5, 0.5, 0.5}, []float64{w.updates[0].Hyper.Beta, w.updates[1].Hyper.Beta, w.updates[2].Hyper.Beta, w.updates[3].Hyper.Beta})
	assert.Equal(t, 0.25, w.updates[2].Hyper.Alpha)
	assert.Equal(t, []string{"sft@2", "3@5", "4@6"}, labels(out.Evaluations))
}

func TestStopEndsAfterTheIterationWithASnapshotAndAnEvaluation(t *testing.T) {
	w := newWorld(smallSpec(9))
	d := &drive{t: t, w: w}
	d.before = at("Sample", 2, d.ask1(t1.UpdateStop))
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, t1.PhaseStopped, out.Phase)
	assert.Equal(t, 2, out.Iteration)
	assert.Equal(t, 4, out.Seq)
	assert.Equal(t, []int{2, 4}, w.snapshots)
	assert.Equal(t, []string{"sft@2", "2@4"}, labels(out.Evaluations))
}

func TestStopDuringTheSupervisedStepsKeepsTheState(t *testing.T) {
	w := newWorld(smallSpec(9))
	d := &drive{t: t, w: w}
	d.before = at("FineTune", 1, d.ask1(t1.UpdateStop))
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, t1.PhaseStopped, out.Phase)
	assert.Equal(t, 1, out.Seq)
	assert.Equal(t, []int{1}, w.snapshots)
	assert.Empty(t, out.Evaluations, "a policy half-way is not published")
	assert.Zero(t, w.calls["Sample"])
}

func TestStopInTheLastIterationIsASuccess(t *testing.T) {
	d := &drive{t: t, w: newWorld(smallSpec(2))}
	d.before = at("Score", 2, d.ask1(t1.UpdateStop))
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, t1.PhaseDone, out.Phase)
}

func TestAPausedRunCanBeStoppedMeasuredAndKept(t *testing.T) {
	w := newWorld(smallSpec(9))
	d := &drive{t: t, w: w}
	d.before = at("Sample", 2, func() {
		d.ask(t1.UpdatePause)
		d.later(time.Hour, t1.UpdateSnapshot)
		d.later(2*time.Hour, t1.UpdateEvaluate)
		d.env.RegisterDelayedCallback(func() {
			assert.Equal(t, []int{2, 4}, w.snapshots)
			assert.Equal(t, "2", w.summarized[1].Label)
			assert.Equal(t, t1.PhasePaused, d.now().Phase, "and it is still paused")
		}, 3*time.Hour)
		d.later(4*time.Hour, t1.UpdateStop)
	})
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, t1.PhaseStopped, out.Phase)
	assert.Equal(t, 2, out.Iteration)
	assert.Equal(t, []int{2, 4}, w.snapshots, "nothing twice")
	assert.Equal(t, []string{"sft@2", "2@4"}, labels(out.Evaluations))
}

func TestSnapshotAndEvaluateHappenAtTheNextRecord(t *testing.T) {
	w := newWorld(smallSpec(4))
	w.traces = 150
	d := &drive{t: t, w: w} // records: 0, sft 1 to 3, updates 4 to 7
	early := at("FineTune", 1, d.ask1(t1.UpdateSnapshot))
	late := at("Sample", 2, func() { d.ask(t1.UpdateEvaluate); d.ask(t1.UpdateSnapshot) })
	d.before = func(m moment) { early(m); late(m) }
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, []int{1, 3, 5, 7}, w.snapshots)
	assert.Equal(t, []string{"sft@3", "2@5", "4@7"}, labels(out.Evaluations))
}

func TestUpdatesThatMakeNoSenseAreRefused(t *testing.T) {
	type asked struct{ update, input, want string }
	for name, c := range map[string]struct {
		before func(*drive) func(moment)
		asks   []asked
	}{
		"while training": {
			func(d *drive) func(moment) { return nil },
			[]asked{
				{"resume", "", "the run is not paused"},
				{"resolve", `{"action":"retry"}`, "the run is not parked"},
				{"set", ``, "the input is missing"},
				{"set", `{}`, "names nothing to change"},
				{"set", `{"beta":null}`, "names nothing to change"},
				{"set", `{"lr":1}`, `unknown field "lr"; known are learning_rate`},
				{"set", `{"beta":"1"}`, "cannot unmarshal string"},
				{"set", `{"evaluate_every":1.5}`, "cannot unmarshal number 1.5"},
				{"set", `{"learning_rate":0,"temperature":2.5,"beta":-1,"alpha":-0.5,"evaluate_every":-1,"gap_limit":-1}`,
					"set: learning_rate is 0, must be above 0; temperature is 2.5, must be above 0 and at most 2; " +
						"beta is -1, must be at least 0; alpha is -0.5, must be at least 0; gap_limit is -1, must be at least 0; evaluate_every is -1, must be at least 0"},
				{"set", `[1]`, "cannot unmarshal array"},
			},
		},
		"when asked already": {
			func(d *drive) func(moment) { return at("Sample", 2, d.ask1(t1.UpdatePause)) },
			[]asked{{"pause", "", "the run is paused already"}},
		},
		"when stopping": {
			func(d *drive) func(moment) { return at("Sample", 2, d.ask1(t1.UpdateStop)) },
			[]asked{{"pause", "", "the run is stopping"}, {"stop", "", "the run is stopping already"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(smallSpec(3))
			d := &drive{t: t, w: w}
			first := c.before(d)
			then := at("Score", 2, func() {
				d.replies = nil
				for _, a := range c.asks {
					if a.input == "" {
						d.ask(a.update)
					} else {
						d.ask(a.update, a.input)
					}
				}
				d.later(time.Hour, t1.UpdateResume)
			})
			d.before = func(m moment) {
				if first != nil {
					first(m)
				}
				then(m)
			}
			_, err := d.run()
			require.NoError(t, err)
			for i, a := range c.asks {
				assert.ErrorContains(t, d.replies[i].rejected, a.want, "%s %s", a.update, a.input)
			}
		})
	}
}

func TestUpdatesAreRefusedBeforeAndAfterTheirTime(t *testing.T) {
	w := newWorld(smallSpec(2))
	d := &drive{t: t, w: w}
	early := at("Prepare", 0, func() { d.ask(t1.UpdateSnapshot); d.ask(t1.UpdateEvaluate) })
	late := at("Snapshot", 4, func() {
		for _, name := range []string{t1.UpdatePause, t1.UpdateStop, t1.UpdateSnapshot, t1.UpdateEvaluate} {
			d.ask(name)
		}
		d.ask(t1.UpdateSet, `{"beta":1}`)
	})
	d.before = func(m moment) { early(m); late(m) }
	_, err := d.run()
	require.NoError(t, err)
	require.Len(t, d.replies, 7)
	assert.ErrorContains(t, d.replies[0].rejected, "there is no record to keep a snapshot of yet")
	assert.ErrorContains(t, d.replies[1].rejected, "the supervised initialisation is not over")
	for _, r := range d.replies[2:] {
		assert.ErrorContains(t, r.rejected, "the run is ending or has ended", r.update)
	}
}

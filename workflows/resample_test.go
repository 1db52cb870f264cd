package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"t1"
)

// farAway fails an iteration's update until its rollouts are discarded, as a
// sampler does that was repaired in the meantime.
func farAway(w *world, n int) {
	w.fail = func(activity string, in any) error {
		if u, is := in.(t1.UpdateInput); is && u.Iteration == n && len(w.discarded) == 0 {
			return failing(t1.KindSamplerGap, "too far away", "")
		}
		return nil
	}
}

func TestResampleMakesTheIterationAnew(t *testing.T) {
	w := newWorld(smallSpec(3))
	farAway(w, 2)
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) {
		d.ask(t1.UpdateSet, `{"temperature":0.5}`)
		d.ask(t1.UpdateResolve, `{"action":"resample"}`)
	})
	out, err := d.run()
	require.NoError(t, err)

	assert.Equal(t, t1.PhaseDone, out.Phase)
	assert.Equal(t, []t1.DiscardInput{{Run: runName, Iteration: 2, Seq: 4}}, w.discarded)
	var temperatures []float64
	for _, s := range w.samples {
		if s.Iteration == 2 && s.Shard == 0 {
			temperatures = append(temperatures, s.Temperature)
		}
	}
	assert.Equal(t, []float64{w.spec.RL.Temperature, 0.5}, temperatures, "sampled again, as it is drawn now")
	assert.Equal(t, 0.5, w.updates[1].Hyper.Temperature)
	assert.Equal(t, []int{1, 2, 3}, []int{w.updates[0].Iteration, w.updates[1].Iteration, w.updates[2].Iteration})
}

// What is half discarded must not be found: a retry goes on discarding, in a new
// execution too. Skipping forgets it.
func TestADiscardThatFailsIsDoneBeforeAnythingIsSampled(t *testing.T) {
	for _, action := range []string{"retry", "skip"} {
		t.Run(action, func(t *testing.T) {
			w := newWorld(smallSpec(3))
			farAway(w, 2)
			gap := w.fail
			full := true
			w.fail = func(activity string, in any) error {
				if activity == "Discard" && full {
					return failing(t1.KindDiskFull, "no room", "")
				}
				return gap(activity, in)
			}
			d := &drive{t: t, w: w}
			executions := 0
			answer(d, func(s t1.Status) {
				switch {
				case s.Parked.Kind == t1.KindSamplerGap:
					d.ask(t1.UpdateResolve, `{"action":"resample"}`)
				case executions == 0:
					executions = d.executions
					d.env.RegisterDelayedCallback(func() { d.env.SetContinueAsNewSuggested(true) }, time.Minute)
					d.ask(t1.UpdateSet, `{"alpha":0.5}`)
				case d.executions > executions:
					full = false
					d.ask(t1.UpdateResolve, `{"action":"`+action+`"}`)
				}
			})
			out, err := d.run()
			require.NoError(t, err)
			assert.Equal(t, t1.PhaseDone, out.Phase)
			if action == "retry" {
				assert.Equal(t, []t1.DiscardInput{{Run: runName, Iteration: 2, Seq: 4}}, w.discarded)
				assert.Len(t, w.updates, 3)
			} else {
				assert.Empty(t, w.discarded, "the iterations after it have nothing to discard")
				assert.Len(t, w.updates, 2)
			}
		})
	}
}

func TestOnlyAnIterationIsSampledAnew(t *testing.T) {
	for _, b := range []broken{{activity: "FineTune", n: 1}, {activity: "SelectPool"}, {activity: "EvaluateShard", n: 2}, {activity: "Snapshot", n: 5}} {
		w := newWorld(smallSpec(3))
		b.err = failing(t1.KindDiskFull, "no room", "")
		mended := b.in(w)
		d := &drive{t: t, w: w}
		answer(d, func(t1.Status) {
			mended.err = nil
			d.ask(t1.UpdateResolve, `{"action":"resample"}`)
			d.ask(t1.UpdateResolve, `{"action":"retry"}`)
		})
		_, err := d.run()
		require.NoError(t, err)
		assert.ErrorContains(t, d.replies[0].rejected, "is no iteration, so nothing of it is sampled anew", b.activity)
		assert.Empty(t, w.discarded)
	}
}

// A limit that a person set holds for the rollouts that are there, and for what
// comes after them.
func TestAGapLimitIsSetForTheIterationThatParked(t *testing.T) {
	w := newWorld(smallSpec(3))
	w.fail = func(_ string, in any) error {
		if u, is := in.(t1.UpdateInput); is && u.Iteration == 2 && (u.GapLimit == nil || *u.GapLimit < 0.25) {
			return failing(t1.KindSamplerGap, "too far away", "")
		}
		return nil
	}
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) {
		d.ask(t1.UpdateSet, `{"gap_limit":0.25}`)
		d.ask(t1.UpdateResolve, `{"action":"retry"}`)
	})
	_, err := d.run()
	require.NoError(t, err)
	assert.Nil(t, w.updates[0].GapLimit, "the spec's")
	assert.Equal(t, []float64{0.25, 0.25}, []float64{*w.updates[1].GapLimit, *w.updates[2].GapLimit})
	assert.Equal(t, 0.25, *d.status.Steered.GapLimit)
}

package workflows

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"t1"
)

// forkOf is a world in which records 0 to at of a run are shared.
func forkOf(base *world, at int) *world {
	w := newWorld(base.spec)
	for seq := range at + 1 {
		w.steps[seq], w.kinds[seq] = base.steps[seq], base.kinds[seq]
	}
	w.forked = t1.ForkOutput{
		Spec: base.spec, Fork: t1.Fork{Schema: 1, ForkPoint: t1.ForkPoint{Run: "base", At: at}}, Step: base.steps[at], Traces: base.traces,
		Trained: min(2*at, 4), Iteration: max(0, at-2), RL: base.spec.RL,
	}
	if at >= 2 {
		w.forked.FineTuned, w.forked.PoolSize = base.steps[2].Policy, base.pool
	}
	if at > 2 {
		w.forked.Hyper = &base.updates[at-3].Hyper
	}
	return w
}

func forking(at int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"fork":{"run":"base","at":%d}}`, at))
}

// Wherever a run forks, it makes the records that the other one made.
func TestAForkGoesOnAsTheRunItSharesWith(t *testing.T) {
	base := newWorld(smallSpec(3))
	_, want := complete(t, base)
	for at := range 6 {
		w := forkOf(base, at)
		d := &drive{t: t, w: w, given: forking(at)}
		out, err := d.run()
		require.NoError(t, err, at)
		assert.Equal(t, base.chain(), w.chain(), at)
		assert.Equal(t, want.State, out.State, at)
		assert.Equal(t, t1.PhaseDone, out.Phase)
		assert.Equal(t, &t1.ForkPoint{Run: "base", At: at}, d.status.Fork)
		assert.Equal(t, at, w.snapshots[0], "its own snapshot comes first")
		assert.Zero(t, w.calls["ResolveSpec"]+w.calls["Prepare"])
		assert.Equal(t, map[bool]int{true: 1}[at >= 2], w.calls["Adopt"], "where something is sampled next")
		assert.Equal(t, at < 2, w.calls["SelectPool"] > 0, "the pool is shared once it is there")
	}
}

func TestAForkForgetsNothingOverContinueAsNew(t *testing.T) {
	base := newWorld(smallSpec(7))
	complete(t, base)
	w := forkOf(base, 4)
	w.spec.RL.IterationsPerFlow, w.forked.Spec.RL.IterationsPerFlow = 1, 1
	d := &drive{t: t, w: w, given: forking(4)}
	_, err := d.run()
	require.NoError(t, err)
	assert.Greater(t, d.executions, 3)
	assert.Equal(t, base.chain(), w.chain())
	assert.Equal(t, 1, w.calls["Fork"])
}

// What was steered stays, unless the fork sets it.
func TestAForkStaysSteered(t *testing.T) {
	rate, beta, limit := 5e-4, 0.25, 0.5
	for name, set := range map[string]map[string]json.RawMessage{"kept": nil, "set": {"rl.beta": json.RawMessage("0.5"), "sampler.gap_limit": json.RawMessage("1")}} {
		base := newWorld(smallSpec(3))
		complete(t, base)
		w := forkOf(base, 4)
		had := *w.forked.Hyper
		had.LearningRate, had.Beta = rate, beta
		w.forked.Hyper, w.forked.GapLimit, w.forked.Fork.Set = &had, &limit, set
		d := &drive{t: t, w: w, given: forking(4)}
		_, err := d.run()
		require.NoError(t, err)
		want := t1.Steering{LearningRate: &rate, Beta: &beta, GapLimit: &limit}
		if set != nil {
			want.Beta, want.GapLimit = nil, nil
		}
		assert.Equal(t, want, d.status.Steered, name)
		assert.InDelta(t, rate, w.updates[0].Hyper.LearningRate, 0, name)
	}
}

func TestAForkThatCannotBeFailsAtOnce(t *testing.T) {
	for _, kind := range []t1.Kind{t1.KindInvalid, t1.KindConflict, t1.KindNotFound} {
		w := newWorld(smallSpec(3))
		w.fail = func(string, any) error { return failing(kind, "run base has no record 40", "t1 log base") }
		d := &drive{t: t, w: w, given: forking(40)}
		_, err := d.run()
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		assert.Equal(t, string(kind), application.Type())
		assert.Equal(t, map[string]int{"Fork": 1}, w.calls)
	}
}

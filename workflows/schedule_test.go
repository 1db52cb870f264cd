package workflows

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"t1"
)

func TestAnchorMoves(t *testing.T) {
	ema := t1.AnchorMove{Action: "ema", Coefficient: 0.992}
	keep, reset, none := t1.AnchorMove{Action: "keep"}, t1.AnchorMove{Action: "reset"}, t1.AnchorMove{Action: "none"}
	for _, c := range []struct {
		spec t1.AnchorSpec
		want []t1.AnchorMove // iterations 1 to 4
	}{
		{t1.AnchorSpec{Action: "ema", Coefficient: 0.992, Every: 1}, []t1.AnchorMove{ema, ema, ema, ema}},
		{t1.AnchorSpec{Action: "ema", Coefficient: 0.992, Every: 2}, []t1.AnchorMove{keep, ema, keep, ema}},
		{t1.AnchorSpec{Action: "fixed", Coefficient: 0.992, Every: 1}, []t1.AnchorMove{keep, keep, keep, keep}},
		{t1.AnchorSpec{Action: "reset", Every: 3}, []t1.AnchorMove{keep, keep, reset, keep}},
		{t1.AnchorSpec{Action: "reset", Every: 1}, []t1.AnchorMove{reset, reset, reset, reset}},
		{t1.AnchorSpec{Action: "none", Every: 1}, []t1.AnchorMove{none, none, none, none}},
	} {
		for n := 1; n <= 4; n++ {
			assert.Equal(t, c.want[n-1], anchorMove(t1.RLSpec{Iterations: 4, Anchor: c.spec}, n), "%+v, iteration %d", c.spec, n)
		}
	}
	short := t1.RLSpec{Iterations: 60, Anchor: t1.AnchorSpec{Action: "ema", Coefficient: -1, Every: 1}}
	assert.Equal(t, 0.95, anchorMove(short, 1).Coefficient, "1 - 3/iterations")
}

func TestTheLearningRateWarmsUpLinearlyThenStays(t *testing.T) {
	s := t1.DefaultSpec().RL
	s.Iterations, s.Optimizer.LearningRate, s.Optimizer.Warmup = 40, 8e-6, 0.1
	for n, want := range map[int]float64{1: 2e-6, 2: 4e-6, 3: 6e-6, 4: 8e-6, 5: 8e-6, 40: 8e-6} {
		h := hyper(s, t1.Steering{}, n)
		assert.InDelta(t, want, h.LearningRate, 1e-18, n)
		assert.Equal(t, 8e-6, h.Optimizer.LearningRate, "the peak is kept beside it")
	}
	s.Optimizer.Warmup = 0
	assert.Equal(t, 8e-6, hyper(s, t1.Steering{}, 1).LearningRate)
	given := 1e-3
	assert.Equal(t, given, hyper(s, t1.Steering{LearningRate: &given}, 1).LearningRate)
}

func TestSupervisedStepsKeepTheLastBatch(t *testing.T) {
	for _, c := range []struct{ traces, batch, epochs, want int }{
		{16000, 128, 3, 375}, {16001, 128, 3, 378}, {1, 128, 1, 1}, {0, 128, 3, 0},
	} {
		assert.Equal(t, c.want, supervisedSteps(t1.SFTSpec{BatchSize: c.batch, Epochs: c.epochs}, c.traces), fmt.Sprint(c))
	}
}

func TestEveryPoolProblemIsSampledOnce(t *testing.T) {
	for _, c := range []struct{ problems, shards, want int }{{1000, 1, 4}, {1000, 6, 6}, {1000, 32, 8}, {3, 1, 3}, {1, 8, 1}} {
		w := newWorld(smallSpec(1))
		w.spec.Pool.Problems, w.spec.RL.Shards, w.spec.RL.BlockPrompts = c.problems, c.shards, 8
		d, _ := complete(t, w)
		rows, shards := make([]int, c.problems), map[int]bool{}
		for _, s := range w.samples {
			if s.Iteration == t1.PoolIteration {
				shards[s.Shard] = true
				assert.Equal(t, []any{w.spec.Pool.Temperature, w.spec.Pool.TopP, w.spec.Pool.Samples, w.steps[2].Policy},
					[]any{s.Temperature, s.TopP, s.Samples, s.Policy})
				for row := s.From; row < s.To; row++ {
					rows[row]++
				}
			}
		}
		for row, times := range rows {
			assert.Equal(t, 1, times, row)
		}
		assert.Len(t, shards, c.want)
		assert.Equal(t, 40, d.status.PoolSize)
	}
}

func TestALargePoolDoesNotFloodTheHistory(t *testing.T) {
	s := t1.DefaultSpec()
	assert.Equal(t, 8, poolBlockPrompts(s))
	s.Pool.Problems = 100_000
	assert.Equal(t, 391, poolBlockPrompts(s))
}

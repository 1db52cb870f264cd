package activities

import (
	"context"
	"time"

	"t1"
)

// Scorer serves t1.Scorer.
type Scorer struct{ host *Host }

// NewScorer serves the scorer's queue; it needs no engine.
func NewScorer(host *Host) *Scorer { return &Scorer{host} }

var _ t1.Scorer = (*Scorer)(nil)

// Score grades an iteration's rollouts and looks for bad patterns.
func (s *Scorer) Score(ctx context.Context, in t1.ScoreInput) (t1.ScoreOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.ScoreOutput, error) { return s.host.score(ctx, in, beat) })
}

func (h *Host) score(ctx context.Context, in t1.ScoreInput, beat beat) (t1.ScoreOutput, error) {
	start := time.Now()
	judge, err := h.judge(ctx, in.Run, func(d t1.Data) t1.Ref { return d.Train })
	if err != nil {
		return t1.ScoreOutput{}, err
	}
	rollouts, err := readAll[t1.Rollout](ctx, h.Store, in.Blocks, beat)
	if err != nil {
		return t1.ScoreOutput{}, err
	}
	scores, why, err := judge.scores(ctx, rollouts, beat)
	if err != nil {
		return t1.ScoreOutput{}, err
	}
	ref, err := keepRows(ctx, h.Store, t1.ScoresKey(in.Run, in.Iteration), scores)
	return t1.ScoreOutput{Scores: ref, Metrics: scoreMetrics(rollouts, scores, why), Seconds: time.Since(start).Seconds()}, err
}

// meanNLL is the mean negative log-probability, nats a token; 0 for no tokens.
func meanNLL(logprobs []float32) float64 {
	if len(logprobs) == 0 {
		return 0
	}
	var sum float64
	for _, lp := range logprobs {
		sum -= float64(lp)
	}
	return sum / float64(len(logprobs))
}

// scoreMetrics are the figures of an iteration's rollouts; shares are of the rollouts.
func scoreMetrics(rollouts []t1.Rollout, scores []t1.Score, why []string) map[string]float64 {
	m := map[string]float64{
		t1.MetricReward: 0, t1.MetricAccuracy: 0, t1.MetricLength: 0, t1.MetricPenalized: 0,
	}
	for _, reason := range t1.PenaltyReasons() {
		m[t1.MetricPenaltyOf+reason] = 0
	}
	for _, reason := range t1.GraderReasons() {
		m[t1.MetricGraderOf+reason] = 0
	}
	share := 1 / float64(max(1, len(scores)))
	for i, s := range scores {
		m[t1.MetricReward] += s.Reward * share
		m[t1.MetricLength] += float64(len(rollouts[i].Tokens)) * share
		if s.Correct {
			m[t1.MetricAccuracy] += share
		}
		if len(s.Penalties) > 0 {
			m[t1.MetricPenalized] += share
		}
		if why[i] != "" {
			m[t1.MetricGraderOf+why[i]] += share
		}
		for _, reason := range s.Penalties {
			m[t1.MetricPenaltyOf+reason] += share
		}
	}
	return m
}

// SelectPool keeps the problems whose pass rate lies in the pool's interval.
func (s *Scorer) SelectPool(ctx context.Context, in t1.SelectPoolInput) (t1.SelectPoolOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.SelectPoolOutput, error) {
		return s.host.selectPool(ctx, in, beat)
	})
}

func (h *Host) selectPool(ctx context.Context, in t1.SelectPoolInput, beat beat) (t1.SelectPoolOutput, error) {
	spec, err := h.spec(ctx, in.Run)
	if err != nil {
		return t1.SelectPoolOutput{}, err
	}
	judge, err := h.judge(ctx, in.Run, func(d t1.Data) t1.Ref { return d.Train })
	if err != nil {
		return t1.SelectPoolOutput{}, err
	}
	rollouts, err := readAll[t1.Rollout](ctx, h.Store, in.Blocks, beat)
	if err != nil {
		return t1.SelectPoolOutput{}, err
	}
	rates, err := judge.passRates(ctx, rollouts, beat)
	if err != nil {
		return t1.SelectPoolOutput{}, err
	}
	pool, err := h.choosePool(ctx, in, spec.Pool, rates)
	if err != nil {
		return t1.SelectPoolOutput{}, err
	}
	ref, err := keepJSON(ctx, h.Store, t1.PoolKey(in.Run), pool)
	return t1.SelectPoolOutput{Pool: ref, Size: len(pool.Problems)}, err
}

func (h *Host) choosePool(ctx context.Context, in t1.SelectPoolInput, spec t1.PoolSpec, rates map[string]float64) (t1.Pool, error) {
	data, err := h.data(ctx, in.Run)
	if err != nil {
		return t1.Pool{}, err
	}
	rows, err := h.problemSet(ctx, data.Train)
	if err != nil {
		return t1.Pool{}, err
	}
	pool := t1.Pool{Policy: in.Policy, Tried: len(rates), PassRate: spec.PassRate}
	for i, p := range rows {
		rate, tried := rates[p.ID]
		if tried && rate > spec.PassRate[0] && rate < spec.PassRate[1] {
			pool.Problems = append(pool.Problems, t1.PoolEntry{Index: i, PassRate: rate})
		}
	}
	return pool, nil
}

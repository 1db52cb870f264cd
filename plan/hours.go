package plan

import (
	"math"

	"t1"
)

// machine is a layout on an instance.
type machine struct {
	Instance
	layout Layout
}

// devices is how many GPUs train; of a CPU, which trainers share, 1.
func (m machine) devices() float64 {
	if m.GPUs == 0 {
		return 1
	}
	return float64(m.layout.Trainers)
}

// traffic is the bytes that each device receives for so many packed tokens:
// every micro-batch gathers the weights for each of its passes and scatters the
// gradient once (Zhao et al. 2023, arXiv 2304.11277).
func (m machine) traffic(s Shape, tokens, micro, passes float64) float64 {
	n := m.devices()
	if n == 1 {
		return 0
	}
	rounds := math.Ceil(tokens / (micro * n))
	weights := float64(s.Parameters().Total) * (n - 1) / n
	return rounds * weights * (passes*m.layout.element() + gradientBytes)
}

// gathered is how often training makes weights whole for a micro-batch: for the
// forward pass and for the backward one, whose recomputation is inside it.
const gathered = 2

// trained is the seconds of training: what takes longer, computing or gathering.
func (m machine) trained(s Shape, w Work, micro, gathers float64, a Assumptions) float64 {
	compute := w.FLOPs / (m.devices() * m.FLOPS * a.of("train_utilisation"))
	if m.devices() == 1 {
		return compute
	}
	return max(compute, m.traffic(s, w.Tokens+w.Prefilled, micro, gathers)/(m.Interconnect*a.of("interconnect_utilisation")))
}

// replica is the sampler: one copy of the weights over some devices.
type replica struct {
	devices    float64
	concurrent float64 // sequences it decodes at once
	element    float64 // bytes of a number
}

// decoded is the seconds of some rounds of sampling. A round ends with its
// longest response: until the mean every place is taken, in as many waves as
// the places make necessary; from there to the limit the weights alone are read.
// A step reads the weights and the cache (Pope et al. 2022, arXiv 2211.05102)
// or computes, whichever takes longer.
func (m machine) decoded(s Shape, w Work, r replica, prompt, mean, limit float64, a Assumptions) float64 {
	if w.Steps == 0 || w.Sequences == 0 {
		return 0
	}
	round := w.Sequences / float64(w.Steps)
	at := min(r.concurrent, math.Ceil(round))
	bandwidth := r.devices * m.Bandwidth * a.of("bandwidth_utilisation")
	weights := r.element * s.multiplied() / bandwidth
	cache := r.element * s.kvToken() * at * (prompt + mean/2) / bandwidth
	compute := 2 * s.multiplied() * at / (r.devices * m.FLOPS * a.of("decode_utilisation"))
	waves := max(1, round/at)
	steps := waves*mean*max(weights+cache, compute) + (limit-mean)*weights
	prefill := 2 * s.multiplied() * w.Prefilled / (r.devices * m.FLOPS * a.of("prefill_utilisation"))
	return float64(w.Steps)*steps + prefill
}

// hours is the wall time of each phase; phases follow one another.
func (m machine) hours(spec t1.Spec, s Shape, work []Work, st Storage, r replica, micro float64, a Assumptions) map[string]float64 {
	prompt := a.of("prompt_tokens")
	grade := a.of("score_seconds")
	if spec.Task.Name == "math" || spec.Task.Name == "exec" {
		grade = a.of("program_seconds")
	}
	seconds := map[string]float64{}
	for _, w := range work {
		limit := float64(spec.RL.MaxTokens)
		if w.Phase == Evaluation {
			limit = float64(spec.Evaluation.MaxTokens)
		}
		switch w.Phase {
		case SFT:
			seconds[w.Phase] = m.trained(s, w, float64(m.layout.MicroTokens), gathered, a)
		case Update:
			seconds[w.Phase] = m.trained(s, w, micro, gathered+m.layout.forwards(spec.RL, a), a)
		case Pool, Sampling, Evaluation:
			seconds[w.Phase] = m.decoded(s, w, r, prompt, a.of("response_share")*limit, limit, a)
		case Scoring:
			seconds[w.Phase] = w.Sequences * grade
		case Publication:
			state := s.state(spec.RL.Anchor.Action != "none")
			digests := float64(w.Steps) * state / a.of("digest_bytes_per_second")
			seconds[w.Phase] = digests + (st.Uploaded+st.Downloaded)/min(a.of("storage_bytes_per_second"), m.Network)
		}
	}
	for phase := range seconds {
		seconds[phase] /= 3600
	}
	return seconds
}

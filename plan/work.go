package plan

import (
	"math"

	"t1"
)

// Phases of a run, in order.
const (
	SFT         = "sft"
	Pool        = "pool"
	Sampling    = "sampling"
	Scoring     = "scoring"
	Update      = "update"
	Evaluation  = "evaluation"
	Publication = "publication" // digests of states, published policies, snapshots
)

// Phases lists them.
var Phases = []string{SFT, Pool, Sampling, Scoring, Update, Evaluation, Publication}

// Counts is what a spec alone does not say about its data.
type Counts struct {
	Demonstrations int // rows; 0: nothing to fine-tune on
}

// Work is what one phase does over the whole run.
type Work struct {
	Phase      string  `json:"phase"`
	Steps      int     `json:"steps"`      // optimizer steps, sampling rounds, evaluations, publications
	Sequences  float64 `json:"sequences"`  // demonstrations trained on, responses sampled or scored
	Tokens     float64 `json:"tokens"`     // response tokens trained on, sampled or scored
	Prefilled  float64 `json:"prefilled"`  // tokens read before the first is sampled; trained on: prompt tokens
	FLOPs      float64 `json:"flops"`      //
	CacheReads float64 `json:"cache_read"` // elements of keys and values read while decoding
}

// forward is the FLOPs of one forward pass over so many sequences of a mean
// length: two a weight and token (Kaplan et al. 2020, arXiv 2001.08361, table 1)
// and, for attention that is causal, 2 L H E a pair of tokens (half of the
// 4 L H E of Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
func (s Shape) forward(sequences, length float64) float64 {
	return 2*s.multiplied()*sequences*length + 2*float64(s.Layers*s.Heads*s.HeadDim)*sequences*length*length
}

// supervisedSteps is the optimizer steps of the fine-tuning.
func supervisedSteps(s t1.SFTSpec, demonstrations int) int {
	return ceilDiv(demonstrations, s.BatchSize) * s.Epochs
}

// Evaluations is how many policies are evaluated: the fine-tuned one, and those
// that `at` and `every` name.
func Evaluations(spec t1.Spec) int {
	due := map[int]bool{}
	for _, share := range spec.Evaluation.At {
		if share > 0 {
			due[max(1, int(math.Round(share*float64(spec.RL.Iterations))))] = true
		}
	}
	if every := spec.Evaluation.Every; every > 0 {
		for n := every; n <= spec.RL.Iterations; n += every {
			due[n] = true
		}
	}
	return 1 + len(due)
}

// cuts is the answers from cut thinking for one problem, the control included.
func cuts(s t1.ScalingSpec) int {
	if s.Fractions == 0 && len(s.Caps) == 0 {
		return 0
	}
	return s.Fractions + len(s.Caps) + 1
}

// training is the FLOPs of forward and backward, three forward passes, and a
// fourth where activations are computed again.
func (l Layout) training() float64 {
	if l.Recompute {
		return 4
	}
	return 3
}

// forwards is the passes of an update without gradient: the anchor's, and, where
// a prompt's responses are divided over micro-batches, one of the policy, since an
// advantage needs the d of all of them. Without an anchor, or with beta 0, there
// is no d to know.
func (l Layout) forwards(rl t1.RLSpec, a Assumptions) float64 {
	if rl.Anchor.Action == "none" {
		return 0
	}
	mean := a.of("prompt_tokens") + a.of("response_share")*float64(rl.MaxTokens)
	if rl.Beta != 0 && float64(rl.K)*mean > float64(l.MicroTokens) {
		return 2
	}
	return 1
}

// NewWork lists what each phase does.
func NewWork(spec t1.Spec, s Shape, l Layout, c Counts, a Assumptions) []Work {
	prompt, mean := a.of("prompt_tokens"), a.of("response_share")
	rl, e := spec.RL, spec.Evaluation
	demonstration := a.of("demonstration_tokens")
	demonstrated := float64(c.Demonstrations * spec.SFT.Epochs)
	sft := Work{
		Phase: SFT, Steps: supervisedSteps(spec.SFT, c.Demonstrations), Sequences: demonstrated, Tokens: demonstrated * demonstration,
		Prefilled: demonstrated * prompt, FLOPs: l.training() * s.forward(demonstrated, prompt+demonstration),
	}
	length := mean * float64(rl.MaxTokens)
	tuned := length
	if c.Demonstrations > 0 { // the fine-tuned policy responds as it was shown
		tuned = min(demonstration, float64(rl.MaxTokens))
	}
	pool := s.sampled(Pool, 1, float64(spec.Pool.Problems), float64(spec.Pool.Samples), prompt, tuned)
	if rl.Iterations == 0 {
		pool = Work{Phase: Pool}
	}
	sampling := s.sampled(Sampling, rl.Iterations, float64(rl.Iterations*rl.Prompts), float64(rl.K), prompt, length)
	update := Work{
		Phase: Update, Steps: rl.Iterations, Sequences: sampling.Sequences, Tokens: sampling.Tokens, Prefilled: sampling.Sequences * prompt,
		FLOPs: (l.training() + l.forwards(rl, a)) * s.forward(sampling.Sequences, prompt+length),
	}
	n := Evaluations(spec)
	answered := mean * float64(e.MaxTokens)
	evaluation := s.sampled(Evaluation, n, float64(n*e.Problems), float64(1+e.Samples), prompt, answered)
	cut := s.sampled(Evaluation, n, float64(n*e.Problems*cuts(e.Scaling)), 1, prompt+answered/2, float64(e.Scaling.SummaryTokens)/2)
	evaluation.add(cut)
	scored := sampling
	scored.add(evaluation)
	scored.add(pool)
	records := rl.Iterations + ceilDiv(sft.Steps, spec.SFT.StepsPerRecord)
	return []Work{
		sft, pool, sampling,
		{Phase: Scoring, Steps: rl.Iterations, Sequences: scored.Sequences, Tokens: scored.Tokens},
		update, evaluation, {Phase: Publication, Steps: records},
	}
}

// sampled is the work of sampling: a prompt is read once for all its responses.
func (s Shape) sampled(phase string, steps int, prompts, samples, prompt, length float64) Work {
	w := Work{Phase: phase, Steps: steps, Sequences: prompts * samples, Prefilled: prompts * prompt}
	w.Tokens = w.Sequences * length
	w.CacheReads = s.kvToken() * w.Tokens * (prompt + length/2)
	attention := 4 * float64(s.Layers*s.Heads*s.HeadDim) * w.Tokens * (prompt + length/2)
	w.FLOPs = s.forward(prompts, prompt) + 2*s.multiplied()*w.Tokens + attention
	return w
}

func (w *Work) add(o Work) {
	w.Sequences += o.Sequences
	w.Tokens += o.Tokens
	w.Prefilled += o.Prefilled
	w.FLOPs += o.FLOPs
	w.CacheReads += o.CacheReads
}

// ceilDiv is how many groups of size, at least 1, hold n.
func ceilDiv(n, size int) int {
	size = max(1, size)
	return (n + size - 1) / size
}

package plan

import (
	"cmp"
	"slices"

	"t1"
)

// TrainerMemory is the memory of the trainer at its peak, in bytes on the first
// device, by part. Not all parts are there at once: Total is that of the moment
// with the most.
type TrainerMemory struct {
	Process     float64 `json:"process"`      // context and libraries
	Weights     float64 `json:"weights"`      // float32, this device's share
	Copy        float64 `json:"copy"`         // of one trainer in bfloat16: the weights that a pass computes with
	Reference   float64 `json:"reference"`    // of one trainer: an offloaded anchor, back for its own pass
	Gradients   float64 `json:"gradients"`    // float32
	Moments     float64 `json:"moments"`      // AdamW's two, float32; offloaded ones are there during the optimizer's step
	Anchor      float64 `json:"anchor"`       // float32; 0 without an anchor, and where it is offloaded
	Gathered    float64 `json:"gathered"`     // of several trainers: two layers, embeddings and head, whole, while they are computed with
	Activations float64 `json:"activations"`  // of the largest micro-batch, as laid out
	Logits      float64 `json:"logits"`       // a chunk of them, and the head's gradient
	Allocator   float64 `json:"allocator"`    // held beyond what is needed
	Publication float64 `json:"publication"`  // what the policy answers is published with it: of one trainer the policy prepared for decoding, of several the largest unit, whole
	Total       float64 `json:"total"`        //
	MicroTokens float64 `json:"micro_tokens"` // tokens of that micro-batch on one device
	Recomputed  float64 `json:"recomputed"`   // the activations, with recompute
	Kept        float64 `json:"kept"`         // the activations, without
}

// trainer is a trainer's memory, and what is known of its peak.
type trainer struct {
	TrainerMemory
	offloaded float64 // bytes of the moments that are there during the optimizer's step alone
	most      string  // the largest part at the peak
}

// Logits held at once: CELLS and CELLS_GPU in engine/t1_engine/logprob.py.
const (
	logitCells    = 1 << 22
	logitCellsGPU = 1 << 27
)

// ActivationFloats is the numbers that autograd keeps for one token of one layer:
// four of the width (two norms' inputs and outputs), q, k and v before and after
// the rotation and the attention's result, four inside the feed-forward block,
// and a statistic for each head and norm. engine/t1_engine/model.py.
func (s Shape) ActivationFloats() float64 {
	return float64(4*s.Hidden + 3*(s.Heads+s.KVHeads)*s.HeadDim + 4*s.Intermediate + s.Heads + 2)
}

// Activations is the bytes kept for the backward pass of so many packed tokens,
// element bytes a number.
func (s Shape) Activations(tokens, element float64, recompute bool) float64 {
	layers, ends := float64(s.Layers), 2*float64(s.Hidden)*tokens // the last layer's output, and what the head reads
	whole := s.ActivationFloats()*tokens + float64(s.fused())     // a layer's: q, k and v are one matrix made for the pass
	if recompute {
		return element * (layers*float64(s.Hidden)*tokens + whole + ends)
	}
	return element * (layers*whole + ends)
}

// Logits is the bytes of a chunk of logits, three times (themselves, their
// log-softmax, their gradient), of the head's gradient before it is added, and
// of the gradient of what the head reads. In bfloat16 a GPU rounds the chunk's
// gradient, a CPU makes the head float32, and both round the head's gradient.
func (s Shape) Logits(tokens, element float64, gpu bool) float64 {
	head, held := float64(s.Vocabulary*s.Hidden), int64(logitCells)
	if gpu {
		held = logitCellsGPU
	}
	cells := float64(max(1, held/s.Vocabulary) * s.Vocabulary)
	bytes := 4*(3*cells+head) + element*tokens*float64(s.Hidden)
	switch {
	case element == 4:
		return bytes
	case gpu:
		return bytes + element*(cells+head)
	}
	return bytes + (4+element)*head
}

// microTokens is the packed tokens of the largest micro-batch of an update: the
// limit, or more where one response is longer.
func (l Layout) microTokens(rl t1.RLSpec, a Assumptions) float64 {
	prompt := a.of("prompt_tokens")
	all := float64(rl.Prompts*rl.K) * (prompt + a.of("longest_share")*float64(rl.MaxTokens))
	return max(prompt+float64(rl.MaxTokens), min(all, float64(l.MicroTokens)))
}

// newTrainer is the memory of the first of l.Trainers devices, GPUs or
// shares of a CPU, that train on micro-batches of at most so many packed tokens.
// A micro-batch is one device's: FSDP divides the state, and each device has its
// own sequences. On a CPU what is offloaded stays where it is.
func newTrainer(s Shape, l Layout, gpu, anchored bool, tokens float64, a Assumptions) trainer {
	n, element := float64(s.Parameters().Total), l.element()
	share := n / float64(max(1, l.Trainers))
	m := trainer{TrainerMemory: TrainerMemory{
		Process: a.of("device_bytes"), Weights: weightBytes * share, Gradients: gradientBytes * share, Moments: momentBytes * share, MicroTokens: tokens,
		Recomputed: s.Activations(tokens, element, true), Kept: s.Activations(tokens, element, false), Logits: s.Logits(tokens, element, gpu),
		Publication: s.decoding(weightBytes),
	}}
	away := l.Offload && gpu
	if away {
		m.offloaded = m.Moments
	}
	if anchored && !away {
		m.Anchor = anchorBytes * share
	}
	m.Activations = m.Kept
	if l.Recompute {
		m.Activations = m.Recomputed
	}
	m.Allocator = a.of("allocator_share") * m.Activations
	if l.Trainers > 1 {
		m.Gathered = element * (float64(2*s.layer()) + s.ends())
		m.Publication = weightBytes * float64(max(s.layer(), s.Vocabulary*s.Hidden))
	} else {
		if l.Precision == BFloat16 {
			m.Copy = element * (n + float64(s.Vocabulary*s.Hidden)) // and one tensor's gradient, before it is added
		}
		if anchored && l.Offload {
			m.Reference = element * n
		}
	}
	m.peak()
	return m
}

// part is some of a memory, by name.
type part struct {
	name  string
	bytes float64
}

// largest names the greatest part; of equal ones the first.
func largest(parts []part) string {
	return slices.MaxFunc(parts, func(a, b part) int { return cmp.Compare(a.bytes, b.bytes) }).name
}

// peak finds the moment with the most: a pass, the anchor's own pass, which
// keeps no activations, the optimizer's step, or a publication.
func (m *trainer) peak() {
	stay := []part{{"weights", m.Weights}, {"moments", m.Moments - m.offloaded}, {"anchor", m.Anchor}}
	for _, moment := range [][]part{
		{{"gradients", m.Gradients}, {"copy of the weights", m.Copy}, {"gathered weights", m.Gathered}, {"activations", m.Activations + m.Allocator}, {"logits", m.Logits}},
		{{"gradients", m.Gradients}, {"copy of the anchor", m.Reference}, {"logits", m.Logits}},
		{{"gradients", m.Gradients}, {"moments", m.offloaded}},
		{{"the policy, to be asked for what is published", m.Publication}},
	} {
		total := m.resident()
		for _, p := range moment {
			total += p.bytes
		}
		if total > m.Total {
			m.Total, m.most = total, largest(slices.Concat(moment, stay))
		}
	}
}

// resident is what stays between two steps.
func (m trainer) resident() float64 {
	return m.Process + m.Weights + m.Moments - m.offloaded + m.Anchor
}

// SamplerMemory is what sampling adds on one device, in bytes.
type SamplerMemory struct {
	Weights     float64 `json:"weights"`     // prepared for decoding; of the engine with several trainers, a whole copy of the policy too
	Cache       float64 `json:"cache"`       // keys and values of the sequences below
	Logits      float64 `json:"logits"`      // of one token a sequence
	Concurrent  float64 `json:"concurrent"`  // sequences decoded at once on one device
	TokenCache  float64 `json:"token_cache"` // keys and values of one token
	Total       float64 `json:"total"`       //
	TotalBeside float64 `json:"beside"`      // with the trainer's state that stays beside it
}

// sampleRows is the sequences that the engine decodes at once: `rows` of
// generate in engine/t1_engine/sample.py.
const sampleRows = 512

// stepLogits is the bytes of one sequence's logits while a token is drawn: the
// logits, their softmax and a cumulative sum in float64.
func (s Shape) stepLogits() float64 { return 16 * float64(s.Vocabulary) }

// decoding is the bytes of the weights that the engine prepares for decoding:
// every matrix that a token is multiplied with, once more.
func (s Shape) decoding(element float64) float64 { return element * s.multiplied() }

// sampling is the bytes of the weights that the engine samples with, float32: those
// of [Shape.decoding], and of several trainers a whole copy that they are made of.
func (s Shape) sampling(l Layout) float64 {
	if l.Trainers > 1 {
		return s.decoding(weightBytes) + weightBytes*float64(s.Parameters().Total)
	}
	return s.decoding(weightBytes)
}

// HostMemory is the engine's processes in a machine's memory, in bytes: what they
// hold, what each kind of work adds, and the peak.
type HostMemory struct {
	Process  float64 `json:"process"`   // processes that hold nothing
	State    float64 `json:"state"`     // weights, moments, anchor; with GPUs what is offloaded, and the tensor that is being written
	Held     float64 `json:"held"`      // the summary model of evaluations
	FineTune float64 `json:"fine_tune"` // beside the state: the state before, kept in case a step fails, and on a CPU gradients, activations, logits; 0 where nothing is fine-tuned on
	Update   float64 `json:"update"`    // gradients, activations, logits, what the allocator holds
	Sampling float64 `json:"sampling"`  // weights prepared for decoding, cache, logits
	Peak     float64 `json:"peak"`
}

// Load is how much an engine works on at once.
type Load struct {
	Supervised float64 // tokens of the largest micro-batch of fine-tuning; 0: there is none
	Micro      float64 // tokens of the largest micro-batch of an update
	Rows       float64 // sequences decoded at once
	Slots      float64 // tokens of each of them at most, prompts included
	Anchored   bool    // there is an anchor
	Summary    bool    // there is a summary model
}

// NewHostMemory is the memory of an engine that computes on the CPU, all its
// processes together.
func NewHostMemory(s Shape, l Layout, load Load, a Assumptions) HostMemory {
	processes, n := float64(max(1, l.Trainers)), float64(s.Parameters().Total)
	works := func(t trainer) float64 {
		held := (1 + a.of("host_allocator_share")) * t.Activations
		return processes * (t.Gradients + t.Logits + max(t.Copy+t.Gathered+held, t.Reference))
	}
	t := newTrainer(s, l, false, load.Anchored, load.Micro, a)
	m := HostMemory{
		Process: processes * a.of("process_bytes"), State: processes * (t.resident() - t.Process), Update: works(t),
		Sampling: s.sampling(l) + load.Rows*(4*s.kvToken()*load.Slots+s.stepLogits()),
	}
	if load.Summary {
		m.Held = weightBytes * n
	}
	before := processes * (t.Weights + t.Moments)
	if load.Supervised > 0 {
		m.FineTune = kept(s) + works(newTrainer(s, l, false, false, load.Supervised, a))
	}
	// Fine-tuning comes first: there is no anchor then, and no summary model.
	m.Peak = m.Process + max(m.State+m.Held+max(m.Update, m.Sampling), before+m.FineTune)
	return m
}

// kept is the bytes of the copy that fine-tuning makes of the state before a
// record: State.keep in engine/t1_engine/state.py, always in host memory.
func kept(s Shape) float64 {
	return (weightBytes + momentBytes) * float64(s.Parameters().Total)
}

// besideGPUs is the memory of the machine whose GPUs compute. A snapshot and a
// policy are written, and read, a tensor at a time.
func besideGPUs(s Shape, l Layout, load Load, a Assumptions) HostMemory {
	n := float64(s.Parameters().Total)
	m := HostMemory{Process: a.of("process_bytes") * float64(l.Trainers), State: storedBytes * float64(s.Vocabulary*s.Hidden)}
	tuned := m.State
	if l.Offload {
		m.State += momentBytes * n
		tuned = m.State
		if load.Anchored {
			m.State += anchorBytes * n
		}
	}
	if load.Supervised > 0 {
		m.FineTune = kept(s)
	}
	m.Peak = m.Process + max(m.State, tuned+m.FineTune)
	return m
}

package plan

import "t1"

// TrainerMemory is the memory of the trainer at its peak, in bytes on one device,
// by part.
type TrainerMemory struct {
	Process        float64 `json:"process"`         // context and libraries
	Weights        float64 `json:"weights"`         // in the precision computed in
	Master         float64 `json:"master"`          // float32 weights; 0 where the weights are
	Gradients      float64 `json:"gradients"`       // float32
	Moments        float64 `json:"moments"`         // AdamW's two, float32
	Anchor         float64 `json:"anchor"`          // float32; 0 without an anchor
	Gathered       float64 `json:"gathered"`        // two layers and the embeddings, whole, while FSDP computes with them
	Activations    float64 `json:"activations"`     // of the largest micro-batch, as laid out
	Logits         float64 `json:"logits"`          // a chunk of them, and the head's gradient
	Allocator      float64 `json:"allocator"`       // held beyond what is needed
	Total          float64 `json:"total"`           //
	MicroTokens    float64 `json:"micro_tokens"`    // tokens of that micro-batch on one device
	WithCheckpoint float64 `json:"with_checkpoint"` // the activations, with checkpointing
	Without        float64 `json:"without"`         // the activations, without
}

// logitCells is CELLS in engine/t1_engine/logprob.py: logits held at once.
const logitCells = 1 << 22

// ActivationFloats is the numbers that autograd keeps for one token of one layer:
// four of the width (two norms' inputs and outputs), q, k and v before and after
// the rotation and the attention's result, four inside the feed-forward block,
// and a statistic for each head and norm. engine/t1_engine/model.py.
func (s Shape) ActivationFloats() float64 {
	return float64(4*s.Hidden + 3*(s.Heads+s.KVHeads)*s.HeadDim + 4*s.Intermediate + s.Heads + 2)
}

// Activations is the bytes kept for the backward pass of so many packed tokens,
// element bytes a number.
func (s Shape) Activations(tokens, element float64, checkpointing bool) float64 {
	layers, ends := float64(s.Layers), 2*float64(s.Hidden)*tokens // the last layer's output, and what the head reads
	whole := s.ActivationFloats()*tokens + float64(s.fused())     // a layer's: q, k and v are one matrix made for the pass
	if checkpointing {
		return element * (layers*float64(s.Hidden)*tokens + whole + ends)
	}
	return element * (layers*whole + ends)
}

// Logits is the bytes of a chunk of logits, three times (themselves, their
// log-softmax, their gradient), of the head's gradient before it is added, and
// of the gradient of what the head reads.
func (s Shape) Logits(tokens float64) float64 {
	cells := float64(max(1, logitCells/s.Vocabulary) * s.Vocabulary)
	return 4 * (3*cells + float64(s.Vocabulary*s.Hidden) + tokens*float64(s.Hidden))
}

// microTokens is the packed tokens of the largest micro-batch of an update: the
// limit, or more where one prompt's responses, or one sequence, are longer.
func (l Layout) microTokens(rl t1.RLSpec, a Assumptions) float64 {
	sequence := a.of("prompt_tokens") + float64(rl.MaxTokens)
	all := float64(rl.Prompts*rl.K) * (a.of("prompt_tokens") + a.of("longest_share")*float64(rl.MaxTokens))
	least := sequence
	if l.WholePrompts {
		least = all / float64(rl.Prompts)
	}
	return max(least, min(all, float64(l.MicroTokens)))
}

// NewTrainerMemory is the memory of one of l.Devices devices while it computes
// the gradient of a micro-batch of so many packed tokens. A micro-batch is one
// device's: FSDP divides the state, and each device has its own sequences.
func NewTrainerMemory(s Shape, l Layout, anchored bool, tokens float64, a Assumptions) TrainerMemory {
	n, share := float64(s.Parameters().Total), 1/float64(max(1, l.Devices))
	m := TrainerMemory{
		Process: a.of("device_bytes"), Weights: l.element() * n * share, Gradients: gradientBytes * n * share, MicroTokens: tokens,
		WithCheckpoint: s.Activations(tokens, l.element(), true), Without: s.Activations(tokens, l.element(), false), Logits: s.Logits(tokens),
	}
	if !l.Offload {
		m.Master, m.Moments = l.master()*n*share, momentBytes*n*share
	}
	if anchored && !l.Offload {
		m.Anchor = anchorBytes * n * share
	}
	if l.Devices > 1 {
		m.Gathered = l.element() * float64(2*s.layer()+s.Vocabulary*s.Hidden)
	}
	m.Activations = m.Without
	if l.Checkpointing {
		m.Activations = m.WithCheckpoint
	}
	m.Allocator = a.of("allocator_share") * m.Activations
	m.Total = m.resident() + m.Gradients + m.Gathered + m.Activations + m.Logits + m.Allocator
	return m
}

// resident is what stays between two steps.
func (m TrainerMemory) resident() float64 {
	return m.Process + m.Weights + m.Master + m.Moments + m.Anchor
}

// SamplerMemory is what sampling adds on one device, in bytes.
type SamplerMemory struct {
	Weights     float64 `json:"weights"`     // prepared for decoding
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

// HostMemory is the engine as one process that computes on the CPU, in bytes:
// what it holds, what each kind of work adds, and the peak.
type HostMemory struct {
	Process  float64 `json:"process"`   // an engine that holds nothing
	State    float64 `json:"state"`     // weights, moments, anchor
	Held     float64 `json:"held"`      // the summary model of evaluations
	FineTune float64 `json:"fine_tune"` // beside the state: gradients, activations, logits, and the state before, kept in case a step fails; 0 where nothing is fine-tuned on
	Update   float64 `json:"update"`    // gradients, activations, logits, what the allocator holds
	Sampling float64 `json:"sampling"`  // weights prepared for decoding, cache, logits
	Peak     float64 `json:"peak"`
}

// NewHostMemory is the memory of the CPU engine, whose gradients, weights and
// activations are all float32: micro tokens in the largest micro-batch, rows
// sequences decoded at once of at most slots tokens each, prompts included. supervised
// is the tokens of the largest micro-batch of fine-tuning; 0: there is none.
func NewHostMemory(s Shape, anchored, summary bool, supervised, micro, rows, slots float64, a Assumptions) HostMemory {
	l := Layout{Devices: 1, Precision: Float32}
	t := NewTrainerMemory(s, l, anchored, micro, a)
	m := HostMemory{
		Process: a.of("process_bytes"), State: t.resident() - t.Process, Update: t.Gradients + (1+a.of("host_allocator_share"))*t.Activations + t.Logits,
		Sampling: s.decoding(4) + rows*(4*s.kvToken()*slots+s.stepLogits()),
	}
	if summary {
		m.Held = t.Weights
	}
	if supervised > 0 {
		t := NewTrainerMemory(s, l, false, supervised, a)
		m.FineTune = t.Weights + t.Moments + t.Gradients + (1+a.of("host_allocator_share"))*t.Activations + t.Logits
	}
	// Fine-tuning comes first: there is no anchor then, and no summary model.
	m.Peak = m.Process + max(m.State+m.Held+max(m.Update, m.Sampling), t.Weights+t.Moments+m.FineTune)
	return m
}

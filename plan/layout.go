package plan

import "t1"

// Precisions of a trainer.
const (
	Float32  = "float32"  // everything in float32: what the CPU engine does
	BFloat16 = "bfloat16" // computes in bfloat16; master weights, gradients, moments and anchor in float32
)

// Layout is how a trainer is laid out over devices.
type Layout struct {
	Devices       int    `json:"devices"`       // that share the state by FSDP, at least 1; 0: all of one instance
	Precision     string `json:"precision"`     // [Float32] or [BFloat16]
	Checkpointing bool   `json:"checkpointing"` // keeps a layer's input only and computes the rest again
	Offload       bool   `json:"offload"`       // master weights, moments and anchor wait in host memory
	MicroTokens   int    `json:"micro_tokens"`  // packed tokens of a micro-batch of several prompts
	WholePrompts  bool   `json:"whole_prompts"` // a prompt's K responses are never divided, however long
}

// EngineMicroTokens is the engine's own default, micro_tokens in
// engine/t1_engine/resources.py.
const EngineMicroTokens = 4096

// DefaultLayout is what the engine of this version does.
func DefaultLayout() Layout {
	return Layout{Precision: BFloat16, MicroTokens: EngineMicroTokens, WholePrompts: true}
}

// Check refuses what is no layout with KindInvalid.
func (l Layout) Check() error {
	switch {
	case l.Devices < 0 || l.Devices > 1<<16:
		return t1.Errorf(t1.KindInvalid, "devices is %d; allowed are 0, all of one instance, to %d", l.Devices, 1<<16)
	case l.Precision != Float32 && l.Precision != BFloat16:
		return t1.Errorf(t1.KindInvalid, "precision is %q; allowed are %s and %s", l.Precision, Float32, BFloat16)
	case l.MicroTokens < 1:
		return t1.Errorf(t1.KindInvalid, "micro tokens is %d; at least 1", l.MicroTokens)
	}
	return nil
}

// element is the bytes of a number in the precision that is computed in.
func (l Layout) element() float64 {
	if l.Precision == BFloat16 {
		return 2
	}
	return 4
}

// master is the bytes a parameter takes as master weight; in float32 the
// weights are their own.
func (l Layout) master() float64 {
	if l.Precision == BFloat16 {
		return 4
	}
	return 0
}

// Bytes a parameter takes in float32: the gradient, AdamW's two moments, the
// anchor, and a state on disk (policy, moments; the anchor is added).
const (
	gradientBytes = 4
	momentBytes   = 8
	anchorBytes   = 4
	storedBytes   = 4 // a tensor of a snapshot or of a published policy
)

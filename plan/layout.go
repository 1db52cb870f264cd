package plan

import "t1"

// Precisions of a trainer.
const (
	Float32  = "float32"
	BFloat16 = "bfloat16" // the passes; weights, gradients, moments and anchor are float32
)

// Layout is how a run trains: the part of a spec's `resources` that decides
// memory and work, in its terms.
type Layout struct {
	Trainers    int    `json:"trainers"`     // processes that share the state by FSDP, one a GPU where there are any, at least 1
	Precision   string `json:"precision"`    // of the passes: [Float32] or [BFloat16]
	Recompute   bool   `json:"recompute"`    // keeps a layer's input only and computes the rest again
	Offload     bool   `json:"offload"`      // moments and anchor wait in host memory
	MicroTokens int    `json:"micro_tokens"` // packed tokens of a micro-batch, at least 1; one response may exceed it
}

// LayoutOf reads a layout from a spec.
func LayoutOf(r t1.ResourcesSpec) Layout {
	return Layout{Trainers: r.Trainers, Precision: r.Precision, Recompute: r.Recompute, Offload: r.Offload, MicroTokens: r.MicroTokens}
}

// element is the bytes of a number in the precision that is computed in.
func (l Layout) element() float64 {
	if l.Precision == BFloat16 {
		return 2
	}
	return 4
}

// Bytes a parameter takes in float32: the weight that the optimizer moves, its
// gradient, AdamW's two moments, the anchor, and a tensor of a snapshot or of a
// published policy.
const (
	weightBytes   = 4
	gradientBytes = 4
	momentBytes   = 8
	anchorBytes   = 4
	storedBytes   = 4
)

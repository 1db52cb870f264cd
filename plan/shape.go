package plan

import (
	"encoding/json"

	"t1"
)

// Shape is a decoder of the Llama family, in the terms of a config.json.
type Shape struct {
	Vocabulary   int64 // V
	Hidden       int64 // D
	Intermediate int64 // F
	Layers       int64 // L
	Heads        int64 // H, of queries
	KVHeads      int64 // J, of keys and values
	HeadDim      int64 // E
	QKVBias      bool  // a bias on q, k and v
	OutBias      bool  // a bias on the attention's output
	Tied         bool  // input and output embeddings are one matrix
}

// Parameters counts a model's weights, exactly, by part.
type Parameters struct {
	Embedding int64 `json:"embedding"`
	Attention int64 `json:"attention"` // of all layers
	MLP       int64 `json:"mlp"`       // of all layers
	Norms     int64 `json:"norms"`
	Head      int64 `json:"head"` // 0 where embeddings are tied
	Total     int64 `json:"total"`
}

// specials is the words that the engine adds to a scratch model's vocabulary:
// padding, end of sequence, unknown.
const specials = 3

// ScratchShape is the shape of a model built from the seed; words is the size of
// the task's vocabulary.
func ScratchShape(s t1.ScratchSpec, words int) Shape {
	return Shape{
		Vocabulary: int64(words) + specials, Hidden: int64(s.HiddenSize), Intermediate: int64(s.IntermediateSize), Layers: int64(s.Layers),
		Heads: int64(s.Heads), KVHeads: int64(s.KVHeads), HeadDim: int64(s.HiddenSize / s.Heads), Tied: s.TieEmbeddings,
	}
}

// ParseShape reads a config.json as Hugging Face writes it. What the engine
// cannot compute, or a size that is missing, is KindInvalid.
func ParseShape(config []byte) (Shape, error) {
	var raw struct {
		ModelType    string `json:"model_type"`
		Vocabulary   int64  `json:"vocab_size"`
		Hidden       int64  `json:"hidden_size"`
		Intermediate int64  `json:"intermediate_size"`
		Layers       int64  `json:"num_hidden_layers"`
		Heads        int64  `json:"num_attention_heads"`
		KVHeads      *int64 `json:"num_key_value_heads"`
		HeadDim      *int64 `json:"head_dim"`
		Bias         bool   `json:"attention_bias"`
		Tied         bool   `json:"tie_word_embeddings"`
	}
	if err := json.Unmarshal(config, &raw); err != nil {
		return Shape{}, t1.Errorf(t1.KindInvalid, "config.json: %w", err)
	}
	if raw.ModelType != "llama" && raw.ModelType != "qwen2" {
		return Shape{}, t1.Errorf(t1.KindInvalid, "config.json: model_type is %q; allowed are llama and qwen2", raw.ModelType)
	}
	s := Shape{
		Vocabulary: raw.Vocabulary, Hidden: raw.Hidden, Intermediate: raw.Intermediate, Layers: raw.Layers, Heads: raw.Heads, KVHeads: raw.Heads,
		QKVBias: raw.ModelType == "qwen2" || raw.Bias, OutBias: raw.ModelType == "llama" && raw.Bias, Tied: raw.Tied,
	}
	if raw.KVHeads != nil {
		s.KVHeads = *raw.KVHeads
	}
	if raw.HeadDim != nil {
		s.HeadDim = *raw.HeadDim
	} else if s.Heads > 0 {
		s.HeadDim = s.Hidden / s.Heads
	}
	return s, s.check()
}

// check refuses sizes that are missing or that no model has: products of those
// below stay far from the end of int64.
func (s Shape) check() error {
	for _, size := range []struct {
		name  string
		given int64
		most  int64
	}{
		{"vocab_size", s.Vocabulary, 1 << 24},
		{"hidden_size", s.Hidden, 1 << 20},
		{"intermediate_size", s.Intermediate, 1 << 22},
		{"num_hidden_layers", s.Layers, 1 << 12},
		{"num_attention_heads", s.Heads, 1 << 14},
		{"num_key_value_heads", s.KVHeads, 1 << 14},
		{"head_dim", s.HeadDim, 1 << 12},
	} {
		if size.given < 1 || size.given > size.most {
			return t1.Errorf(t1.KindInvalid, "config.json: %s is %d; a whole number from 1 to %d", size.name, size.given, size.most)
		}
	}
	if s.Heads%s.KVHeads != 0 {
		return t1.Errorf(t1.KindInvalid, "config.json: num_key_value_heads %d does not divide num_attention_heads %d", s.KVHeads, s.Heads)
	}
	return nil
}

// Parameters counts the weights.
func (s Shape) Parameters() Parameters {
	p := Parameters{
		Embedding: s.Vocabulary * s.Hidden,
		Attention: s.Layers * s.attention(),
		MLP:       s.Layers * 3 * s.Hidden * s.Intermediate,
		Norms:     (2*s.Layers + 1) * s.Hidden,
	}
	if !s.Tied {
		p.Head = p.Embedding
	}
	p.Total = p.Embedding + p.Attention + p.MLP + p.Norms + p.Head
	return p
}

// attention is the weights of one layer's four projections.
func (s Shape) attention() int64 {
	n := s.fused() + s.Heads*s.HeadDim*s.Hidden
	if s.QKVBias {
		n += (s.Heads + 2*s.KVHeads) * s.HeadDim
	}
	if s.OutBias {
		n += s.Hidden
	}
	return n
}

// fused is the weights of one layer's q, k and v projections.
func (s Shape) fused() int64 { return (s.Heads + 2*s.KVHeads) * s.HeadDim * s.Hidden }

// layer is the weights of one layer.
func (s Shape) layer() int64 { return s.attention() + 3*s.Hidden*s.Intermediate + 2*s.Hidden }

// ends is the weights outside the layers that FSDP gathers together: the input
// embedding, and the head where it is another.
func (s Shape) ends() float64 {
	if s.Tied {
		return float64(s.Vocabulary * s.Hidden)
	}
	return 2 * float64(s.Vocabulary*s.Hidden)
}

// multiplied is the weights that a token is multiplied with: all but the input
// embedding, which is looked up.
func (s Shape) multiplied() float64 { return float64(s.Layers*s.layer() + s.Vocabulary*s.Hidden) }

// tensors is how many tensors a checkpoint has.
func (s Shape) tensors() int64 {
	each := int64(9)
	if s.QKVBias {
		each += 3
	}
	if s.OutBias {
		each++
	}
	n := each*s.Layers + 2
	if !s.Tied {
		n++
	}
	return n
}

// kvToken is the keys and values of one token, in elements.
func (s Shape) kvToken() float64 { return float64(2 * s.Layers * s.KVHeads * s.HeadDim) }

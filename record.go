package t1

// Digest identifies a state or a policy by its bytes: lower-case hex of the
// SHA-256 over its tensors' names, types, shapes and digests, in name order.
type Digest string

// Record kinds.
const (
	RecordInit   = "init"   // the base model; sequence number 0
	RecordSFT    = "sft"    // some supervised steps
	RecordUpdate = "update" // one reinforcement-learning step
)

// Record is one entry of a run's log. The same work makes the same bytes:
// nothing that differs from one attempt to the next may stand here; times are
// in an [Observation].
type Record struct {
	Schema      int                `json:"schema"` // 1
	Run         string             `json:"run"`
	Seq         int                `json:"seq"`
	Kind        string             `json:"kind"`
	Previous    string             `json:"previous,omitempty"` // SHA-256 of the bytes of record Seq-1: the log is a hash chain
	Parent      Digest             `json:"parent,omitempty"`   // state before; empty in the first record
	Result      Digest             `json:"result"`             // state after
	Policy      Digest             `json:"policy"`             // policy after
	Init        *InitStep          `json:"init,omitempty"`
	SFT         *SFTStep           `json:"sft,omitempty"`
	Update      *UpdateStep        `json:"update,omitempty"`
	Environment map[string]string  `json:"environment"` // fingerprint of what computed it
	Metrics     map[string]float64 `json:"metrics"`     // deterministic ones only
}

// InitStep builds the base model.
type InitStep struct {
	Seed       int64       `json:"seed"`
	Scratch    ScratchSpec `json:"scratch"`
	Vocabulary []string    `json:"vocabulary"`
	Base       string      `json:"base,omitempty"` // digest of an imported model; then the fields above mean nothing
}

// SFTStep is steps [From, To) of Total over the traces.
type SFTStep struct {
	Traces    Ref       `json:"traces"`
	Seed      int64     `json:"seed"` // of the order
	BatchSize int       `json:"batch_size"`
	From      int       `json:"from"`
	To        int       `json:"to"`
	Total     int       `json:"total"`
	Optimizer AdamWSpec `json:"optimizer"`
}

// UpdateStep is one optimizer step on an iteration's rollouts.
type UpdateStep struct {
	Iteration  int        `json:"iteration"` // from 1
	Rollouts   []Ref      `json:"rollouts"`  // blocks, in order
	Scores     Ref        `json:"scores"`
	Advantages Ref        `json:"advantages"` // what the step made of them
	Hyper      Hyper      `json:"hyper"`
	Anchor     AnchorMove `json:"anchor"`
	GapLimit   *float64   `json:"gap_limit,omitempty"` // that a person set in place of the spec's; see [SamplerSpec]
}

// Hyper is the numbers in force for one update.
type Hyper struct {
	LearningRate float64   `json:"learning_rate"` // after warm-up and steering
	Beta         float64   `json:"beta"`
	PlainKL      bool      `json:"plain_kl,omitempty"` // see [RLSpec]
	Alpha        float64   `json:"alpha"`
	ClipRatio    float64   `json:"clip_ratio"`
	Aggregation  string    `json:"aggregation"`
	Temperature  float64   `json:"temperature"` // the rollouts were sampled at
	TopP         float64   `json:"top_p"`
	Optimizer    AdamWSpec `json:"optimizer"` // its LearningRate is the peak
}

// AnchorMove is what one update does to the anchor, after the optimizer step.
type AnchorMove struct {
	Action      string  `json:"action"`      // "ema", "reset", "keep" or "none"
	Coefficient float64 `json:"coefficient"` // for ema: the share of the old anchor kept
}

// Observation is what was measured while a record was made. It is no part of
// the log: another attempt measures other times.
type Observation struct {
	Seq        int                `json:"seq"`
	FinishedAt string             `json:"finished_at"`       // RFC 3339 with milliseconds
	Seconds    map[string]float64 `json:"seconds"`           // wall time by phase; keys that begin with "engine_" are the engine's own work
	Tokens     map[string]int64   `json:"tokens"`            // by phase
	Replayed   int                `json:"replayed"`          // records replayed first to get to the parent state
	Tensors    map[string]string  `json:"tensors,omitempty"` // of each tensor of the state after it, the first 16 digits of its digest: where a replay differs
}

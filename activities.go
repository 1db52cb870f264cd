package t1

import (
	"context"
	"encoding/json"
)

// The activities of a run, one interface a task queue. Workflows name them by
// method expression (t1.Trainer.Update), package activities implements them.
// Each is idempotent: it looks for what it is to make before it makes it.

// Control is served on QueueControl.
type Control interface {
	// ResolveSpec decodes a spec strictly, writes out every default and keeps it
	// as the run's spec.json. Mistakes are KindInvalid; another spec under the
	// same run is KindConflict.
	ResolveSpec(ctx context.Context, in ResolveInput) (Spec, error)
	// Fork makes a run whose log begins with another's records, and says how far
	// they have come. A request that contradicts them is KindInvalid; a run or a
	// record that is not there is KindNotFound; a run that exists is KindConflict.
	Fork(ctx context.Context, in ForkInput) (ForkOutput, error)
	// OrderSuite stores what is to be evaluated on one of a run's suites.
	OrderSuite(ctx context.Context, in OrderSuiteInput) (EvaluateInput, error)
	// Summarize makes an evaluation's result.json of its shards.
	Summarize(ctx context.Context, in SummarizeInput) (EvaluationSummary, error)
	// Collect deletes snapshots and policies that no rule keeps.
	Collect(ctx context.Context, in CollectInput) (CollectOutput, error)
	// Discard deletes what was made of an iteration that has no record, so that
	// it is sampled anew. One that has its record is KindConflict.
	Discard(ctx context.Context, in DiscardInput) (CollectOutput, error)
}

// Trainer is served on QueueTrain.
type Trainer interface {
	// Prepare makes the run's data sets and its first record.
	Prepare(ctx context.Context, in PrepareInput) (PrepareOutput, error)
	// Adopt brings the engine to the record that a fork begins at, and publishes
	// its policy for the fork's samplers.
	Adopt(ctx context.Context, in AdoptInput) (AdoptOutput, error)
	// FineTune makes one sft record.
	FineTune(ctx context.Context, in FineTuneInput) (Step, error)
	// Update makes one update record.
	Update(ctx context.Context, in UpdateInput) (Step, error)
	// Snapshot keeps the whole state after a record.
	Snapshot(ctx context.Context, in SnapshotInput) (SnapshotOutput, error)
}

// Sampler is served on QueueSample.
type Sampler interface {
	// Sample makes the blocks of one shard of an iteration.
	Sample(ctx context.Context, in SampleInput) (SampleOutput, error)
	// EvaluateShard answers one shard of an evaluation's problems and cuts the thinking.
	EvaluateShard(ctx context.Context, in EvaluateShardInput) (EvaluateShardOutput, error)
}

// Scorer is served on QueueScore.
type Scorer interface {
	// Score grades an iteration's rollouts.
	Score(ctx context.Context, in ScoreInput) (ScoreOutput, error)
	// SelectPool keeps the problems whose pass rate lies in the pool's interval.
	SelectPool(ctx context.Context, in SelectPoolInput) (SelectPoolOutput, error)
}

// ResolveInput is a spec as a user wrote it.
type ResolveInput struct {
	Run  string          `json:"run"`
	Spec json.RawMessage `json:"spec"`
}

// ForkInput is a fork as a user asks for it.
type ForkInput struct {
	Run   string          `json:"run"`   // the new run
	Given json.RawMessage `json:"given"` // see [ForkRequest]
}

// ForkOutput says where a fork begins.
type ForkOutput struct {
	Spec      Spec     `json:"spec"`
	Fork      Fork     `json:"fork"`
	Step      Step     `json:"step"`                // of the last shared record
	Traces    int      `json:"traces"`              // demonstrations
	Trained   int      `json:"trained"`             // supervised steps done
	FineTuned Digest   `json:"finetuned"`           // the policy after the last of them; empty before that
	Iteration int      `json:"iteration"`           // iterations done
	PoolSize  int      `json:"pool_size"`           // problems of the shared pool; 0 where the fork chooses its own
	Hyper     *Hyper   `json:"hyper"`               // of the last shared record; nil where that is no update
	GapLimit  *float64 `json:"gap_limit,omitempty"` // likewise, where a person had set one
	RL        RLSpec   `json:"rl"`                  // of the run that made it
}

// AdoptInput is the record that a fork begins at.
type AdoptInput struct {
	Run    string `json:"run"` // the fork
	Seq    int    `json:"seq"`
	State  Digest `json:"state"`
	Policy Digest `json:"policy"`
}

// AdoptOutput says what it took.
type AdoptOutput struct {
	Replayed int     `json:"replayed"` // records
	Seconds  float64 `json:"seconds"`
	Found    bool    `json:"found"` // the policy was there already
}

// PrepareInput names what Prepare needs.
type PrepareInput struct {
	Run string `json:"run"`
}

// PrepareOutput says what a run learns from and where it starts.
type PrepareOutput struct {
	Data Data `json:"data"`
	Step Step `json:"step"` // of record 0
}

// Step is the outcome of an activity that makes a record.
type Step struct {
	Seq      int                `json:"seq"`
	State    Digest             `json:"state"`
	Policy   Digest             `json:"policy"`
	Metrics  map[string]float64 `json:"metrics"`
	Seconds  float64            `json:"seconds"`  // wall time of this attempt
	Tokens   int64              `json:"tokens"`   // trained on
	Replayed int                `json:"replayed"` // records replayed first
	Found    bool               `json:"found"`    // the record was there already
}

// FineTuneInput is one chunk of supervised steps.
type FineTuneInput struct {
	Run    string `json:"run"`
	Seq    int    `json:"seq"`
	Parent Digest `json:"parent"`
	From   int    `json:"from"` // steps [From, To) of Total
	To     int    `json:"to"`
	Total  int    `json:"total"`
}

// UpdateInput is one reinforcement-learning step.
type UpdateInput struct {
	Run       string             `json:"run"`
	Seq       int                `json:"seq"`
	Iteration int                `json:"iteration"`
	Parent    Digest             `json:"parent"`
	Rollouts  []Ref              `json:"rollouts"`
	Scores    Ref                `json:"scores"`
	Hyper     Hyper              `json:"hyper"`
	Anchor    AnchorMove         `json:"anchor"`
	GapLimit  *float64           `json:"gap_limit,omitempty"` // in place of the spec's; nil means the spec's
	Metrics   map[string]float64 `json:"metrics"`             // of the scores: they become part of the record's
	Observed  IterationTimings   `json:"observed"`            // for the Observation only
}

// IterationTimings is what the activities before an update measured.
type IterationTimings struct {
	SampleSeconds float64 `json:"sample_seconds"` // longest shard
	EngineSample  float64 `json:"engine_sample"`  // sampler's own work, summed
	SampleTokens  int64   `json:"sample_tokens"`
	ScoreSeconds  float64 `json:"score_seconds"`
}

// SnapshotInput asks for the state after record Seq.
type SnapshotInput struct {
	Run   string `json:"run"`
	Seq   int    `json:"seq"`
	State Digest `json:"state"`
}

// SnapshotOutput names the snapshot.
type SnapshotOutput struct {
	Manifest Ref     `json:"manifest"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
}

// SampleInput is one shard of an iteration's sampling, or of the pool's.
type SampleInput struct {
	Run          string  `json:"run"`
	Iteration    int     `json:"iteration"` // PoolIteration for the pool
	Shard        int     `json:"shard"`
	Policy       Digest  `json:"policy"`
	Problems     []int   `json:"problems,omitempty"` // positions in the pool
	From         int     `json:"from"`               // for the pool: rows [From, To) of the training problems
	To           int     `json:"to"`                 //
	Samples      int     `json:"samples"`            // responses a problem
	Temperature  float64 `json:"temperature"`
	TopP         float64 `json:"top_p"`
	MaxTokens    int     `json:"max_tokens"`
	BlockPrompts int     `json:"block_prompts"`
	Seed         int64   `json:"seed"` // the run's
}

// SampleOutput lists a shard's blocks, in order.
type SampleOutput struct {
	Blocks        []Ref   `json:"blocks"`
	Responses     int     `json:"responses"`
	Tokens        int64   `json:"tokens"`         // sampled
	Seconds       float64 `json:"seconds"`        // wall time of this attempt
	EngineSeconds float64 `json:"engine_seconds"` // of it, the sampler's own
	Found         int     `json:"found"`          // blocks that were there already
}

// ScoreInput is an iteration's rollouts.
type ScoreInput struct {
	Run       string `json:"run"`
	Iteration int    `json:"iteration"`
	Blocks    []Ref  `json:"blocks"`
}

// ScoreOutput says what the rollouts earned.
type ScoreOutput struct {
	Scores  Ref                `json:"scores"`
	Metrics map[string]float64 `json:"metrics"` // see [MetricReward] and its neighbours
	Seconds float64            `json:"seconds"`
}

// SelectPoolInput is the pool's rollouts.
type SelectPoolInput struct {
	Run    string `json:"run"`
	Policy Digest `json:"policy"`
	Blocks []Ref  `json:"blocks"`
}

// SelectPoolOutput names the pool.
type SelectPoolOutput struct {
	Pool Ref `json:"pool"`
	Size int `json:"size"`
}

// EvaluateInput is the input of the Evaluate workflow.
type EvaluateInput struct {
	Run          string         `json:"run"`
	Seq          int            `json:"seq"`   // record the policy comes from
	Label        string         `json:"label"` // "sft", or the iteration as a number
	Policy       Digest         `json:"policy"`
	Summary      Digest         `json:"summary"` // policy that answers from cut thinking
	Suite        string         `json:"suite"`
	Spec         EvaluationSpec `json:"spec"`
	Seed         int64          `json:"seed"`
	Heartbeat    int            `json:"heartbeat"`               // seconds; see ResourcesSpec
	SummaryModel string         `json:"summary_model,omitempty"` // imported model that answers from cut thinking, by its manifest's digest; empty: Summary does
	Order        string         `json:"order,omitempty"`         // digest of a [SuiteEvaluation]; empty: the run's held-out problems
	Model        string         `json:"model,omitempty"`         // imported model that the policy is, by its manifest's digest; empty: the run published it
}

// OrderSuiteInput names a suite of a run's spec, and the policy to measure on it.
type OrderSuiteInput struct {
	Run    string `json:"run"`
	Seq    int    `json:"seq"` // record the policy comes from
	Policy Digest `json:"policy"`
	Suite  string `json:"suite"` // as in the resolved spec
}

// EvaluateShardInput is problems [From, To) of an evaluation.
type EvaluateShardInput struct {
	Evaluation EvaluateInput `json:"evaluation"`
	Shard      int           `json:"shard"`
	From       int           `json:"from"`
	To         int           `json:"to"`
}

// EvaluateShardOutput names what a shard made.
type EvaluateShardOutput struct {
	Shard   Ref     `json:"shard"`
	Cuts    Ref     `json:"cuts"`
	Tokens  int64   `json:"tokens"`
	Seconds float64 `json:"seconds"`
}

// SummarizeInput is an evaluation's shards.
type SummarizeInput struct {
	Evaluation EvaluateInput `json:"evaluation"`
	Shards     []Ref         `json:"shards"`
	Cuts       []Ref         `json:"cuts"`
	Seconds    float64       `json:"seconds"`
}

// CollectInput says what must stay.
type CollectInput struct {
	Run    string   `json:"run"`
	Seq    int      `json:"seq"`    // newest record; its policy stays
	Keep   []Digest `json:"keep"`   // policies that stay: evaluated and summary ones
	Newest int      `json:"newest"` // snapshots that stay, at least 1
}

// DiscardInput is an iteration that was not trained on.
type DiscardInput struct {
	Run       string `json:"run"`
	Iteration int    `json:"iteration"` // from 1
	Seq       int    `json:"seq"`       // its record's, which is not there
}

// CollectOutput counts what went.
type CollectOutput struct {
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

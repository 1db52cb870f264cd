package t1

// Spec says what a run is asked to do. Every default is written out when a run
// starts, and the result is kept as the run's spec.json. Field docs carry the
// source of a default: P the paper, C the authors' sibling code, D ours.
type Spec struct {
	Version       int            `json:"version"` // 1
	Seed          int64          `json:"seed"`    // of everything random, at least 0
	Task          TaskSpec       `json:"task"`
	Model         ModelSpec      `json:"model"`
	SFT           SFTSpec        `json:"sft"`
	Pool          PoolSpec       `json:"pool"`
	RL            RLSpec         `json:"rl"`
	Sampler       SamplerSpec    `json:"sampler"`
	SnapshotEvery int            `json:"snapshot_every"` // records between snapshots, at least 1 (D: 10)
	Evaluation    EvaluationSpec `json:"evaluation"`
	Resources     ResourcesSpec  `json:"resources"`
}

// TaskSpec chooses what is learnt.
type TaskSpec struct {
	Name      string        `json:"name"`      // "countdown", a game made from the seed; or who grades imported problems: "number", "choice", "math", "exec"
	Countdown CountdownSpec `json:"countdown"` // of "countdown"
	Data      DataSpec      `json:"data"`      // of every other
	Exec      ExecSpec      `json:"exec"`      // of "exec"
}

// DataSpec names imported data sets, each by its name or its digest. A resolved
// spec has digests: what a run learns from does not change with a name.
type DataSpec struct {
	Train          string `json:"train"`          // problems to learn from
	HeldOut        string `json:"held_out"`       // problems to evaluate on
	Demonstrations string `json:"demonstrations"` // texts to fine-tune on; empty: none, and sft.epochs means nothing
	Instruction    string `json:"instruction"`    // what the model is asked, with the problem in place of {question}
	Cue            string `json:"cue"`            // text after which a response states its answer
	Statement      string `json:"statement"`      // how a demonstration that does not state its answer behind the cue is made to end, with the answer in place of {answer}; empty leaves it as it is
	Overlap        string `json:"overlap"`        // OverlapRefuse or OverlapKeep: what becomes of a run that would learn from what it is evaluated on
}

// What becomes of a run whose training problems or demonstrations ask what its
// held-out problems ask, as DataSpec.Overlap.
const (
	OverlapRefuse = "refuse" // it does not start
	OverlapKeep   = "keep"   // it learns from them all the same
)

// ExecSpec is a program that grades; package program has its protocol.
type ExecSpec struct {
	Command []string `json:"command"` // the program and its arguments
	Seconds int      `json:"seconds"` // a response, at most
	Memory  int      `json:"memory"`  // MiB, at most
}

// CountdownSpec shapes the countdown game: reach a target from some numbers.
type CountdownSpec struct {
	Numbers   []int   `json:"numbers"`    // how many numbers a game has: each 3 or 4; more than one value mixes evenly
	MaxNumber int     `json:"max_number"` // largest number dealt, 5 to 25
	MaxTarget int     `json:"max_target"` // largest target and largest value on the way, 10 to 199
	Train     int     `json:"train"`      // training games, at least 1
	HeldOut   int     `json:"held_out"`   // games kept for evaluation, at least 1, disjoint from the training games
	Traces    int     `json:"traces"`     // demonstrations to fine-tune on, spread evenly over the training games
	MaxTries  int     `json:"max_tries"`  // misses after which a demonstration answers unverified
	Hasty     float64 `json:"hasty"`      // share of the demonstrations that answer at once, in [0, 1]
}

// ModelSpec is the model a run starts from.
type ModelSpec struct {
	Base    string      `json:"base"`    // an imported model, by its name or digest; empty: scratch
	Scratch ScratchSpec `json:"scratch"` // built from the seed
}

// ScratchSpec shapes a Llama decoder with random weights and one token a word.
type ScratchSpec struct {
	HiddenSize       int     `json:"hidden_size"`       // width, a multiple of 2 x heads
	IntermediateSize int     `json:"intermediate_size"` // width inside the feed-forward block
	Layers           int     `json:"layers"`
	Heads            int     `json:"heads"`
	KVHeads          int     `json:"kv_heads"` // divides heads
	RopeTheta        float64 `json:"rope_theta"`
	TieEmbeddings    bool    `json:"tie_embeddings"`
}

// AdamWSpec is an optimizer. Betas, decay and clip are C.
type AdamWSpec struct {
	LearningRate float64 `json:"learning_rate"` // peak, above 0
	Warmup       float64 `json:"warmup"`        // share of the steps, 0 to 1
	Beta1        float64 `json:"beta1"`
	Beta2        float64 `json:"beta2"`
	WeightDecay  float64 `json:"weight_decay"`
	GradientClip float64 `json:"gradient_clip"` // largest gradient norm; 0 does not clip
}

// SFTSpec is the supervised initialisation.
type SFTSpec struct {
	Epochs         int       `json:"epochs"`           // passes over the demonstrations (P: 3)
	BatchSize      int       `json:"batch_size"`       // demonstrations a step (C: 128)
	StepsPerRecord int       `json:"steps_per_record"` // optimizer steps in one log record, at least 1
	Optimizer      AdamWSpec `json:"optimizer"`        // cosine to 0 (P: 1e-5; warm-up C: 3 %)
}

// PoolSpec chooses the prompts of reinforcement learning by how often the
// fine-tuned policy gets them right.
type PoolSpec struct {
	Problems    int       `json:"problems"`    // training problems to try
	Samples     int       `json:"samples"`     // responses a problem (P: 16)
	PassRate    []float64 `json:"pass_rate"`   // open interval kept, [low, high] (P: [0, 0.3]); a low below 0 keeps 0, a high above 1 keeps 1
	Temperature float64   `json:"temperature"` // (D: 1)
	TopP        float64   `json:"top_p"`
}

// RLSpec is the reinforcement learning.
type RLSpec struct {
	Iterations        int           `json:"iterations"`         // optimizer steps
	Prompts           int           `json:"prompts"`            // a step (P: 32)
	K                 int           `json:"k"`                  // responses a prompt, at least 2 (P: 64)
	Temperature       float64       `json:"temperature"`        // of sampling (P: 1.2)
	TopP              float64       `json:"top_p"`              // (P: 0.95)
	MaxTokens         int           `json:"max_tokens"`         // longest response (P: 10,240)
	Shards            int           `json:"shards"`             // sampling activities an iteration
	BlockPrompts      int           `json:"block_prompts"`      // prompts in one block of rollouts
	Optimizer         AdamWSpec     `json:"optimizer"`          // constant after warm-up (P: 1.5e-6; warm-up C: 5 %)
	Beta              float64       `json:"beta"`               // weight of d in the reward (P: 2e-4)
	PlainKL           bool          `json:"plain_kl"`           // d enters the advantage as it is, not less the mean of the others' (P: false; true for the ablation of Eq. 4)
	Alpha             float64       `json:"alpha"`              // weight of the entropy bonus (D: 1e-3)
	ClipRatio         float64       `json:"clip_ratio"`         // eps of the ratio clip (C: 0.2)
	Aggregation       string        `json:"aggregation"`        // "response": token mean inside a response, then over responses (C); "token": over all tokens
	Anchor            AnchorSpec    `json:"anchor"`             //
	Penalties         PenaltiesSpec `json:"penalties"`          //
	IterationsPerFlow int           `json:"iterations_per_run"` // iterations before the workflow continues as new
}

// AnchorSpec says how the anchor moves.
type AnchorSpec struct {
	Action      string  `json:"action"`      // "ema" (P), "fixed", "reset", "none"
	Coefficient float64 `json:"coefficient"` // of the old anchor in ema, in [0, 1) (C: 0.992); -1 means 1 - 3/iterations (D)
	Every       int     `json:"every"`       // iterations between two moves, at least 1
}

// PenaltiesSpec tunes the detectors of bad patterns; see [Penalties].
type PenaltiesSpec struct {
	RepetitionWindow int     `json:"repetition_window"` // characters (C: 80); 0 switches the detector off
	RepetitionCount  int     `json:"repetition_count"`  // times some window must occur (C: 20)
	OverLength       bool    `json:"over_length"`       // no end of sequence at the limit (P)
	ForeignScript    bool    `json:"foreign_script"`    // letters of a script the prompt does not use, or replacement characters (P)
	Nonsense         float64 `json:"nonsense"`          // mean negative log-probability, nats a token (C: 1.0); 0 switches it off
}

// What samples, as SamplerSpec.Kind.
const (
	SamplerEngine = "engine" // the engine itself: no server, starts at once
	SamplerVLLM   = "vllm"   // a vLLM server that the worker starts: for GPUs
)

// SamplerSpec says what samples, in reinforcement learning and in evaluations.
// A run from before this section samples with the engine.
type SamplerSpec struct {
	Kind     string   `json:"kind"`      // SamplerEngine or SamplerVLLM (D: "engine")
	GapLimit float64  `json:"gap_limit"` // mean |sampler's - trainer's log-probability|, nats a token, above which an iteration is not trained on (D: 0.1); 0 switches the check off
	VLLM     VLLMSpec `json:"vllm"`      // of "vllm"
}

// VLLMSpec is what of a vLLM server decides which tokens it samples, and what it
// can. What depends on the machine is the worker's configuration.
type VLLMSpec struct {
	DataType       string `json:"dtype"`                // of weights and activations: "float32", "bfloat16", "float16" (D: float32, the trainer's)
	MaxLength      int    `json:"max_model_len"`        // longest prompt and response together, tokens; 0 means the model's own (D)
	TensorParallel int    `json:"tensor_parallel_size"` // GPUs that share one copy of the model, at least 1 (D: 1)
}

// EvaluationSpec says what is measured, and when.
type EvaluationSpec struct {
	At           []float64   `json:"at"`             // shares of the RL iterations after which to evaluate (P: 0.3, 0.6, 0.9, 1); the SFT policy always is
	Every        int         `json:"every"`          // also every so many iterations; 0 never
	Problems     int         `json:"problems"`       // held-out problems used, from the first
	Samples      int         `json:"samples"`        // responses a problem beside the greedy one
	Temperature  float64     `json:"temperature"`    // of those
	TopP         float64     `json:"top_p"`          //
	MaxTokens    int         `json:"max_tokens"`     // as in training (P)
	ShardProblem int         `json:"shard_problems"` // problems a shard
	Scaling      ScalingSpec `json:"scaling"`
	Suites       []string    `json:"suites"` // imported suites that t1 knows, measured beside the held-out problems, whole and without cuts
}

// ScalingSpec is the inference-scaling measurement: the thinking is cut and a
// summary model must answer from what is left.
type ScalingSpec struct {
	Fractions     int    `json:"fractions"`      // cuts at i/fractions of a response's own thinking, i = 1..fractions (P: 10); 0 makes none
	Caps          []int  `json:"caps"`           // cuts at so many tokens (P: 1,024 to 16,384); none and no fractions switch the measurement off
	SummaryModel  string `json:"summary_model"`  // "sft": the run's fine-tuned policy (D); "policy": the policy itself; "model:NAME": an imported model, with a tokenizer of its own
	SummaryTokens int    `json:"summary_tokens"` // longest answer
}

// ResourcesSpec is what a run computes with.
//
// All but Recompute and HeartbeatTimeout are part of the environment
// fingerprint: with others a step has other bits.
type ResourcesSpec struct {
	Threads          int    `json:"threads"`           // CPU threads of each process of the engine
	Trainers         int    `json:"trainers"`          // processes that train together, one a GPU where there are any
	Precision        string `json:"precision"`         // of forward and backward passes: "float32" or "bfloat16"; weights, optimizer and anchor are float32
	MicroTokens      int    `json:"micro_tokens"`      // packed tokens of one pass, prompts included; a longer response is not cut
	Recompute        bool   `json:"recompute"`         // compute activations again in the backward pass instead of keeping them; the same bits
	Offload          bool   `json:"offload"`           // keep optimizer and anchor in the machine's memory but for the time they are used
	HeartbeatTimeout int    `json:"heartbeat_timeout"` // seconds without progress after which an attempt is given up
}

// DefaultSpec is the recipe as published, with our defaults where nothing is;
// model and task sizes are the demo's, since the paper's need GPUs.
func DefaultSpec() Spec {
	adamw := AdamWSpec{Beta1: 0.9, Beta2: 0.95, WeightDecay: 0.1, GradientClip: 1}
	sft, rl := adamw, adamw
	sft.LearningRate, sft.Warmup = 1e-5, 0.03
	rl.LearningRate, rl.Warmup = 1.5e-6, 0.05
	return Spec{
		Version: 1,
		Seed:    1,
		Task: TaskSpec{
			Name:      "countdown",
			Countdown: CountdownSpec{Numbers: []int{3}, MaxNumber: 9, MaxTarget: 99, Train: 4000, HeldOut: 512, Traces: 16000, MaxTries: 16, Hasty: 0.6},
			Data:      DataSpec{Instruction: "{question}\nPlease reason step by step, and put your final answer within \\boxed{}.", Cue: "\\boxed{", Overlap: OverlapRefuse, Statement: "\nThe answer is \\boxed{{answer}}."},
			Exec:      ExecSpec{Command: []string{}, Seconds: 10, Memory: 4096},
		},
		Model: ModelSpec{Scratch: ScratchSpec{
			HiddenSize: 128, IntermediateSize: 384, Layers: 4, Heads: 4, KVHeads: 2, RopeTheta: 10000, TieEmbeddings: true,
		}},
		SFT:  SFTSpec{Epochs: 3, BatchSize: 128, StepsPerRecord: 25, Optimizer: sft},
		Pool: PoolSpec{Problems: 1000, Samples: 16, PassRate: []float64{0, 0.3}, Temperature: 1, TopP: 1},
		RL: RLSpec{
			Iterations: 100, Prompts: 32, K: 64, Temperature: 1.2, TopP: 0.95, MaxTokens: 10240, Shards: 1, BlockPrompts: 8,
			Optimizer: rl, Beta: 2e-4, Alpha: 1e-3, ClipRatio: 0.2, Aggregation: "response",
			Anchor:            AnchorSpec{Action: "ema", Coefficient: 0.992, Every: 1},
			Penalties:         PenaltiesSpec{RepetitionWindow: 80, RepetitionCount: 20, OverLength: true, ForeignScript: true, Nonsense: 1},
			IterationsPerFlow: 20,
		},
		Sampler:       SamplerSpec{Kind: SamplerEngine, GapLimit: 0.1, VLLM: VLLMSpec{DataType: "float32", TensorParallel: 1}},
		SnapshotEvery: 10,
		Evaluation: EvaluationSpec{
			At: []float64{0.3, 0.6, 0.9, 1}, Problems: 512, Samples: 4, Temperature: 1, TopP: 1, MaxTokens: 10240, ShardProblem: 128,
			Scaling: ScalingSpec{Fractions: 10, Caps: []int{1024, 2048, 4096, 8192, 16384}, SummaryModel: "sft", SummaryTokens: 16},
			Suites:  []string{},
		},
		Resources: ResourcesSpec{Threads: 2, Trainers: 1, Precision: "float32", MicroTokens: 4096, HeartbeatTimeout: 60},
	}
}

// AnchorCoefficient is the share of the old anchor that one move keeps.
func (s RLSpec) AnchorCoefficient() float64 {
	if s.Anchor.Coefficient < 0 {
		return max(0, 1-3/float64(s.Iterations))
	}
	return s.Anchor.Coefficient
}

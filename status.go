package t1

// Phases of a run, in order; parked and paused can come in between.
const (
	PhaseStarting   = "starting"
	PhaseSFT        = "sft"
	PhasePool       = "pool"
	PhaseRL         = "rl"
	PhaseEvaluating = "evaluating"
	PhasePaused     = "paused"
	PhaseParked     = "parked"
	PhaseDone       = "done"
	PhaseStopped    = "stopped"
)

// Status answers the status query. It is also the first part of a run's state
// over continue-as-new, and the contract of `t1 status --json`.
type Status struct {
	Run         string              `json:"run"`
	Phase       string              `json:"phase"`
	Step        string              `json:"step"`       // what is being done right now, for a person
	Seq         int                 `json:"seq"`        // newest record; -1 before the first
	State       Digest              `json:"state"`      // its result
	Policy      Digest              `json:"policy"`     // its policy
	Done        int                 `json:"done"`       // units of the phase finished: SFT steps, pool blocks, RL iterations, evaluation shards
	Total       int                 `json:"total"`      // units of the phase
	Iteration   int                 `json:"iteration"`  // RL iterations finished
	Iterations  int                 `json:"iterations"` // RL iterations asked for
	PoolSize    int                 `json:"pool_size"`
	Metrics     map[string]float64  `json:"metrics"`    // of the newest record
	StartedAt   string              `json:"started_at"` // RFC 3339
	PhaseAt     string              `json:"phase_at"`   // when the phase began, or was gone back to
	PhaseDone   int                 `json:"phase_done"` // units that were finished then
	Evaluations []EvaluationSummary `json:"evaluations"`
	Parked      *Parked             `json:"parked,omitempty"`
	PauseAsked  bool                `json:"pause_asked"`
	StopAsked   bool                `json:"stop_asked"`
	Steered     Steering            `json:"steered"`        // what `set` changed
	Fork        *ForkPoint          `json:"fork,omitempty"` // whose records the log begins with; nil: its own
}

// Parked says why a run waits for a person.
type Parked struct {
	Since   string `json:"since"` // RFC 3339
	Step    string `json:"step"`  // what kept failing
	Kind    Kind   `json:"kind"`
	Reason  string `json:"reason"`
	Command string `json:"command"` // what to type next
}

// Steering is the input of the set update: what it names changes from the next
// iteration on. Also what is in force, in a Status.
type Steering struct {
	LearningRate  *float64 `json:"learning_rate,omitempty"`  // above 0
	Temperature   *float64 `json:"temperature,omitempty"`    // above 0, at most 2
	Beta          *float64 `json:"beta,omitempty"`           // at least 0
	Alpha         *float64 `json:"alpha,omitempty"`          // at least 0
	EvaluateEvery *int     `json:"evaluate_every,omitempty"` // iterations; 0 only where the spec says
	GapLimit      *float64 `json:"gap_limit,omitempty"`      // nats a token, at least 0; see [SamplerSpec]
}

// Resolution is the input of the resolve update of a parked run.
type Resolution struct {
	Action string `json:"action"` // "retry": the failed step again; "resample": the failed iteration anew, without what it sampled; "skip": the next iteration; "abort": end as stopped
}

// MetricNames of a score, as keys of ScoreOutput.Metrics and of an update
// record's metrics.
const (
	MetricReward    = "reward"          // mean r'
	MetricAccuracy  = "accuracy"        // share right, penalised or not
	MetricLength    = "response_length" // tokens, mean
	MetricPenalized = "penalized"       // share with any penalty
	MetricPenaltyOf = "penalty_"        // + reason: share with it
	MetricGraderOf  = "grader_"         // + reason of a [Grade]: share with it
)

// Metrics of an update record that say how far the sampler's log-probabilities
// of the same tokens were from the trainer's, as absolute differences.
const (
	MetricGapMean  = "logprob_gap_mean"  // nats a token; see SamplerSpec.GapLimit
	MetricGapMax   = "logprob_gap_max"   // nats, of the worst token
	MetricGapShare = "logprob_gap_share" // share of the tokens above 0.1 nats
)

package t1

// Interval is a number with its 95 % confidence interval.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	N    int     `json:"n"` // independent problems behind it
}

// Result is an evaluation's result.json: one policy on one suite.
type Result struct {
	Schema      int                 `json:"schema"` // 1
	Run         string              `json:"run"`
	Label       string              `json:"label"` // "sft", or the iteration as a number
	Seq         int                 `json:"seq"`   // record the policy comes from
	Policy      Digest              `json:"policy"`
	Summary     Digest              `json:"summary"` // policy that answered from cut thinking
	Suite       string              `json:"suite"`
	Problems    int                 `json:"problems"`
	Samples     int                 `json:"samples"`               // a problem
	Temperature float64             `json:"temperature"`           // of the samples
	Greedy      Interval            `json:"greedy"`                // accuracy at temperature 0
	Sampled     Interval            `json:"sampled"`               // mean accuracy of the samples
	PassAt      map[int]Interval    `json:"pass_at"`               // k: unbiased estimate from the samples
	MajorityAt  map[int]Interval    `json:"majority_at"`           // k: the most frequent answer of the first k samples is right
	Length      Interval            `json:"length"`                // tokens a sampled response
	OverLength  Interval            `json:"over_length"`           // share of the samples without an end of sequence
	Penalties   map[string]Interval `json:"penalties"`             // share of the samples by reason
	Reasons     map[string]Interval `json:"reasons"`               // share of the samples by why nothing was judged; see [GraderReasons]
	Fractions   []CutPoint          `json:"fractions"`             // cuts by share of the own thinking, rising
	Caps        []CutPoint          `json:"caps"`                  // cuts by tokens, rising
	NoThinking  *CutPoint           `json:"no_thinking,omitempty"` // control: nothing kept
	PerProblem  []float64           `json:"per_problem"`           // mean accuracy of each problem's samples, in order: what paired intervals need
	PerGreedy   []float64           `json:"per_problem_greedy"`    // 1 where the greedy response is right, else 0, in order
	Seconds     float64             `json:"seconds"`               // wall time of the shards
}

// CutPoint is one point of an inference-scaling curve.
type CutPoint struct {
	Fraction float64  `json:"fraction,omitempty"` // of the own thinking kept
	Cap      int      `json:"cap,omitempty"`      // most tokens kept
	Kept     Interval `json:"kept"`               // tokens kept
	Accuracy Interval `json:"accuracy"`           // of the summary model's answers
}

// EvaluationSummary is the part of a Result that a workflow carries.
type EvaluationSummary struct {
	Label   string   `json:"label"`
	Seq     int      `json:"seq"`
	Policy  Digest   `json:"policy"`
	Result  Ref      `json:"result"`
	Greedy  Interval `json:"greedy"`
	Sampled Interval `json:"sampled"`
	Length  float64  `json:"length"`
	Over    float64  `json:"over_length"`
}

// Evaluated is one response of an evaluation: the row type of its shards.
type Evaluated struct {
	Rollout
	Mode      string   `json:"mode" parquet:"mode"` // "greedy" or "sample"
	Correct   bool     `json:"correct" parquet:"correct"`
	Answer    string   `json:"answer" parquet:"answer"`
	Reason    string   `json:"reason" parquet:"reason"` // why nothing was judged; see [Grade]
	Penalties []string `json:"penalties" parquet:"penalties,list"`
	Thinking  int32    `json:"thinking" parquet:"thinking"` // tokens before the answer cue; all of them where there is none
}

// Cut is one answer given from cut thinking: the row type of an evaluation's cuts.
type Cut struct {
	Problem  string  `json:"problem" parquet:"problem"`
	Kind     string  `json:"kind" parquet:"kind"`         // "fraction", "cap" or "none"
	Fraction float64 `json:"fraction" parquet:"fraction"` // for "fraction"
	Cap      int32   `json:"cap" parquet:"cap"`           // for "cap"
	Kept     int32   `json:"kept" parquet:"kept"`         // tokens of thinking kept
	Answer   string  `json:"answer" parquet:"answer"`     // the summary model's text
	Correct  bool    `json:"correct" parquet:"correct"`
}

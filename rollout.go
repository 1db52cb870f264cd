package t1

// Rollout is one sampled response: the row type of a block.
type Rollout struct {
	Problem  string    `json:"problem" parquet:"problem"`        // ID
	Sample   int32     `json:"sample" parquet:"sample"`          // 0 to K-1
	Prompt   []int32   `json:"prompt" parquet:"prompt,list"`     // token ids
	Tokens   []int32   `json:"tokens" parquet:"tokens,list"`     // of the response; ends with end of sequence where Finish is "stop"
	LogProbs []float32 `json:"logprobs" parquet:"logprobs,list"` // of Tokens under Policy at temperature 1, as the sampler saw them
	Finish   string    `json:"finish" parquet:"finish"`          // "stop" or "length"
	Text     string    `json:"text" parquet:"text"`              // Tokens, decoded without the end of sequence
	Policy   Digest    `json:"policy" parquet:"policy"`          // that produced it
}

// How a response ended.
const (
	FinishStop   = "stop"   // with an end of sequence
	FinishLength = "length" // at the length limit
)

// Score is what a rollout earned: the row type of a scores object, in the
// order of the rollouts.
type Score struct {
	Problem   string   `json:"problem" parquet:"problem"`
	Sample    int32    `json:"sample" parquet:"sample"`
	Correct   bool     `json:"correct" parquet:"correct"`
	Reward    float64  `json:"reward" parquet:"reward"`            // r': 1 right, 0 wrong, -1 penalised
	Penalties []string `json:"penalties" parquet:"penalties,list"` // reasons; see [Penalties]
	Answer    string   `json:"answer" parquet:"answer"`
}

// Advantage is what the update made of a rollout: the row type of an
// advantages object, in the order of the rollouts.
type Advantage struct {
	Problem     string  `json:"problem" parquet:"problem"`
	Sample      int32   `json:"sample" parquet:"sample"`
	KL          float64 `json:"d" parquet:"d"`                       // d: log policy - log anchor, summed over response tokens, nats
	Advantage   float64 `json:"advantage" parquet:"advantage"`       // A
	MeanLogProb float64 `json:"mean_logprob" parquet:"mean_logprob"` // of the response tokens under the policy, nats a token
}

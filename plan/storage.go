package plan

import (
	"math"

	"t1"
)

// Storage is the bytes a run leaves in the store and moves to and from it.
type Storage struct {
	Log         float64 `json:"log"`         // records and observations
	Rollouts    float64 `json:"rollouts"`    // the pool's too
	Scores      float64 `json:"scores"`      // and advantages
	Evaluations float64 `json:"evaluations"` //
	Policies    float64 `json:"policies"`    // published, after the last collection
	Snapshots   float64 `json:"snapshots"`   // the newest two, and the fine-tuned one
	Datasets    float64 `json:"datasets"`    // demonstrations and problems of a game; imported ones are there already
	Total       float64 `json:"total"`       // after the run
	Peak        float64 `json:"peak"`        // before a collection: policies since the last one, and one snapshot more
	Uploaded    float64 `json:"uploaded"`    // to the store, over the run
	Downloaded  float64 `json:"downloaded"`  // from the store, over the run, by one machine
	Disk        float64 `json:"disk"`        // of a machine's own: the model, a snapshot and a policy on their way
}

// Bytes of what has a fixed size, measured on the demo's runs.
const (
	sftRecordBytes    = 1330 // of the log
	updateRecordBytes = 2150
	blockRefBytes     = 230 // each block of rollouts in an update's record
	observationBytes  = 440
	tensorDigestBytes = 75   // of each tensor of the state, in an observation
	blockBytes        = 3000 // of a Parquet file of rollouts without its rows
	scoreFileBytes    = 2300 // of scores and advantages together, without rows
	scoreBytes        = 25   // a row of scores and advantages, Zstandard
	evaluatedRowBytes = 16   // a row beside its tokens
	cutBytes          = 4    // an answer from cut thinking
	resultBytes       = 2600
	artifactBytes     = 2600 // config.json, manifest.json and the like
	tensorHeaderBytes = 110  // each tensor's entry in a safetensors header
)

// tokenBytes is a sampled token in a block of rollouts after Zstandard: its
// number and its text near the entropy of a word, and its log-probability, of
// which the mantissa does not shrink.
func (s Shape) tokenBytes() float64 { return 2.0 + 0.13*math.Log2(float64(s.Vocabulary)) }

// tokenizerBytes is tokenizer.json: a word, its number and, in a large
// vocabulary, its merge.
func (s Shape) tokenizerBytes() float64 { return 45 * float64(s.Vocabulary) }

// artifact is the bytes of a directory that holds each of the weights so many
// times.
func (s Shape) artifact(times float64) float64 {
	return times*(storedBytes*float64(s.Parameters().Total)+tensorHeaderBytes*float64(s.tensors())) + artifactBytes + s.tokenizerBytes()
}

// observation is the bytes of what was measured of a record, whose state has the
// model's tensors so many times.
func (s Shape) observation(times int) float64 {
	return observationBytes + float64(times)*float64(s.tensors())*tensorDigestBytes
}

// state is the bytes of a snapshot: policy, moments, and the anchor.
func (s Shape) state(anchored bool) float64 {
	if anchored {
		return s.artifact(4)
	}
	return s.artifact(3)
}

// blocks of rollouts of one iteration.
func blocks(rl t1.RLSpec) int {
	shards := min(max(1, rl.Shards), max(1, rl.Prompts))
	return shards * ceilDiv(ceilDiv(rl.Prompts, shards), rl.BlockPrompts)
}

// NewStorage says what is kept, by the rules of docs/formats.md.
func NewStorage(spec t1.Spec, s Shape, c Counts, work []Work, a Assumptions) Storage {
	by := map[string]Work{}
	for _, w := range work {
		by[w.Phase] = w
	}
	rl, n := spec.RL, float64(spec.RL.Iterations)
	sft := float64(ceilDiv(by[SFT].Steps, spec.SFT.StepsPerRecord))
	perIteration := float64(blocks(rl))
	evaluations := float64(by[Evaluation].Steps)
	anchored := rl.Anchor.Action != "none" && rl.Iterations > 0
	parts := 3 // of a state that have the model's tensors: policy and moments
	if anchored {
		parts = 4
	}
	st := Storage{
		Log:      1700 + float64(12*s.Vocabulary) + sft*(sftRecordBytes+s.observation(3)) + n*(updateRecordBytes+s.observation(parts)+blockRefBytes*perIteration),
		Rollouts: s.tokenBytes()*(by[Pool].Tokens+by[Sampling].Tokens) + blockBytes*(n*perIteration+poolBlocks(spec)) + 60*float64(spec.Pool.Problems),
		Scores:   n*scoreFileBytes + scoreBytes*by[Sampling].Sequences,
	}
	perEvaluation := resultBytes + 22*float64(spec.Evaluation.Problems)
	files := float64(ceilDiv(spec.Evaluation.Problems, spec.Evaluation.ShardProblem))
	answers := float64(spec.Evaluation.Problems * cuts(spec.Evaluation.Scaling))
	sampled := by[Evaluation].Tokens - evaluations*answers*float64(spec.Evaluation.Scaling.SummaryTokens)/2
	st.Evaluations = evaluations*(perEvaluation+files*2*blockBytes+cutBytes*answers) + s.tokenBytes()*sampled + evaluatedRowBytes*by[Evaluation].Sequences
	policies := min(n+1, evaluations+1) // the fine-tuned one is evaluated; the last but one is not
	st.Policies, st.Snapshots = policies*s.artifact(1), 2*s.state(anchored)
	if sft > 0 && n > float64(spec.SnapshotEvery) { // else the fine-tuned one is among the two
		st.Snapshots += s.state(false)
	}
	if spec.Task.Name == "countdown" {
		st.Datasets = float64(c.Demonstrations)*(1+0.6*(a.of("demonstration_tokens")+a.of("prompt_tokens"))) + 25*float64(spec.Task.Countdown.Train+spec.Task.Countdown.HeldOut) + 3*blockBytes
	}
	st.Total = st.Log + st.Rollouts + st.Scores + st.Evaluations + st.Policies + st.Snapshots + st.Datasets
	st.Peak = st.Total + s.state(anchored) + min(n, float64(spec.SnapshotEvery))*s.artifact(1)
	snapshots := math.Floor((sft+n)/float64(spec.SnapshotEvery)) + 2
	written := st.Log + st.Rollouts + st.Scores + st.Evaluations + st.Datasets
	st.Uploaded = written + snapshots*s.state(anchored) + (n+1)*s.artifact(1)
	st.Downloaded = 2*(st.Rollouts+st.Scores) + st.Evaluations + evaluations*s.artifact(1) + s.artifact(1)
	st.Disk = s.state(anchored) + 2*s.artifact(1)
	return st
}

// poolBlocks is the blocks of the pool's rollouts: workflows/schedule.go.
func poolBlocks(spec t1.Spec) float64 {
	if spec.RL.Iterations == 0 {
		return 0
	}
	shards := max(1, min(spec.Pool.Problems, min(8, max(4, spec.RL.Shards))))
	size := max(1, spec.RL.BlockPrompts, ceilDiv(spec.Pool.Problems, 256))
	return float64(shards * ceilDiv(ceilDiv(spec.Pool.Problems, shards), size))
}

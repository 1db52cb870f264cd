package t1

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// SuiteEvaluation is all that the outcome of evaluating a policy on an imported
// suite depends on, and no more: its digest names the outcome, so that who
// evaluates the same policy in the same way again, under whatever name, finds it.
type SuiteEvaluation struct {
	Schema      int           `json:"schema"`   // 1
	Policy      Digest        `json:"policy"`   // of the weights
	Files       string        `json:"files"`    // SHA-256 of the policy's manifest: its tokenizer and chat template count too
	Problems    Ref           `json:"problems"` // the suite's data set, []Problem
	Count       int           `json:"count"`    // problems used, from the first
	Task        TaskSpec      `json:"task"`     // who grades, what the model is asked, the cue
	Samples     int           `json:"samples"`  // a problem, beside the greedy response
	Temperature float64       `json:"temperature"`
	TopP        float64       `json:"top_p"`
	MaxTokens   int           `json:"max_tokens"`
	Seed        int64         `json:"seed"`
	Sampler     string        `json:"sampler"`   // SamplerEngine or SamplerVLLM
	Precision   string        `json:"precision"` // that it computes in
	Penalties   PenaltiesSpec `json:"penalties"` // bad patterns to count
}

// Digest names the evaluation: the SHA-256 of it as JSON.
func (e SuiteEvaluation) Digest() string {
	data, _ := json.Marshal(e) // texts and numbers: it always marshals
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// suiteShard is the problems of a shard: small enough that an attempt that is
// lost costs little, and part of no name, so it never changes.
const suiteShard = 32

// Spec is the settings of the evaluation as its workflow takes them.
func (e SuiteEvaluation) Spec() EvaluationSpec {
	return EvaluationSpec{
		Problems: e.Count, Samples: e.Samples, Temperature: e.Temperature, TopP: e.TopP, MaxTokens: e.MaxTokens, ShardProblem: suiteShard,
	}
}

// SuiteEvaluationKey is the directory of an evaluation on a suite, by its digest.
func SuiteEvaluationKey(digest string) string { return "evaluations/" + digest }

// SuiteOrderKey is what was asked for; see [SuiteEvaluation].
func SuiteOrderKey(digest string) string { return SuiteEvaluationKey(digest) + "/order.json" }

// SuiteResultKey is the [Result] of an evaluation on a suite.
func SuiteResultKey(digest string) string { return SuiteEvaluationKey(digest) + "/result.json" }

// SuiteEvaluationID is the workflow ID of an evaluation on a suite.
func SuiteEvaluationID(digest string) string { return "eval/" + digest[:16] }

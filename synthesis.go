package t1

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
)

// Synthesis makes the data of the supervised initialisation (P section 2.2.1,
// appendix A): attempts by several models, a critique of each, a merge in
// order, a rewrite. This file is its vocabulary.

// QueueSynthesize is served by workers that may reach the endpoints and hold
// their keys.
const QueueSynthesize = "t1-synthesize"

// WorkflowSynthesize is the workflow type.
const WorkflowSynthesize = "Synthesize"

// Phases of a synthesis beside those of a run.
const (
	PhaseSynthesizing = "synthesizing"
	PhaseAssembling   = "assembling"
)

// KindBudget is the Kind in the Parked of a synthesis whose budget is spent. It
// is no failure, and no error has it.
const KindBudget Kind = "Budget"

// Steps of a problem; of attempts and critiques there are several, see [SynthesisStep].
const (
	StepAttempt  = "attempt"
	StepCritique = "critique"
	StepMerge    = "merge"
	StepRewrite  = "rewrite"
)

// Synthesizer is served on QueueSynthesize.
type Synthesizer interface {
	// OpenSynthesis reads what is to be done. A synthesis that was not kept in
	// the store is KindNotFound.
	OpenSynthesis(ctx context.Context, in SynthesizeInput) (SynthesisPlan, error)
	// SynthesizeProblem goes through the four steps of one problem. A reply that
	// is in the store is not asked for again. An endpoint that refuses is
	// KindInvalid, one that does not answer KindUnavailable.
	SynthesizeProblem(ctx context.Context, in SynthesizeProblemInput) (SynthesizedProblem, error)
	// AssembleSynthesis makes the data set, under the synthesis's name, and the
	// report of the outcomes that are there.
	AssembleSynthesis(ctx context.Context, in SynthesizeInput) (SynthesisResult, error)
}

// SynthesizeInput names a synthesis; it is also the input of the workflow.
type SynthesizeInput struct {
	Name string `json:"name"`
}

// SynthesizeProblemInput is one problem of a synthesis.
type SynthesizeProblemInput struct {
	Name  string `json:"name"`
	Index int    `json:"index"` // row of the problem data set
	Skip  bool   `json:"skip"`  // reject it without asking anybody
	Found bool   `json:"found"` // only look whether it has an outcome: there is no money for one
}

// SynthesizedProblem counts what a problem took, whoever made it: an object
// that was there already counts like a new one.
type SynthesizedProblem struct {
	Kept    bool   `json:"kept"`
	Reason  string `json:"reason,omitempty"` // first reason of the rejection; see RejectNoRightAttempt and its neighbours
	Missing bool   `json:"missing"`          // it has no outcome, and only a look was asked for
	Spent   Spent  `json:"spent"`
	Made    int    `json:"made"` // replies this attempt asked for; 0 where all was there
}

// Spent is what replies cost.
type Spent struct {
	Calls     int     `json:"calls"`      // replies
	TokensIn  int64   `json:"tokens_in"`  // prompt tokens
	TokensOut int64   `json:"tokens_out"` // completion tokens
	Cost      float64 `json:"cost"`       // money, in the currency of the prices
}

// Plus adds up.
func (s Spent) Plus(o Spent) Spent {
	return Spent{s.Calls + o.Calls, s.TokensIn + o.TokensIn, s.TokensOut + o.TokensOut, s.Cost + o.Cost}
}

// SynthesisPlan is as much of a synthesis as its workflow decides on.
type SynthesisPlan struct {
	Problems int     `json:"problems"`
	Width    int     `json:"width"`    // problems at once
	PerFlow  int     `json:"per_flow"` // problems before the workflow continues as new
	Budget   float64 `json:"budget"`   // money; 0 means no limit
}

// SynthesisResult is what a synthesis ends in.
type SynthesisResult struct {
	Dataset    Ref            `json:"dataset"` // demonstrations, in the order of the problems; empty where none is kept
	Version    int            `json:"version"` // of the data set of the synthesis's name; 0 where none is kept
	Against    []string       `json:"against"` // benchmarks that the questions were compared with
	Report     Ref            `json:"report"`  // SynthesisReport
	Problems   int            `json:"problems"`
	Kept       int            `json:"kept"`
	Rejected   map[string]int `json:"rejected"`   // by reason
	Unfinished int            `json:"unfinished"` // without an outcome, where it was stopped
	Spent      Spent          `json:"spent"`
}

// Synthesis is the resolved order, kept before the workflow starts: problems
// and prompts are in it or named by digest, so that nothing can change under it.
type Synthesis struct {
	Schema   int              `json:"schema"` // 1
	Name     string           `json:"name"`
	Spec     SynthesisSpec    `json:"spec"`
	Problems Ref              `json:"problems"` // []Problem
	Count    int              `json:"count"`    // rows
	Prompts  SynthesisPrompts `json:"prompts"`
}

// SynthesisPrompts are the texts of the prompt files; see [PromptTemplates].
type SynthesisPrompts struct {
	Attempt  string `json:"attempt"`
	Critique string `json:"critique"`
	Merge    string `json:"merge"`
	Rewrite  string `json:"rewrite"`
}

// SynthesisCall is one reply as it is kept.
type SynthesisCall struct {
	Schema    int    `json:"schema"` // 1
	Problem   string `json:"problem"`
	Step      string `json:"step"`      // such as "attempt-0"
	Endpoint  string `json:"endpoint"`  // its name in the spec
	Model     string `json:"model"`     // asked for
	Served    string `json:"served"`    // as the endpoint calls it
	Request   string `json:"request"`   // SHA-256 of the request's body
	Text      string `json:"text"`      // may be empty: then it was empty several times
	Finish    string `json:"finish"`    // "stop", "length" or what else the endpoint says
	Spent     Spent  `json:"spent"`     // empty replies before this one included
	Estimated bool   `json:"estimated"` // the endpoint counted no tokens: 4 bytes were taken for one
}

// SynthesisOutcome is what became of a problem.
type SynthesisOutcome struct {
	Schema   int                `json:"schema"` // 1
	Problem  string             `json:"problem"`
	Kept     bool               `json:"kept"`
	Reasons  []string           `json:"reasons"` // of the rejection; it is counted under the first
	Response string             `json:"response"`
	Attempts []SynthesisAttempt `json:"attempts"`
	Spent    Spent              `json:"spent"`
}

// SynthesisAttempt is the verdict on an attempt.
type SynthesisAttempt struct {
	Endpoint string `json:"endpoint"`
	Correct  bool   `json:"correct"`
	Answer   string `json:"answer"` // normalised; empty where there was none
}

// SynthesisReport says what a synthesis came to.
type SynthesisReport struct {
	Schema   int              `json:"schema"` // 1
	Name     string           `json:"name"`
	Result   SynthesisResult  `json:"result"`   // without the report itself
	Attempts map[string]Tally `json:"attempts"` // by endpoint
}

// Tally counts attempts.
type Tally struct {
	Made  int `json:"made"`
	Right int `json:"right"`
}

// SynthesisStatus answers the status query, and is the contract of
// `t1 synthesize status --json`.
type SynthesisStatus struct {
	Name        string           `json:"name"`
	Phase       string           `json:"phase"` // starting, synthesizing, paused, parked, assembling, done or stopped
	Total       int              `json:"total"` // problems
	Done        int              `json:"done"`  // of them, with an outcome
	Running     int              `json:"running"`
	Kept        int              `json:"kept"`
	Rejected    map[string]int   `json:"rejected"` // by reason
	Spent       Spent            `json:"spent"`    // by the problems that are done
	Budget      float64          `json:"budget"`   // money; 0 means no limit
	StartedAt   string           `json:"started_at"`
	SecondsLeft float64          `json:"seconds_left"` // at the rate since the last rest; 0 where not known
	PauseAsked  bool             `json:"pause_asked"`
	StopAsked   bool             `json:"stop_asked"`
	Parked      *Parked          `json:"parked,omitempty"`
	Result      *SynthesisResult `json:"result,omitempty"`
}

// SynthesisResolution is the input of the resolve update of a parked synthesis.
type SynthesisResolution struct {
	Action string   `json:"action"`           // "retry", or "skip": reject the problems that failed
	Budget *float64 `json:"budget,omitempty"` // a new one, above what is spent, or 0 for none
}

// SynthesisID is the workflow ID of a synthesis.
func SynthesisID(name string) string { return "synthesis/" + name }

// SynthesisKey is the directory of a synthesis.
func SynthesisKey(name string) string { return "synthesis/" + name }

// SynthesisOrderKey is the resolved order; see [Synthesis].
func SynthesisOrderKey(name string) string { return SynthesisKey(name) + "/synthesis.json" }

// SynthesisReportKey is a report, named by the digest of its bytes: one that
// was stopped and started again has several.
func SynthesisReportKey(name, digest string) string {
	return fmt.Sprintf("%s/report-%.16s.json", SynthesisKey(name), digest)
}

// SynthesisStepKey is the reply of one step.
func SynthesisStepKey(name, problem, step string) string {
	return fmt.Sprintf("%s/%s/%s.json", SynthesisKey(name), problemElement(problem), step)
}

// SynthesisOutcomeKey is what became of a problem; see [SynthesisOutcome].
func SynthesisOutcomeKey(name, problem string) string {
	return SynthesisStepKey(name, problem, "outcome")
}

// SynthesisStep names attempt or critique i, from 0.
func SynthesisStep(step string, i int) string { return fmt.Sprintf("%s-%d", step, i) }

var (
	plainElement = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	unsafeBytes  = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
)

// problemElement is a problem's ID as one element of a key. An ID of other
// characters is made readable, and unique by a part of its digest.
func problemElement(id string) string {
	if plainElement.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	readable := unsafeBytes.ReplaceAllString(id, "-")
	return "p-" + readable[:min(len(readable), 40)] + "-" + hex.EncodeToString(sum[:6])
}

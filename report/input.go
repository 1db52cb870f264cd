package report

import "t1"

// Input is everything a report is made of. Whatever is empty is left out of the
// page, which says so.
type Input struct {
	Run          string
	Spec         t1.Spec // resolved
	Phase        string  // see t1.PhaseRL and its neighbours; empty where nobody knows
	Records      []t1.Record
	Observations []t1.Observation
	Results      []t1.Result // of one suite
	Pool         *t1.Pool    // nil before there is one
	Cue          string      // text after which a response states its answer
	Examples     []Example
	Notes        []string // what could not be had, one sentence each
	Tool         string   // the t1 that made the report, such as "t1 v0.3.0"
	MadeAt       string   // RFC 3339
}

// Example is one whole response.
type Example struct {
	Why       string // what it is an example of: "Right, and long"
	Iteration int    // that it was sampled in; 0 is the fine-tuned policy
	Problem   string // ID
	Sample    int
	Prompt    string
	Text      string
	Tokens    int
	Finish    string // see t1.FinishStop
	Answer    string // as graded
	Correct   bool
	Penalties []string // reasons
	Reward    float64  // r'
	Trained   bool     // whether d and A exist
	D         float64  // log policy - log anchor over the response, nats
	Advantage float64  // A
}

package t1

// Problem is one thing to solve. It is also the row type of a problem data set.
type Problem struct {
	ID     string  `json:"id" parquet:"id"`              // unique in its data set
	Prompt string  `json:"prompt" parquet:"prompt"`      // as the model reads it
	Answer string  `json:"answer" parquet:"answer"`      // a reference answer
	Data   string  `json:"data" parquet:"data"`          // what the task needs to grade, as JSON
	Tokens []int32 `json:"tokens" parquet:"tokens,list"` // Prompt, tokenised
}

// Trace is one demonstration to fine-tune on: row type of a trace data set.
type Trace struct {
	Problem  string  `json:"problem" parquet:"problem"`        // ID of its problem
	Prompt   []int32 `json:"prompt" parquet:"prompt,list"`     // token ids; with what a demonstration is given, see Demonstration
	Response []int32 `json:"response" parquet:"response,list"` // token ids, end of sequence included
}

// Grade is a verdict on one response.
type Grade struct {
	Correct bool
	Answer  string // the answer as given, normalised so that equal answers are equal strings; empty where none was found
	Reason  string // why nothing was judged; see [ReasonNoAnswer] and its neighbours. Empty for a verdict on an answer
}

// Reasons of a Grade: a response that has one is wrong.
const (
	ReasonNoAnswer  = "no_answer"     // the grader found no answer in it
	ReasonTimedOut  = "timeout"       // a program took too long
	ReasonCrashed   = "crashed"       // a program ended on it
	ReasonNoVerdict = "not_a_verdict" // a program said something else
)

// GraderReasons lists the reasons of a [Grade].
func GraderReasons() []string {
	return []string{ReasonNoAnswer, ReasonTimedOut, ReasonCrashed, ReasonNoVerdict}
}

// Grader judges a response to a problem. Every [Task] is one.
type Grader interface {
	Grade(p Problem, response string) Grade
}

// Task is something to learn: it makes problems and demonstrations from a seed
// and grades answers. Implementations live in tasks/ and are pure.
type Task interface {
	// Vocabulary lists every word a prompt or response may use, in a fixed order.
	Vocabulary() []string
	// Problems makes the training and held-out problems; no held-out problem is
	// a training problem in other words. Tokens are left empty.
	Problems(seed int64) (train, heldOut []Problem, err error)
	// Demonstrations makes the texts to fine-tune on, each for the problem at
	// the index beside it.
	Demonstrations(seed int64, train []Problem) []Demonstration
	// Grade judges a whole response to a problem.
	Grade(p Problem, response string) Grade
	// AnswerCue is the text after which a response states its answer; what
	// stands before it is the thinking.
	AnswerCue() string
}

// Demonstration is one worked response.
type Demonstration struct {
	Problem  int    // index into the training problems
	Given    string // what stands behind the prompt already, and is not trained on; empty for a whole demonstration
	Response string // thinking, then the right answer; the answer alone where the thinking is given
}

// Data lists the data sets of a run.
type Data struct {
	Train   Ref     `json:"train"`    // []Problem
	HeldOut Ref     `json:"held_out"` // []Problem
	Traces  Ref     `json:"traces"`   // []Trace
	Cue     []int32 `json:"cue"`      // the task's answer cue, tokenised
	Counts  struct {
		Train   int `json:"train"`
		HeldOut int `json:"held_out"`
		Traces  int `json:"traces"`
	} `json:"counts"`
}

// Pool is the prompts reinforcement learning draws from.
type Pool struct {
	Policy   Digest      `json:"policy"`    // that was sampled
	Tried    int         `json:"tried"`     // problems sampled
	PassRate []float64   `json:"pass_rate"` // the open interval kept
	Problems []PoolEntry `json:"problems"`  // kept, in data set order
}

// PoolEntry is one problem of the pool.
type PoolEntry struct {
	Index    int     `json:"index"`     // row in the training data set
	PassRate float64 `json:"pass_rate"` // of the samples
}

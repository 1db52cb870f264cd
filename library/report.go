package library

// Reason says why a row of a source is not taken as it is.
type Reason string

// The reasons, in the order in which a row is looked at; a row counts for the
// first that holds.
const (
	EmptyQuestion    Reason = "empty_question"
	EmptyAnswer      Reason = "empty_answer"      // or response
	RepeatedID       Reason = "repeated_id"       // of an earlier row with another question
	Duplicate        Reason = "duplicate"         // an earlier row asks the same and answers the same
	OtherAnswer      Reason = "other_answer"      // an earlier row asks the same and answers otherwise
	BenchmarkOverlap Reason = "benchmark_overlap" // see [Benchmarks.Find]
)

// Action is what to do about rows that a reason holds for.
type Action string

// The actions.
const (
	Drop   Action = "drop"   // leave the row out
	Refuse Action = "refuse" // store nothing, once all rows are read
	Keep   Action = "keep"   // take the row and count it
)

// Counts sums an import up.
type Counts struct {
	Read  int64            `json:"read"`  // rows of the source
	Kept  int64            `json:"kept"`  // rows of the data set
	Found map[Reason]int64 `json:"found"` // rows for which a reason held, whatever was done about them
}

// Example is a row for which a reason held.
type Example struct {
	Reason Reason `json:"reason"`
	Row    int64  `json:"row"`    // line or row of the source, from 1
	ID     string `json:"id"`     // empty where the row has none
	Detail string `json:"detail"` // what it collides with, for a person
}

// maxExamples is how many rows are shown for a reason.
const maxExamples = 5

// Report is what an import did.
type Report struct {
	Dataset   Dataset   `json:"dataset"`   // as stored; where rows were refused, as it would have been, without ref
	Stored    bool      `json:"stored"`    // false where rows were refused, and where the same was there already
	Examples  []Example `json:"examples"`  // up to 5 a reason
	Unchecked []string  `json:"unchecked"` // of a benchmark: names of the problem and demonstration sets that were stored without a look at it
}

func (r *Report) note(found finding) {
	r.Dataset.Counts.Found[found.Reason]++
	if r.Dataset.Counts.Found[found.Reason] <= maxExamples {
		r.Examples = append(r.Examples, found.Example)
	}
}

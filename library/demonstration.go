package library

// Demonstration is one worked response as text: the row type of a stored set of
// demonstrations. A run tokenises it into a [t1.Trace].
type Demonstration struct {
	Problem  string `json:"problem" parquet:"problem"`   // ID of its problem; empty where the source has none
	Prompt   string `json:"prompt" parquet:"prompt"`     // the question, without a chat template
	Response string `json:"response" parquet:"response"` // as the source has it
}

// Kind says what the rows of a data set are.
type Kind string

// The kinds of data sets.
const (
	Problems       Kind = "problems"       // rows are [t1.Problem], not tokenised
	Demonstrations Kind = "demonstrations" // rows are [Demonstration]
)

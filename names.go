package t1

import "fmt"

// Task queues. A host serves the queues whose work it can do.
const (
	QueueControl = "t1-control" // workflows and light activities
	QueueTrain   = "t1-train"   // activities that need the trainer
	QueueSample  = "t1-sample"  // activities that need a sampler
	QueueScore   = "t1-score"   // activities that grade text
)

// Workflow types.
const (
	WorkflowTrain    = "Train"
	WorkflowEvaluate = "Evaluate"
)

// Updates and queries of Train, as users type them.
const (
	UpdatePause    = "pause"
	UpdateResume   = "resume"
	UpdateSet      = "set"
	UpdateStop     = "stop"
	UpdateSnapshot = "snapshot"
	UpdateEvaluate = "evaluate"
	UpdateResolve  = "resolve"
	QueryStatus    = "status"
)

// EvaluationID is the workflow ID of the evaluation of a run's policy after
// record seq.
func EvaluationID(run string, seq int) string { return fmt.Sprintf("%s/eval/%08d", run, seq) }

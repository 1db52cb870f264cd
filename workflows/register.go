package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// Register adds every workflow under its contract name. Where a worker is
// versioned, an execution stays on its version: Train and Synthesize move to a
// new one when they continue as new, Evaluate ends where it began.
func Register(r worker.WorkflowRegistry) {
	pinned := workflow.VersioningBehaviorPinned
	r.RegisterWorkflowWithOptions(Train, workflow.RegisterOptions{Name: t1.WorkflowTrain, VersioningBehavior: pinned})
	r.RegisterWorkflowWithOptions(Evaluate, workflow.RegisterOptions{Name: t1.WorkflowEvaluate, VersioningBehavior: pinned})
	r.RegisterWorkflowWithOptions(Synthesize, workflow.RegisterOptions{Name: t1.WorkflowSynthesize, VersioningBehavior: pinned})
}

package workflows

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// The SDK takes a method expression's name from the runtime. These are the names
// workers register; a compiler or SDK that made others would strand every run.
func TestActivitiesAreCalledByTheirContractNames(t *testing.T) {
	methods := map[string]any{
		"ResolveSpec": t1.Control.ResolveSpec, "OrderSuite": t1.Control.OrderSuite, "Summarize": t1.Control.Summarize, "Collect": t1.Control.Collect, "Discard": t1.Control.Discard, "Fork": t1.Control.Fork,
		"Prepare": t1.Trainer.Prepare, "FineTune": t1.Trainer.FineTune, "Update": t1.Trainer.Update, "Snapshot": t1.Trainer.Snapshot, "Adopt": t1.Trainer.Adopt,
		"Sample": t1.Sampler.Sample, "EvaluateShard": t1.Sampler.EvaluateShard,
		"Score": t1.Scorer.Score, "SelectPool": t1.Scorer.SelectPool,
		"OpenSynthesis": t1.Synthesizer.OpenSynthesis, "SynthesizeProblem": t1.Synthesizer.SynthesizeProblem,
		"AssembleSynthesis": t1.Synthesizer.AssembleSynthesis,
	}
	var contract []string
	for _, of := range []reflect.Type{
		reflect.TypeFor[t1.Control](), reflect.TypeFor[t1.Trainer](), reflect.TypeFor[t1.Sampler](), reflect.TypeFor[t1.Scorer](),
		reflect.TypeFor[t1.Synthesizer](),
	} {
		for i := range of.NumMethod() {
			contract = append(contract, of.Method(i).Name)
		}
	}
	for _, name := range contract {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, name, scheduledAs(t, methods[name]))
		})
	}
	assert.Len(t, methods, len(contract))
}

// scheduledAs is the activity type that an activity function is scheduled under.
func scheduledAs(t *testing.T, method any) (name string) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	w := newWorld(smallSpec(1))
	w.fail = func(activity string, _ any) error {
		name = activity
		return failing(t1.KindInvalid, "enough", "")
	}
	env.RegisterActivity(w)
	env.RegisterActivity(&synthesizeQueue{refusing{w}})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
		return workflow.ExecuteActivity(ctx, method, struct{}{}).Get(ctx, nil)
	})
	assert.ErrorContains(t, env.GetWorkflowError(), "enough")
	return name
}

func TestEachInterfaceHasItsQueueAndItsLimits(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		unknown := options[t1.Control](ctx, "s")
		assert.Equal(t, time.Minute, unknown.HeartbeatTimeout, "before the spec is read")
		ctx = workflow.WithHeartbeatTimeout(ctx, 7*time.Second)
		for _, o := range []struct {
			got       workflow.ActivityOptions
			queue     string
			heartbeat time.Duration
		}{
			{options[t1.Control](ctx, "s"), t1.QueueControl, 7 * time.Second},
			{options[t1.Trainer](ctx, "s"), t1.QueueTrain, 7 * time.Second},
			{options[t1.Sampler](ctx, "s"), t1.QueueSample, 7 * time.Second},
			{options[t1.Scorer](ctx, "s"), t1.QueueScore, 7 * time.Second},
			{options[t1.Synthesizer](ctx, "s"), t1.QueueSynthesize, time.Minute},
		} {
			assert.Equal(t, o.queue, o.got.TaskQueue)
			assert.Equal(t, o.heartbeat, o.got.HeartbeatTimeout)
			assert.Positive(t, o.got.StartToCloseTimeout)
			assert.Zero(t, o.got.ScheduleToCloseTimeout, "waiting for a worker is no failure")
			assert.Zero(t, o.got.ScheduleToStartTimeout)
			assert.True(t, o.got.WaitForCancellation)
			assert.Equal(t, "s", o.got.Summary)
		}
		return nil
	})
	assert.NoError(t, env.GetWorkflowError())
}

// names notes what is registered.
type names struct {
	worker.WorkflowRegistry
	registered []string
}

func (n *names) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	n.registered = append(n.registered, o.Name)
}

// Renaming a workflow breaks every run under way, and every script that starts one.
func TestRegisteredNames(t *testing.T) {
	var n names
	Register(&n)
	assert.Equal(t, []string{"Train", "Evaluate", "Synthesize"}, n.registered)
	assert.Equal(t, []string{"t1-control", "t1-train", "t1-sample", "t1-score"},
		[]string{t1.QueueControl, t1.QueueTrain, t1.QueueSample, t1.QueueScore})
}

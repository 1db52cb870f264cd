package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"t1"
)

const runName = "demo"

var emptySpec = json.RawMessage(`{"version":1}`)

type testEnvironment = *testsuite.TestWorkflowEnvironment

// drive runs Train in the test environment, one environment for each execution
// of the chain: what continue-as-new carries is the only thing they share.
type drive struct {
	t *testing.T
	w *world

	given json.RawMessage // input of Train; nil is emptySpec

	before func(at moment)           // called before each activity; may ask
	setup  func(env testEnvironment) // called for each execution

	env        *testsuite.TestWorkflowEnvironment
	executions int
	carried    []Carried
	replies    []reply
	status     t1.Status // after the last execution
}

// moment is where a run is: the activity about to start and what it is for.
type moment struct {
	Activity  string `json:"-"`
	Attempt   int32  `json:"-"`
	Iteration int    `json:"iteration"`
	Seq       int    `json:"seq"`
	Shard     int    `json:"shard"`
	From      int    `json:"from"`
}

type reply struct {
	update   string
	rejected error
	status   t1.Status
}

func (d *drive) run() (Outcome, error) {
	var carried *Carried
	if d.given == nil {
		d.given = emptySpec
	}
	for d.executions < 200 {
		d.executions++
		d.env = d.newEnvironment()
		if carried == nil {
			d.env.ExecuteWorkflow(t1.WorkflowTrain, d.given) // as the CLI does: one argument
		} else {
			d.env.ExecuteWorkflow(t1.WorkflowTrain, d.given, carried)
		}
		require.True(d.t, d.env.IsWorkflowCompleted())
		err := d.env.GetWorkflowError()
		var next *workflow.ContinueAsNewError
		if !errors.As(err, &next) {
			return d.outcome(err)
		}
		carried = &Carried{}
		var spec json.RawMessage
		require.NoError(d.t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &spec, carried))
		require.JSONEq(d.t, string(d.given), string(spec))
		d.carried = append(d.carried, *carried)
	}
	d.t.Fatal("the run goes round for ever")
	return Outcome{}, nil
}

func (d *drive) outcome(err error) (Outcome, error) {
	value, queryErr := d.env.QueryWorkflow(t1.QueryStatus)
	require.NoError(d.t, queryErr)
	require.NoError(d.t, value.Get(&d.status))
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	require.NoError(d.t, d.env.GetWorkflowResult(&out))
	return out, nil
}

func (d *drive) newEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: runName, TaskQueue: t1.QueueControl})
	env.SetWorkerOptions(worker.Options{WorkflowPanicPolicy: worker.FailWorkflow})
	env.SetTestTimeout(20 * time.Second)
	Register(env)
	env.RegisterActivity(&controlQueue{d.w})
	env.RegisterActivity(&trainQueue{d.w})
	env.RegisterActivity(&sampleQueue{d.w})
	env.RegisterActivity(&scoreQueue{d.w})
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		at := moment{Activity: info.ActivityType.Name, Attempt: info.Attempt}
		require.NoError(d.t, args.Get(&at))
		if d.before != nil {
			d.before(at)
		}
	})
	if d.setup != nil {
		d.setup(env)
	}
	return env
}

// Each queue's worker serves its own interface and nothing else.
type (
	controlQueue struct{ t1.Control }
	trainQueue   struct{ t1.Trainer }
	sampleQueue  struct{ t1.Sampler }
	scoreQueue   struct{ t1.Scorer }
)

// ask sends an update, with input as a user types it, and keeps the reply.
func (d *drive) ask(update string, input ...string) {
	i := len(d.replies)
	d.replies = append(d.replies, reply{update: update})
	var args []any
	for _, in := range input {
		args = append(args, json.RawMessage(in))
	}
	d.env.UpdateWorkflow(update, "", &testsuite.TestUpdateCallback{
		OnReject: func(err error) { d.replies[i].rejected = err },
		OnAccept: func() {},
		OnComplete: func(value any, err error) {
			require.NoError(d.t, err)
			d.replies[i].status = value.(t1.Status)
		},
	}, args...)
}

// later asks after that much of the run's time.
func (d *drive) later(after time.Duration, update string, input ...string) {
	d.env.RegisterDelayedCallback(func() { d.ask(update, input...) }, after)
}

// chain is the records, in order: what must not depend on how a run was executed.
func (w *world) chain() []t1.Step {
	var steps []t1.Step
	for seq := range len(w.steps) {
		steps = append(steps, w.steps[seq])
	}
	return steps
}

// complete runs a spec to its end without a hitch.
func complete(t *testing.T, w *world) (*drive, Outcome) {
	d := &drive{t: t, w: w}
	out, err := d.run()
	require.NoError(t, err)
	return d, out
}

package workflows

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// names are what runs that are under way, and users, know of us: a name of
// testdata/names.txt that changes leaves them behind. Workflows, and what can be
// asked of them, are as a server sees them; activities as the root names them.
func (s *onServer) names(t *testing.T) {
	var got []string
	for queue, contract := range map[string]reflect.Type{
		t1.QueueControl: reflect.TypeFor[t1.Control](), t1.QueueTrain: reflect.TypeFor[t1.Trainer](), t1.QueueSample: reflect.TypeFor[t1.Sampler](),
		t1.QueueScore: reflect.TypeFor[t1.Scorer](), t1.QueueSynthesize: reflect.TypeFor[t1.Synthesizer](),
	} {
		for m := range contract.NumMethod() {
			got = append(got, "activity "+queue+" "+contract.Method(m).Name)
		}
	}
	r := &registered{}
	Register(r)
	for _, name := range r.names {
		got = append(got, "workflow "+name)
	}
	s.world.begin(smallSpec(1))
	require.NoError(t, s.start(t, "names").Get(s.ctx, nil))
	got = append(got, s.handlers(t, "names")...)
	got = append(got, s.handlers(t, s.evaluation(t, "names"))...)
	// Nobody serves its activities: what it can be asked is known from its first task on.
	synthesis, err := s.client.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: "names-synthesis", TaskQueue: t1.QueueControl}, t1.WorkflowSynthesize, t1.SynthesizeInput{})
	require.NoError(t, err)
	got = append(got, s.handlers(t, synthesis.GetID())...)
	require.NoError(t, s.client.TerminateWorkflow(s.ctx, synthesis.GetID(), "", "seen enough"))

	slices.Sort(got)
	want, err := os.ReadFile("testdata/names.txt")
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(want)), strings.Join(got, "\n"))
}

// evaluation is the ID of a run's newest evaluation.
func (s *onServer) evaluation(t *testing.T, run string) string {
	return t1.EvaluationID(run, s.status(t, run).Seq)
}

// handlers are the queries, signals and updates of a workflow.
func (s *onServer) handlers(t *testing.T, id string) []string {
	value, err := s.client.QueryWorkflow(s.ctx, id, "", "__temporal_workflow_metadata")
	require.NoError(t, err)
	var about sdk.WorkflowMetadata
	require.NoError(t, value.Get(&about))
	of := about.Definition
	var all []string
	for kind, list := range map[string][]*sdk.WorkflowInteractionDefinition{"query": of.QueryDefinitions, "signal": of.SignalDefinitions, "update": of.UpdateDefinitions} {
		for _, handler := range list {
			if !strings.HasPrefix(handler.Name, "__") { // the SDK's own
				all = append(all, kind+" "+of.Type+" "+handler.Name)
			}
		}
	}
	return all
}

// registered notes what is registered.
type registered struct{ names []string }

func (r *registered) RegisterWorkflow(any) { panic("a workflow without its contract name") }

func (r *registered) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	r.names = append(r.names, options.Name)
}

func (r *registered) RegisterDynamicWorkflow(any, workflow.DynamicRegisterOptions) {
	panic("a workflow without its contract name")
}

package workflows

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// shards answers evaluation shards and notes how many it had at once.
type shards struct {
	mu         sync.Mutex
	at, most   int
	asked      []t1.EvaluateShardInput
	summarized t1.SummarizeInput
	broken     int // shard that fails; -1 none
}

func (s *shards) EvaluateShard(_ context.Context, in t1.EvaluateShardInput) (t1.EvaluateShardOutput, error) {
	s.mu.Lock()
	s.at++
	s.most = max(s.most, s.at)
	s.asked = append(s.asked, in)
	s.mu.Unlock()
	time.Sleep(time.Duration(20-in.Shard) * time.Millisecond) // later shards end first
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at--
	if in.Shard == s.broken {
		return t1.EvaluateShardOutput{}, failing(t1.KindCorrupt, "bytes differ", "")
	}
	return t1.EvaluateShardOutput{Shard: ref(fmt.Sprint("s", in.Shard)), Cuts: ref(fmt.Sprint("c", in.Shard)), Seconds: 0.1}, nil
}

func (s *shards) Summarize(_ context.Context, in t1.SummarizeInput) (t1.EvaluationSummary, error) {
	s.summarized = in
	return t1.EvaluationSummary{Label: in.Evaluation.Label}, nil
}

func evaluateWith(s *shards, problems int) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(s.EvaluateShard, activity.RegisterOptions{Name: "EvaluateShard"})
	env.RegisterActivityWithOptions(s.Summarize, activity.RegisterOptions{Name: "Summarize"})
	spec := t1.EvaluationSpec{Problems: problems, ShardProblem: 10}
	env.ExecuteWorkflow(Evaluate, t1.EvaluateInput{Run: runName, Label: "7", Seq: 9, Spec: spec, Heartbeat: 60})
	return env
}

func TestEvaluateCoversEveryProblemOnceAndInOrder(t *testing.T) {
	s := &shards{broken: -1}
	env := evaluateWith(s, 95)
	require.NoError(t, env.GetWorkflowError())

	slices.SortFunc(s.asked, func(a, b t1.EvaluateShardInput) int { return a.Shard - b.Shard })
	next := 0
	for i, in := range s.asked {
		assert.Equal(t, i, in.Shard)
		assert.Equal(t, next, in.From)
		next = in.To
	}
	assert.Equal(t, 95, next)
	assert.Equal(t, pendingShards, s.most)
	for i := range 10 {
		assert.Equal(t, fmt.Sprint("s", i), s.summarized.Shards[i].Key)
		assert.Equal(t, fmt.Sprint("c", i), s.summarized.Cuts[i].Key)
	}
	assert.Less(t, s.summarized.Seconds, 1.0, "shards overlap: their times must not be summed up")
	value, err := env.QueryWorkflow(t1.QueryStatus)
	require.NoError(t, err)
	var status t1.Status
	require.NoError(t, value.Get(&status))
	assert.Equal(t, []int{10, 10}, []int{status.Done, status.Total})
}

func TestEvaluateFailsWithTheKindOfItsShard(t *testing.T) {
	s := &shards{broken: 1}
	env := evaluateWith(s, 200)
	kind, reason, final := failure(env.GetWorkflowError())
	assert.Equal(t, t1.KindCorrupt, kind)
	assert.Equal(t, "bytes differ", reason)
	assert.True(t, final)
	assert.Less(t, len(s.asked), 20, "no more is begun after a failure")
}

func TestFanOutReturnsTheErrorOfTheLowestNumber(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		return fanOut(ctx, 3, 3, func(ctx workflow.Context, i int) error {
			_ = workflow.Sleep(ctx, time.Duration(3-i)*time.Hour)
			return fmt.Errorf("number %d", i)
		})
	})
	assert.ErrorContains(t, env.GetWorkflowError(), "number 0")
}

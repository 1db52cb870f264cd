package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// desk is a small honest synthesizer: it keeps outcomes and finds them again.
// Every problem costs 1; those divisible by 3 are rejected.
type desk struct {
	mu        sync.Mutex
	plan      t1.SynthesisPlan
	fail      func(index int) error // nil, or asked before each problem
	outcomes  map[int]t1.SynthesizedProblem
	calls     map[int]int
	running   int
	most      int // problems at once
	assembled int
	dropped   int // rows that the assembly leaves out
}

func newDesk(problems, width, perFlow int, budget float64) *desk {
	return &desk{
		plan:     t1.SynthesisPlan{Problems: problems, Width: width, PerFlow: perFlow, Budget: budget},
		outcomes: map[int]t1.SynthesizedProblem{}, calls: map[int]int{},
	}
}

func (d *desk) OpenSynthesis(context.Context, t1.SynthesizeInput) (t1.SynthesisPlan, error) {
	return d.plan, nil
}

func (d *desk) SynthesizeProblem(_ context.Context, in t1.SynthesizeProblemInput) (t1.SynthesizedProblem, error) {
	d.mu.Lock()
	d.calls[in.Index]++
	d.running++
	d.most = max(d.most, d.running)
	fail := d.fail
	d.mu.Unlock()
	time.Sleep(2 * time.Millisecond) // so that problems overlap
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	if out, there := d.outcomes[in.Index]; there {
		return out, nil
	}
	if in.Found {
		return t1.SynthesizedProblem{Missing: true}, nil
	}
	if fail != nil && !in.Skip {
		if err := fail(in.Index); err != nil {
			return t1.SynthesizedProblem{}, err
		}
	}
	out := t1.SynthesizedProblem{Kept: true, Spent: t1.Spent{Calls: 4, TokensIn: 10, TokensOut: 20, Cost: 1}}
	switch {
	case in.Skip:
		out = t1.SynthesizedProblem{Reason: t1.RejectSkipped}
	case in.Index%3 == 0:
		out.Kept, out.Reason = false, t1.RejectNoTrial
	}
	d.outcomes[in.Index] = out
	return out, nil
}

func (d *desk) AssembleSynthesis(context.Context, t1.SynthesizeInput) (t1.SynthesisResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.assembled++
	result := t1.SynthesisResult{Problems: d.plan.Problems, Rejected: map[string]int{}, Unfinished: d.plan.Problems - len(d.outcomes)}
	for _, out := range d.outcomes {
		result.Spent = result.Spent.Plus(out.Spent)
		if out.Kept {
			result.Kept++
		} else {
			result.Rejected[out.Reason]++
		}
	}
	if d.dropped > 0 {
		result.Kept -= d.dropped
		result.Rejected[t1.RejectOverlap] += d.dropped
	}
	return result, nil
}

type synthesizeQueue struct{ t1.Synthesizer }

// refusing answers as a world does that refuses everything.
type refusing struct{ w *world }

func (r refusing) OpenSynthesis(_ context.Context, in t1.SynthesizeInput) (t1.SynthesisPlan, error) {
	return t1.SynthesisPlan{}, r.w.enter("OpenSynthesis", in)
}

func (r refusing) SynthesizeProblem(_ context.Context, in t1.SynthesizeProblemInput) (t1.SynthesizedProblem, error) {
	return t1.SynthesizedProblem{}, r.w.enter("SynthesizeProblem", in)
}

func (r refusing) AssembleSynthesis(_ context.Context, in t1.SynthesizeInput) (t1.SynthesisResult, error) {
	return t1.SynthesisResult{}, r.w.enter("AssembleSynthesis", in)
}

// synthesis drives Synthesize through its whole chain of executions.
type synthesis struct {
	t          *testing.T
	d          *desk
	env        testEnvironment
	executions int
	rejected   []error
	status     t1.SynthesisStatus                       // after the last execution
	watch      func(s *synthesis, t t1.SynthesisStatus) // called every hour
}

func (s *synthesis) run() (t1.SynthesisResult, error) {
	var carried *SynthesisCarried
	for s.executions < 50 {
		s.executions++
		var suite testsuite.WorkflowTestSuite
		s.env = suite.NewTestWorkflowEnvironment()
		s.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: t1.SynthesisID("s"), TaskQueue: t1.QueueControl})
		s.env.SetWorkerOptions(worker.Options{WorkflowPanicPolicy: worker.FailWorkflow})
		s.env.SetTestTimeout(20 * time.Second)
		Register(s.env)
		s.env.RegisterActivity(&synthesizeQueue{s.d})
		s.look()
		s.env.ExecuteWorkflow(t1.WorkflowSynthesize, t1.SynthesizeInput{Name: "s"}, carried)
		require.True(s.t, s.env.IsWorkflowCompleted())
		err := s.env.GetWorkflowError()
		var next *workflow.ContinueAsNewError
		if !errors.As(err, &next) {
			s.status = s.now()
			var out t1.SynthesisResult
			if err == nil {
				require.NoError(s.t, s.env.GetWorkflowResult(&out))
			}
			return out, err
		}
		carried = &SynthesisCarried{}
		var in t1.SynthesizeInput
		require.NoError(s.t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in, carried))
		require.Equal(s.t, "s", in.Name)
	}
	s.t.Fatal("the synthesis goes round for ever")
	return t1.SynthesisResult{}, nil
}

func (s *synthesis) now() (status t1.SynthesisStatus) {
	value, err := s.env.QueryWorkflow(t1.QueryStatus)
	require.NoError(s.t, err)
	require.NoError(s.t, value.Get(&status))
	return status
}

// look calls watch every hour of the workflow's time, while it rests.
func (s *synthesis) look() {
	if s.watch == nil {
		return
	}
	var again func()
	again = func() {
		s.watch(s, s.now())
		s.env.RegisterDelayedCallback(again, time.Hour)
	}
	s.env.RegisterDelayedCallback(again, time.Hour)
}

func (s *synthesis) ask(update string, input ...string) {
	var args []any
	for _, in := range input {
		args = append(args, json.RawMessage(in))
	}
	s.env.UpdateWorkflow(update, "", &testsuite.TestUpdateCallback{
		OnReject:   func(err error) { s.rejected = append(s.rejected, err) },
		OnAccept:   func() {},
		OnComplete: func(_ any, err error) { require.NoError(s.t, err) },
	}, args...)
}

func TestSynthesizeGoesThroughEveryProblemOnce(t *testing.T) {
	for _, perFlow := range []int{1000, 7, 1} {
		d := newDesk(20, 4, perFlow, 0)
		s := &synthesis{t: t, d: d}
		out, err := s.run()
		require.NoError(t, err)
		assert.Equal(t, t1.SynthesisResult{
			Problems: 20, Kept: 13, Rejected: map[string]int{t1.RejectNoTrial: 7},
			Spent: t1.Spent{Calls: 80, TokensIn: 200, TokensOut: 400, Cost: 20},
		}, out)
		assert.Equal(t, map[int]int{1000: 1, 7: 3, 1: 20}[perFlow], s.executions)
		assert.LessOrEqual(t, d.most, 4)
		for i := range 20 {
			assert.Equal(t, 1, d.calls[i], "problem %d", i)
		}
		assert.Equal(t, t1.PhaseDone, s.status.Phase)
		assert.Equal(t, 20, s.status.Done)
		assert.Equal(t, 13, s.status.Kept)
		assert.Equal(t, out.Spent, s.status.Spent)
		assert.Equal(t, &out, s.status.Result)
	}
}

// What only the end leaves out is counted in the status too.
func TestSynthesizeCountsWhatTheEndLeavesOut(t *testing.T) {
	d := newDesk(20, 4, 1000, 0)
	d.dropped = 2
	s := &synthesis{t: t, d: d}
	_, err := s.run()
	require.NoError(t, err)
	assert.Equal(t, 11, s.status.Kept)
	assert.Equal(t, map[string]int{t1.RejectNoTrial: 7, t1.RejectOverlap: 2}, s.status.Rejected)
}

func TestSynthesizeUsesItsWidth(t *testing.T) {
	d := newDesk(40, 4, 1000, 0)
	_, err := (&synthesis{t: t, d: d}).run()
	require.NoError(t, err)
	assert.Equal(t, 4, d.most)
}

func TestSynthesizeParksOnItsBudget(t *testing.T) {
	for _, perFlow := range []int{1000, 3} {
		d := newDesk(20, 2, perFlow, 5)
		s := &synthesis{t: t, d: d}
		var parked *t1.Parked
		var atPark t1.SynthesisStatus
		s.watch = func(s *synthesis, status t1.SynthesisStatus) {
			if status.Parked == nil || parked != nil {
				return
			}
			parked, atPark = status.Parked, status
			s.ask(t1.UpdateResolve, `{"action":"retry"}`)              // the same budget: refused
			s.ask(t1.UpdateResolve, `{"action":"skip","budget":100}`)  // nothing failed: refused
			s.ask(t1.UpdateResolve, `{"action":"retry","budgett":99}`) // refused
			s.ask(t1.UpdateResolve, `{"action":"retry","budget":100}`)
		}
		out, err := s.run()
		require.NoError(t, err)
		require.NotNil(t, parked)
		assert.Equal(t, t1.KindBudget, parked.Kind)
		assert.Contains(t, parked.Reason, "the budget of 5 is spent")
		assert.Contains(t, parked.Command, "--workflow-id synthesis/s --name resolve")
		assert.Equal(t, t1.PhaseParked, atPark.Phase)
		assert.GreaterOrEqual(t, atPark.Spent.Cost, 5.0)
		assert.Less(t, atPark.Spent.Cost, 5.0+2, "no more than the width over the budget")
		assert.Len(t, s.rejected, 3)
		assert.Equal(t, 13, out.Kept)
		assert.Equal(t, 100.0, s.status.Budget)
	}
}

// What is there costs nothing: a budget that is spent keeps nobody from it.
func TestSynthesizeStartsAgainWithoutMoney(t *testing.T) {
	d := newDesk(20, 2, 1000, 0)
	first, err := (&synthesis{t: t, d: d}).run()
	require.NoError(t, err)
	d.plan.Budget = 5
	s := &synthesis{t: t, d: d}
	again, err := s.run()
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, t1.PhaseDone, s.status.Phase)
}

func TestSynthesizeParksOnARefusalAndGoesOn(t *testing.T) {
	for _, action := range []string{"retry", "skip"} {
		d := newDesk(12, 3, 1000, 0)
		var mended bool
		d.fail = func(index int) error {
			if index >= 4 && index <= 5 && !mended {
				return failing(t1.KindInvalid, `endpoint "strong" answered 401 Unauthorized`, "put a valid key into STRONG_API_KEY")
			}
			return nil
		}
		s := &synthesis{t: t, d: d}
		var reason string
		s.watch = func(s *synthesis, status t1.SynthesisStatus) {
			if status.Parked != nil && reason == "" {
				reason = status.Parked.Reason
				mended = action == "retry"
				s.ask(t1.UpdateResolve, `{"action":"`+action+`"}`)
			}
		}
		out, err := s.run()
		require.NoError(t, err)
		assert.Equal(t, `endpoint "strong" answered 401 Unauthorized. Try: put a valid key into STRONG_API_KEY`, reason)
		assert.Nil(t, s.status.Parked)
		assert.Equal(t, 12, s.status.Done)
		if action == "retry" {
			assert.Equal(t, 8, out.Kept)
		} else {
			assert.Positive(t, out.Rejected[t1.RejectSkipped])
			assert.Equal(t, 12, out.Kept+out.Rejected[t1.RejectSkipped]+out.Rejected[t1.RejectNoTrial])
		}
	}
}

func TestSynthesizePausesAndStops(t *testing.T) {
	d := newDesk(30, 2, 1000, 0)
	s := &synthesis{t: t, d: d}
	paused := 0
	d.fail = func(index int) error {
		if index == 10 && paused == 0 {
			s.env.RegisterDelayedCallback(func() { s.ask(t1.UpdatePause) }, 0)
		}
		return nil
	}
	s.watch = func(s *synthesis, status t1.SynthesisStatus) {
		if status.Phase != t1.PhasePaused {
			return
		}
		paused++
		assert.Zero(t, status.Running)
		s.ask(t1.UpdatePause) // refused: it is
		if paused == 2 {
			s.ask(t1.UpdateStop)
		}
	}
	out, err := s.run()
	require.NoError(t, err)
	assert.Equal(t, 2, paused, "it rests until it is told")
	assert.NotEmpty(t, s.rejected)
	assert.Equal(t, t1.PhaseStopped, s.status.Phase)
	assert.Positive(t, out.Unfinished)
	assert.Equal(t, 30, out.Kept+out.Rejected[t1.RejectNoTrial]+out.Unfinished)
	done := make([]int, 0, len(d.outcomes))
	for i := range d.outcomes {
		done = append(done, i)
	}
	slices.Sort(done)
	for i, index := range done {
		assert.Equal(t, i, index, "problems are begun in order")
	}
	assert.Equal(t, 1, d.assembled)
}

func TestSynthesizeStopsWhileParked(t *testing.T) {
	d := newDesk(9, 2, 1000, 0)
	d.fail = func(index int) error {
		if index == 3 {
			return failing(t1.KindInvalid, "refused", "")
		}
		return nil
	}
	s := &synthesis{t: t, d: d}
	s.watch = func(s *synthesis, status t1.SynthesisStatus) {
		if status.Parked != nil {
			s.ask(t1.UpdateResume) // refused: parked is not paused
			s.ask(t1.UpdateStop)
		}
	}
	out, err := s.run()
	require.NoError(t, err)
	assert.Len(t, s.rejected, 1)
	assert.Equal(t, t1.PhaseStopped, s.status.Phase)
	assert.Equal(t, 9, out.Unfinished+out.Kept+out.Rejected[t1.RejectNoTrial])
	assert.Positive(t, out.Unfinished)
}

package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"t1"
)

func TestARunGoesThroughEveryPhase(t *testing.T) {
	w := newWorld(smallSpec(3))
	d, out := complete(t, w)

	assert.Equal(t, Outcome{
		Run: runName, Phase: t1.PhaseDone, Seq: 5, State: w.steps[5].State, Policy: w.steps[5].Policy,
		Iteration: 3, Iterations: 3, Evaluations: out.Evaluations,
	}, out)
	assert.Equal(t, map[int]string{0: "init", 1: "sft", 2: "sft", 3: "update", 4: "update", 5: "update"}, w.kinds)
	assert.Equal(t, []int{2, 5}, w.snapshots, "the fine-tuned state and the last one")
	assert.Equal(t, []string{"sft@2", "3@5"}, labels(out.Evaluations))
	assert.Equal(t, t1.PhaseDone, d.status.Phase)
	assert.Equal(t, 40, d.status.PoolSize)
	assert.Equal(t, w.steps[5].Metrics, d.status.Metrics)
	assert.Equal(t, 1, d.executions)
}

func TestEveryEvaluationIsAnsweredFromTheFineTunedPolicy(t *testing.T) {
	for model, want := range map[string]int{"sft": 2, "policy": 5} {
		w := newWorld(smallSpec(3))
		w.spec.Evaluation.Scaling.SummaryModel = model
		complete(t, w)
		last := w.summarized[len(w.summarized)-1]
		assert.Equal(t, w.steps[5].Policy, last.Policy, model)
		assert.Equal(t, w.steps[want].Policy, last.Summary, model)
		assert.Equal(t, w.spec.Resources.HeartbeatTimeout, last.Heartbeat, model)
	}
}

// Suites are measured beside the held-out problems, each once a policy, in order;
// one that a person skips stops neither the others nor the run.
func TestSuitesAreMeasuredBesideTheHeldOutProblems(t *testing.T) {
	w := newWorld(smallSpec(3))
	w.spec.Evaluation.Suites = []string{"math500@d", "aime24@d"}
	d, _ := complete(t, w)

	var ordered, measured []string
	for _, in := range w.ordered {
		ordered = append(ordered, fmt.Sprintf("%s %d %v", in.Suite, in.Seq, in.Policy == w.steps[in.Seq].Policy))
	}
	assert.Equal(t, []string{"math500@d 2 true", "aime24@d 2 true", "math500@d 5 true", "aime24@d 5 true"}, ordered)
	for _, in := range w.summarized {
		measured = append(measured, fmt.Sprint(in.Suite, " ", in.Seq, " ", in.Order != ""))
	}
	assert.Equal(t, []string{"held-out 2 false", "math500@d 2 true", "aime24@d 2 true", "held-out 5 false", "math500@d 5 true", "aime24@d 5 true"}, measured)
	assert.Equal(t, []string{"sft@2", "3@5"}, labels(d.status.Evaluations), "the run carries what it is compared by")
}

func TestTheImportedSummaryModelIsNamed(t *testing.T) {
	w := newWorld(smallSpec(3))
	w.spec.Evaluation.Scaling.SummaryModel = "model:abc"
	complete(t, w)
	for _, in := range w.summarized {
		assert.Equal(t, "abc", in.SummaryModel)
		assert.Empty(t, in.Summary)
	}
}

func TestUpdatesTrainOnWhatWasSampledAndScored(t *testing.T) {
	w := newWorld(smallSpec(3))
	w.spec.RL.BlockPrompts = 4
	complete(t, w)

	for i, u := range w.updates {
		assert.Equal(t, i+1, u.Iteration)
		assert.Equal(t, w.steps[u.Seq-1].State, u.Parent)
		assert.Equal(t, ref(t1.ScoresKey(runName, u.Iteration), u.Rollouts), u.Scores)
		assert.Equal(t, t1.IterationTimings{SampleSeconds: 13, EngineSample: 38, SampleTokens: 4 * 123456, ScoreSeconds: 2.5}, u.Observed)
		var keys []string
		for _, r := range u.Rollouts {
			keys = append(keys, r.Key)
		}
		var want []string
		for shard := range 4 {
			want = append(want, t1.BlockKey(runName, u.Iteration, shard, 0), t1.BlockKey(runName, u.Iteration, shard, 1))
		}
		assert.Equal(t, want, keys, "in shard and block order, whichever shard ended first")
	}
	assert.Equal(t, drawnBy(w, 2), t1.DrawBatch(w.spec.Seed, 2, w.pool, w.spec.RL.Prompts))
}

// drawnBy puts together what an iteration's shards sampled.
func drawnBy(w *world, iteration int) []int {
	byShard := map[int][]int{}
	for _, s := range w.samples {
		if s.Iteration == iteration {
			byShard[s.Shard] = s.Problems
		}
	}
	var all []int
	for shard := range len(byShard) {
		all = append(all, byShard[shard]...)
	}
	return all
}

// The chain of records must not depend on where an execution ended.
func TestContinueAsNewChangesNothing(t *testing.T) {
	one := newWorld(smallSpec(7))
	one.spec.SnapshotEvery, one.spec.Evaluation.Every = 3, 2
	_, want := complete(t, one)

	for name, c := range map[string]struct {
		perRun int
		setup  func(testEnvironment)
		atMost int
	}{
		"every iteration":   {1, nil, 8},
		"every 3":           {3, nil, 4},
		"suggested":         {1000, func(env testEnvironment) { env.SetContinueAsNewSuggested(true) }, 30},
		"a worker's update": {1000, func(env testEnvironment) { env.SetTargetWorkerDeploymentVersionChanged(true) }, 30},
	} {
		t.Run(name, func(t *testing.T) {
			many := newWorld(one.spec)
			many.spec.RL.IterationsPerFlow = c.perRun
			d := &drive{t: t, w: many, setup: c.setup}
			got, err := d.run()
			require.NoError(t, err)
			assert.Greater(t, d.executions, 2)
			assert.LessOrEqual(t, d.executions, c.atMost)
			assert.Equal(t, one.chain(), many.chain())
			assert.Equal(t, want, got)
			assert.Equal(t, one.snapshots, many.snapshots)
			assert.Equal(t, one.summarized, many.summarized)
			assert.Equal(t, one.collected, many.collected)
			assert.Equal(t, one.calls, many.calls, "nothing is done twice")
		})
	}
}

func TestStartedAgainUnderTheSameNameARunFindsEverything(t *testing.T) {
	w := newWorld(smallSpec(3))
	_, first := complete(t, w)
	chain := w.chain()
	_, second := complete(t, w)
	assert.Equal(t, first, second)
	assert.Equal(t, chain, w.chain())
}

func TestAWrongSpecFailsAtOnceWithEveryMistake(t *testing.T) {
	for _, kind := range []t1.Kind{t1.KindInvalid, t1.KindConflict} {
		w := newWorld(smallSpec(3))
		w.fail = func(string, any) error {
			return failing(kind, "rl.k is 1, must be at least 2\nseed is -1, must be at least 0", "t1 validate spec.yaml")
		}
		d := &drive{t: t, w: w}
		_, err := d.run()
		var application *temporal.ApplicationError
		require.True(t, errors.As(err, &application))
		assert.Equal(t, string(kind), application.Type())
		assert.Equal(t, "rl.k is 1, must be at least 2\nseed is -1, must be at least 0. Try: t1 validate spec.yaml", application.Message())
		assert.Equal(t, map[string]int{"ResolveSpec": 1}, w.calls)
	}
}

func TestEvaluationsComeWhenTheSpecSays(t *testing.T) {
	for name, c := range map[string]struct {
		at    []float64
		every int
		want  []string
	}{
		"the paper's":           {[]float64{0.3, 0.6, 0.9, 1}, 0, []string{"sft@2", "3@5", "6@8", "9@11", "10@12"}},
		"shares round":          {[]float64{0.04, 0.56}, 0, []string{"sft@2", "1@3", "6@8", "10@12"}},
		"every 4":               {nil, 4, []string{"sft@2", "4@6", "8@10", "10@12"}},
		"both, and never twice": {[]float64{0.4, 1}, 5, []string{"sft@2", "4@6", "5@7", "10@12"}},
		"only the ends":         {nil, 0, []string{"sft@2", "10@12"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(smallSpec(10))
			w.spec.Evaluation.At, w.spec.Evaluation.Every = c.at, c.every
			_, out := complete(t, w)
			assert.Equal(t, c.want, labels(out.Evaluations))
		})
	}
}

func labels(evaluations []t1.EvaluationSummary) []string {
	var out []string
	for _, e := range evaluations {
		out = append(out, fmt.Sprintf("%s@%d", e.Label, e.Seq))
	}
	return out
}

func TestSnapshotsFollowTheirCadenceAndAreCollectedAfter(t *testing.T) {
	w := newWorld(smallSpec(10))
	w.traces, w.spec.SnapshotEvery, w.spec.Evaluation.At = 250, 3, []float64{0.5}
	_, out := complete(t, w) // records: 0, sft 1 to 5, updates 6 to 15

	assert.Equal(t, []int{3, 5, 6, 9, 12, 15}, w.snapshots, "every 3 records, and after the supervised steps")
	var at []int
	for _, c := range w.collected {
		at = append(at, c.Seq)
		assert.GreaterOrEqual(t, c.Newest, 1)
	}
	assert.Equal(t, []int{4, 6, 7, 11, 13, 15}, at, "once a snapshot, at the next record that is not evaluated; at the last for both")
	last := w.collected[len(w.collected)-1]
	assert.Equal(t, []t1.Digest{w.steps[5].Policy, w.steps[10].Policy, out.Policy}, last.Keep, "what was evaluated, and what answers")
}

// A run's state over continue-as-new stays small, however long the run.
func TestTheCarriedStateIsBounded(t *testing.T) {
	w := newWorld(smallSpec(1000))
	w.spec.RL.Shards, w.spec.Evaluation.Problems, w.spec.Evaluation.Every = 1, 8, 10
	w.spec.Evaluation.At = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}
	w.spec.RL.IterationsPerFlow = 100
	d, out := complete(t, w)

	require.Len(t, d.carried, 9)
	lr := 1.234567890123e-6
	c := d.carried[8]
	c.Status.Steered = t1.Steering{LearningRate: &lr, Temperature: &lr, Beta: &lr, Alpha: &lr, EvaluateEvery: &c.Status.Seq}
	c.Status.Parked = &t1.Parked{Reason: strings.Repeat("x", 1000), Command: strings.Repeat("x", 200)}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	t.Logf("carried: %d bytes", len(text))
	assert.Less(t, len(text), 10_000)
	assert.Len(t, out.Evaluations, keptEvaluations)
	assert.Equal(t, "sft", out.Evaluations[0].Label, "the baseline is never dropped")
	assert.Equal(t, "1000", out.Evaluations[keptEvaluations-1].Label)
}

func TestStateOfANewerSchemaIsNotTouched(t *testing.T) {
	d := &drive{t: t, w: newWorld(smallSpec(1))}
	env := d.newEnvironment()
	env.ExecuteWorkflow(t1.WorkflowTrain, emptySpec, &Carried{Schema: carriedSchema + 1})
	assert.ErrorContains(t, env.GetWorkflowError(), "deploy a newer t1")
	assert.Empty(t, d.w.calls)
}

// A field that is added must not make states that are under way unreadable.
func TestTheFirstSchemaIsStillRead(t *testing.T) {
	var c Carried
	require.NoError(t, json.Unmarshal([]byte(`{"schema":1,"status":{"run":"demo","phase":"rl","seq":4,"state":"ab","policy":"cd","iteration":2},
		"spec":{"version":1},"steps":4,"trained":4,"finetuned":"ef","drawn":{"iteration":2,"temperature":1.2},
		"snapshot":2,"collected":2,"evaluated":2,"snapshot_asked":true,"evaluation_asked":true,"skippable":true}`), &c))
	want := Carried{
		Schema: 1, Status: t1.Status{Run: "demo", Phase: "rl", Seq: 4, State: "ab", Policy: "cd", Iteration: 2}, Spec: t1.DefaultSpec(), // what a spec lacks came later, and has its default
		Steps: 4, Trained: 4, FineTuned: "ef", Drawn: Drawn{Iteration: 2, Temperature: 1.2}, Snapshot: 2, Collected: 2, Evaluated: 2,
		SnapshotAsked: true, EvaluationAsked: true, Skippable: true,
	}
	assert.Equal(t, want, c)
}

func TestStatusCountsTheUnitsOfEachPhase(t *testing.T) {
	w := newWorld(smallSpec(2))
	w.spec.Evaluation.Every = 1
	d := &drive{t: t, w: w}
	var seen []string
	d.before = func(m moment) {
		s := d.now()
		line := fmt.Sprintf("%s %d/%d", s.Phase, s.Done, s.Total)
		if s.Phase == t1.PhasePool { // its shards end in any order
			line = fmt.Sprintf("%s /%d", s.Phase, s.Total)
		}
		if len(seen) == 0 || seen[len(seen)-1] != line {
			seen = append(seen, line)
		}
	}
	_, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, []string{
		"starting 0/0", "sft 0/4", "sft 2/4", "sft 4/4", "evaluating 0/7", "pool /16",
		"rl 0/2", "evaluating 0/7", "rl 1/2", "evaluating 2/2", "evaluating 0/7", "evaluating 2/2",
	}, seen)
	assert.Equal(t, []int{2, 2}, []int{d.status.Done, d.status.Total})
}

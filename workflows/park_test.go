package workflows

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"t1"
)

// broken fails an activity until it is mended; n is its iteration or record.
type broken struct {
	activity string
	n        int
	err      error
}

func (b *broken) in(w *world) *broken {
	w.fail = func(activity string, in any) error {
		var n int
		switch in := in.(type) {
		case t1.FineTuneInput:
			n = in.Seq
		case t1.SnapshotInput:
			n = in.Seq
		case t1.CollectInput:
			n = in.Seq
		case t1.SampleInput:
			n = in.Iteration
		case t1.ScoreInput:
			n = in.Iteration
		case t1.UpdateInput:
			n = in.Iteration
		case t1.EvaluateShardInput:
			n = in.Evaluation.Seq
		case t1.SummarizeInput:
			n = in.Evaluation.Seq
		default:
			n = 0
		}
		if b.err != nil && activity == b.activity && n == b.n {
			return b.err
		}
		return nil
	}
	return b
}

// answer looks every hour whether the run is parked, keeps its status and asks.
func answer(d *drive, ask func(t1.Status)) {
	d.setup = watch(d, func() {
		if s := d.now(); s.Phase == t1.PhaseParked {
			ask(s)
		}
	})
}

func TestAFailingStepParksAndRetryGoesOn(t *testing.T) {
	for _, c := range []struct {
		activity string
		n        int
		step     string
	}{
		{"ResolveSpec", 0, "reading the spec"},
		{"Prepare", 0, "preparing data and model"},
		{"FineTune", 2, "supervised steps 3 to 4 of 4"},
		{"Snapshot", 2, "snapshot after record 2"},
		{"Collect", 3, "collecting garbage before record 2"},
		{"EvaluateShard", 2, "evaluation of sft, record 2"},
		{"Summarize", 2, "evaluation of sft, record 2"},
		{"Sample", t1.PoolIteration, "choosing the prompt pool"},
		{"SelectPool", 0, "choosing the prompt pool"},
		{"Sample", 2, "iteration 2 of 3"},
		{"Score", 2, "iteration 2 of 3"},
		{"Update", 3, "iteration 3 of 3"},
		{"Snapshot", 5, "snapshot after record 5"},
		{"Summarize", 5, "evaluation of 3, record 5"},
	} {
		t.Run(fmt.Sprintf("%s %d", c.activity, c.n), func(t *testing.T) {
			w := newWorld(smallSpec(3))
			b := (&broken{c.activity, c.n, failing(t1.KindDiskFull, "no room in /var/t1", "free some")}).in(w)
			d := &drive{t: t, w: w}
			var parked t1.Status
			answer(d, func(s t1.Status) {
				parked, b.err = s, nil
				d.ask(t1.UpdateResolve, `{"action":"retry"}`)
			})
			out, err := d.run()
			require.NoError(t, err)

			require.NotNil(t, parked.Parked)
			_, err = time.Parse(time.RFC3339, parked.Parked.Since)
			assert.NoError(t, err)
			parked.Parked.Since = ""
			assert.Equal(t, &t1.Parked{
				Step: c.step, Kind: t1.KindDiskFull, Reason: "no room in /var/t1. Try: free some",
				Command: `temporal workflow update execute --workflow-id demo --name resolve --input '{"action":"retry"}'`,
			}, parked.Parked)
			assert.Nil(t, d.status.Parked)
			undisturbed := newWorld(w.spec)
			_, want := complete(t, undisturbed)
			assert.Equal(t, undisturbed.chain(), w.chain())
			assert.Equal(t, want, out)
		})
	}
}

func TestOnlySoManyAttemptsAreMadeOfWhatKeepsFailing(t *testing.T) {
	for kind, want := range map[t1.Kind]int{
		t1.KindNumeric: 1, t1.KindSamplerGap: 1, t1.KindInternal: 10, t1.KindStateMismatch: 10, t1.KindUnavailable: 80, t1.KindPreempted: 500,
	} {
		w := newWorld(smallSpec(3))
		(&broken{"Update", 1, failing(kind, "no", "")}).in(w)
		d := &drive{t: t, w: w}
		answer(d, func(t1.Status) { d.ask(t1.UpdateResolve, `{"action":"abort"}`) })
		out, err := d.run()
		require.NoError(t, err)
		assert.Equal(t, t1.PhaseStopped, out.Phase)
		assert.Equal(t, want, w.calls["Update"], kind)
	}
}

func TestAFailureOfUnknownOriginIsInternal(t *testing.T) {
	w := newWorld(smallSpec(1))
	(&broken{"Score", 1, fmt.Errorf("boom")}).in(w)
	d := &drive{t: t, w: w}
	var parked t1.Status
	answer(d, func(s t1.Status) {
		parked = s
		d.ask(t1.UpdateResolve, `{"action":"abort"}`)
	})
	_, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, t1.KindInternal, parked.Parked.Kind)
	assert.Equal(t, "boom", parked.Parked.Reason)
}

func TestASkippedIterationLeavesNoRecord(t *testing.T) {
	w := newWorld(smallSpec(4))
	(&broken{"Update", 2, failing(t1.KindNumeric, "the loss is not finite", "")}).in(w)
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) { d.ask(t1.UpdateResolve, `{"action":"skip"}`) })
	out, err := d.run()
	require.NoError(t, err)

	var iterations, seqs []int
	for _, u := range w.updates {
		iterations, seqs = append(iterations, u.Iteration), append(seqs, u.Seq)
	}
	assert.Equal(t, []int{1, 3, 4}, iterations)
	assert.Equal(t, []int{3, 4, 5}, seqs)
	assert.Equal(t, w.steps[3].State, w.updates[1].Parent)
	assert.Equal(t, 4, out.Iteration)
	assert.Equal(t, t1.PhaseDone, out.Phase)
}

func TestASkippedEvaluationIsNotAskedForAgain(t *testing.T) {
	w := newWorld(smallSpec(4))
	w.spec.Evaluation.Every = 2
	(&broken{"EvaluateShard", 4, failing(t1.KindCorrupt, "bytes differ", "")}).in(w)
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) { d.ask(t1.UpdateResolve, `{"action":"skip"}`) })
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, []string{"sft@2", "4@6"}, labels(out.Evaluations))
}

// A suite that is skipped leaves the others, and the held-out problems are not
// measured again for it.
func TestASkippedSuiteIsTheOnlyOneMissing(t *testing.T) {
	w := newWorld(smallSpec(2))
	w.spec.Evaluation.Suites = []string{"math500", "aime24"}
	w.fail = func(_ string, in any) error {
		if suite, is := in.(t1.OrderSuiteInput); is && suite.Suite == "math500" && suite.Seq == 2 {
			return failing(t1.KindNotFound, "it is gone", "")
		}
		return nil
	}
	d := &drive{t: t, w: w}
	answer(d, func(s t1.Status) {
		assert.Equal(t, "evaluation of sft on math500, record 2", s.Parked.Step)
		d.ask(t1.UpdateResolve, `{"action":"skip"}`)
	})
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, []string{"sft@2", "2@4"}, labels(out.Evaluations))
	var measured []string
	for _, in := range w.summarized {
		measured = append(measured, fmt.Sprint(in.Suite, "@", in.Seq))
	}
	assert.Equal(t, []string{"held-out@2", "aime24@2", "held-out@4", "math500@4", "aime24@4"}, measured)
}

func TestAbortEndsTheRunWhereItIs(t *testing.T) {
	w := newWorld(smallSpec(4))
	(&broken{"Update", 2, failing(t1.KindNumeric, "the loss is not finite", "")}).in(w)
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) { d.ask(t1.UpdateResolve, `{"action":"abort"}`) })
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, t1.PhaseStopped, out.Phase)
	assert.Equal(t, 1, out.Iteration)
	assert.Equal(t, w.steps[3].State, out.State)
	assert.Equal(t, []int{2}, w.snapshots, "what fails is not asked for more")
}

func TestAbortIsNeverASuccess(t *testing.T) {
	w := newWorld(smallSpec(2))
	(&broken{"Snapshot", 4, failing(t1.KindDiskFull, "no room", "")}).in(w)
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) { d.ask(t1.UpdateResolve, `{"action":"abort"}`) })
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, 2, out.Iteration)
	assert.Equal(t, t1.PhaseStopped, out.Phase)
}

func TestResolveIsCheckedBeforeItCounts(t *testing.T) {
	w := newWorld(smallSpec(2))
	b := (&broken{"FineTune", 1, failing(t1.KindOutOfMemory, "no", "")}).in(w)
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) {
		b.err = nil
		d.ask(t1.UpdateResolve)
		d.ask(t1.UpdateResolve, `{"action":"rety"}`)
		d.ask(t1.UpdateResolve, `{"action":"retry","now":true}`)
		d.ask(t1.UpdateResolve, `{"action":"skip"}`)
		d.ask(t1.UpdateStop)
		d.ask(t1.UpdateResolve, `{"action":"retry"}`)
	})
	_, err := d.run()
	require.NoError(t, err)
	for i, want := range []string{
		"the input is missing", `action is "rety", must be retry, resample, skip or abort`, `unknown field "now"`,
		`"supervised steps 1 to 2 of 4" cannot be skipped`, "the run is parked: end it with the update resolve",
	} {
		assert.ErrorContains(t, d.replies[i].rejected, want)
	}
	assert.NoError(t, d.replies[5].rejected)
}

// A person may lower the learning rate of the step that failed. The rollouts are
// there already: the record must state the temperature they were sampled at.
func TestSetBeforeRetryChangesTheStepButNotItsSampling(t *testing.T) {
	w := newWorld(smallSpec(3))
	b := (&broken{"Update", 2, failing(t1.KindNumeric, "the loss is not finite", "")}).in(w)
	d := &drive{t: t, w: w}
	answer(d, func(t1.Status) {
		b.err = nil
		d.ask(t1.UpdateSet, `{"learning_rate":1e-7,"temperature":0.5}`)
		d.ask(t1.UpdateResolve, `{"action":"retry"}`)
	})
	_, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, 1e-7, w.updates[1].Hyper.LearningRate)
	assert.Equal(t, w.spec.RL.Temperature, w.updates[1].Hyper.Temperature)
	assert.Equal(t, 0.5, w.updates[2].Hyper.Temperature)
	for _, s := range w.samples {
		if s.Iteration == 2 {
			assert.Equal(t, w.spec.RL.Temperature, s.Temperature)
		}
	}
}

func TestAPoolTooSmallForABatchParksWithWhatToChange(t *testing.T) {
	for _, size := range []int{0, 31} {
		w := newWorld(smallSpec(3))
		w.pool = size
		d := &drive{t: t, w: w}
		var parked t1.Status
		answer(d, func(s t1.Status) {
			parked = s
			d.ask(t1.UpdateResolve, `{"action":"skip"}`)
			d.ask(t1.UpdateResolve, `{"action":"abort"}`)
		})
		out, err := d.run()
		require.NoError(t, err)
		assert.Equal(t, t1.KindInvalid, parked.Parked.Kind)
		assert.Contains(t, parked.Parked.Reason, fmt.Sprintf("%d of the 100 problems tried have a pass rate inside the open interval 0 to 0.3, fewer than the 32 prompts", size))
		assert.Contains(t, parked.Parked.Reason, "a wider pool.pass_rate, more pool.problems or fewer rl.prompts")
		assert.ErrorContains(t, d.replies[0].rejected, "cannot be skipped")
		assert.Equal(t, t1.PhaseStopped, out.Phase)
		assert.Zero(t, w.calls["Update"])
	}
}

// A run can be parked for weeks, and get more updates than a history holds.
func TestAParkedRunStaysParkedOverContinueAsNew(t *testing.T) {
	for _, c := range []struct {
		activity string
		n        int
	}{{"Update", 2}, {"Snapshot", 2}, {"EvaluateShard", 2}, {"FineTune", 2}, {"SelectPool", 0}} {
		t.Run(c.activity, func(t *testing.T) {
			w := newWorld(smallSpec(3))
			b := (&broken{c.activity, c.n, failing(t1.KindNumeric, "no", "")}).in(w)
			d := &drive{t: t, w: w}
			var failed, executions int
			look := watch(d, func() {
				s := d.now()
				switch {
				case s.Phase != t1.PhaseParked:
				case executions == 0: // an update, then a full history
					failed, executions = w.calls[c.activity], d.executions
					d.ask(t1.UpdateSet, `{"alpha":0.5}`)
					d.env.RegisterDelayedCallback(func() { d.env.SetContinueAsNewSuggested(true) }, time.Minute)
				case d.executions > executions:
					assert.Equal(t, failed, w.calls[c.activity], "it is not tried again without a person")
					assert.Equal(t, "no", s.Parked.Reason)
					b.err = nil
					d.ask(t1.UpdateResolve, `{"action":"retry"}`)
				}
			})
			d.setup = look
			d.before = func(moment) {
				if s := d.now(); s.Parked == nil {
					assert.NotContains(t, []string{t1.PhaseParked, t1.PhasePaused}, s.Phase)
				}
			}
			out, err := d.run()
			require.NoError(t, err)
			assert.Equal(t, 2, d.executions)
			assert.Equal(t, t1.PhaseDone, out.Phase)
			assert.Equal(t, 5, out.Seq)
			assert.Equal(t, 0.5, *d.status.Steered.Alpha)
		})
	}
}

func TestCancellingARunEndsItWithoutParking(t *testing.T) {
	w := newWorld(smallSpec(3))
	d := &drive{t: t, w: w}
	d.before = at("Score", 2, func() { d.env.CancelWorkflow() })
	_, err := d.run()
	assert.ErrorContains(t, err, "canceled")
	assert.Nil(t, d.status.Parked)
	assert.Len(t, w.updates, 1)
}

// The answer is for the step that parked, even where a new execution has
// something else to do first.
func TestAnAnswerGoesToTheStepThatAsked(t *testing.T) {
	w := newWorld(smallSpec(3))
	w.spec.Evaluation.Every = 1
	(&broken{"EvaluateShard", 3, failing(t1.KindCorrupt, "bytes differ", "")}).in(w)
	d := &drive{t: t, w: w}
	asked := false
	d.setup = watch(d, func() {
		switch s := d.now(); {
		case s.Phase != t1.PhaseParked:
		case !asked:
			asked = true
			d.ask(t1.UpdateSnapshot)
			d.env.RegisterDelayedCallback(func() { d.env.SetContinueAsNewSuggested(true) }, time.Minute)
		case d.executions == 2:
			d.ask(t1.UpdateResolve, `{"action":"skip"}`)
		}
	})
	out, err := d.run()
	require.NoError(t, err)
	assert.Equal(t, []int{2, 3, 5}, w.snapshots)
	assert.Equal(t, []string{"sft@2", "2@4", "3@5"}, labels(out.Evaluations))
}

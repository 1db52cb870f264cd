package workflows

import (
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// Synthesize makes initialisation data: each problem is an activity, so many at
// once as the spec says, and the outcomes become a data set. It is started with
// the name of a synthesis that is in the store; carried is nil then.
//
// Started again under the same ID it finds every reply it has, and asks for
// those that are missing only.
func Synthesize(ctx workflow.Context, in t1.SynthesizeInput, carried *SynthesisCarried) (t1.SynthesisResult, error) {
	r := newSynthesis(ctx, in, carried)
	if err := r.listen(ctx); err != nil {
		return t1.SynthesisResult{}, err
	}
	if err := r.run(ctx); err != nil {
		return t1.SynthesisResult{}, err
	}
	return *r.Status.Result, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// SynthesisCarried is a synthesis's whole state over continue-as-new.
type SynthesisCarried struct {
	Schema int                `json:"schema"` // 1
	Status t1.SynthesisStatus `json:"status"`
	Plan   t1.SynthesisPlan   `json:"plan"`   // Width 0 before it was opened
	Next   int                `json:"next"`   // no problem from here on was begun
	Failed []int              `json:"failed"` // begun, without an outcome: why it is parked
	Again  []againProblem     `json:"again"`  // to be begun before Next
}

// againProblem is a problem that failed and that a person decided on.
type againProblem struct {
	Index int  `json:"index"`
	Skip  bool `json:"skip"`
}

// synthesisRun is one execution of Synthesize.
type synthesisRun struct {
	SynthesisCarried
	in      t1.SynthesizeInput
	answer  *t1.SynthesisResolution // nil until a person gives it
	why     error                   // of the lowest problem in Failed
	begun   int                     // problems, in this execution
	ending  bool                    // nothing can be steered any more but a parked assembly
	changed bool                    // this execution has done or accepted anything
	pace    rate
}

func newSynthesis(ctx workflow.Context, in t1.SynthesizeInput, carried *SynthesisCarried) *synthesisRun {
	if carried == nil {
		status := t1.SynthesisStatus{Name: in.Name, Phase: t1.PhaseStarting, Rejected: map[string]int{}, StartedAt: now(ctx)}
		return &synthesisRun{in: in, SynthesisCarried: SynthesisCarried{Schema: carriedSchema, Status: status}}
	}
	if carried.Schema > carriedSchema {
		panic(fmt.Sprintf("the synthesis's state has schema %d, this worker knows %d: deploy a newer t1", carried.Schema, carriedSchema))
	}
	r := &synthesisRun{in: in, SynthesisCarried: *carried}
	if r.Status.Rejected == nil {
		r.Status.Rejected = map[string]int{}
	}
	return r
}

// run reads from top to bottom: go through the problems, with a rest wherever
// one is due, then put together what there is.
func (r *synthesisRun) run(ctx workflow.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	for r.left() && !r.Status.StopAsked {
		if err := r.rest(ctx); err != nil {
			return err
		}
		r.enter(ctx, t1.PhaseSynthesizing)
		r.pace = rate{since: workflow.Now(ctx), done: r.Status.Done}
		if err := r.wave(ctx); err != nil {
			return err
		}
	}
	return r.assemble(ctx)
}

// open is the one place where a synthesis fails instead of parking: nothing has
// started, and only another order helps.
func (r *synthesisRun) open(ctx workflow.Context) error {
	if r.Plan.Width > 0 {
		return nil
	}
	var refused error
	err := r.patiently(ctx, func() error {
		plan, err := call(ctx, "reading the order", t1.Synthesizer.OpenSynthesis, r.in)
		if kind, reason, _ := failure(err); kind == t1.KindInvalid || kind == t1.KindNotFound {
			refused = temporal.NewNonRetryableApplicationError(reason, string(kind), nil)
			return nil
		}
		if err == nil {
			r.Plan, r.Status.Total, r.Status.Budget = plan, plan.Problems, plan.Budget
			r.Plan.Width = max(1, plan.Width)
		}
		return err
	})
	return errors.Join(err, refused)
}

// left reports whether a problem has no outcome yet.
func (r *synthesisRun) left() bool {
	return r.Next < r.Plan.Problems || len(r.Again) > 0 || len(r.Failed) > 0
}

// wave begins problems until there is a reason to rest, and waits for all it
// began: nothing is in flight when a synthesis parks or continues as new.
func (r *synthesisRun) wave(ctx workflow.Context) error {
	slots, all := workflow.NewSemaphore(ctx, int64(r.Plan.Width)), workflow.NewWaitGroup(ctx)
	for r.mayBegin(ctx) {
		if err := slots.Acquire(ctx, 1); err != nil {
			break // cancelled
		}
		if !r.mayBegin(ctx) { // it was not decided yet before the wait
			break
		}
		problem := r.take()
		all.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer all.Done()
			defer slots.Release(1)
			r.problem(ctx, problem)
		})
	}
	all.Wait(ctx)
	return ctx.Err()
}

func (r *synthesisRun) mayBegin(ctx workflow.Context) bool {
	return (len(r.Again) > 0 || r.Next < r.Plan.Problems) && len(r.Failed) == 0 &&
		!r.Status.PauseAsked && !r.Status.StopAsked && !r.wantsNew(ctx) && ctx.Err() == nil
}

// spent reports whether the budget is used up. What is in flight then is
// finished: it may go over by as much as the problems at work cost. After that
// problems are only looked up, since an outcome that is there costs nothing.
func (r *synthesisRun) spent() bool {
	return r.Status.Budget > 0 && r.Status.Spent.Cost >= r.Status.Budget
}

func (r *synthesisRun) take() againProblem {
	r.begun++
	r.Status.Running++
	if len(r.Again) > 0 {
		problem := r.Again[0]
		r.Again = slices.Delete(r.Again, 0, 1)
		return problem
	}
	r.Next++
	return againProblem{Index: r.Next - 1}
}

func (r *synthesisRun) problem(ctx workflow.Context, p againProblem) {
	out, err := call(ctx, fmt.Sprintf("problem %d of %d", p.Index+1, r.Plan.Problems), t1.Synthesizer.SynthesizeProblem,
		t1.SynthesizeProblemInput{Name: r.in.Name, Index: p.Index, Skip: p.Skip, Found: r.spent() && !p.Skip})
	r.Status.Running--
	r.changed = true
	if err == nil && out.Missing {
		err = t1.Errorf(t1.KindBudget, "the budget of %.4g is spent", r.Status.Budget).
			WithHint("resolve with a larger budget, or stop to keep what there is")
	}
	if err != nil {
		r.fail(p.Index, err)
		return
	}
	r.Status.Done++
	r.Status.Spent = r.Status.Spent.Plus(out.Spent)
	if out.Kept {
		r.Status.Kept++
	} else {
		r.Status.Rejected[out.Reason]++
	}
	left := r.Plan.Problems - r.Status.Done
	r.Status.SecondsLeft = r.pace.left(workflow.Now(ctx), r.Status.Done, left)
}

// fail notes a problem that could not be finished; the reason told is that of
// the lowest, so that it does not depend on which failed first.
func (r *synthesisRun) fail(index int, err error) {
	if len(r.Failed) == 0 || index < r.Failed[0] {
		r.why = err
	}
	r.Failed = append(r.Failed, index)
	slices.Sort(r.Failed)
}

func (r *synthesisRun) assemble(ctx workflow.Context) error {
	r.ending, r.Status.PauseAsked = true, false
	return r.patiently(ctx, func() error {
		r.enter(ctx, t1.PhaseAssembling)
		result, err := call(ctx, "data set and report", t1.Synthesizer.AssembleSynthesis, r.in)
		if err != nil {
			return err
		}
		r.Status.Result, r.Status.SecondsLeft = &result, 0
		r.Status.Kept, r.Status.Rejected = result.Kept, result.Rejected // a row may have been left out
		phase := t1.PhaseDone
		if r.left() {
			phase = t1.PhaseStopped
		}
		r.enter(ctx, phase)
		return nil
	})
}

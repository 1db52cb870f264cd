package activities

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"t1"
)

// worked is one problem at work.
type worked struct {
	s       *Synthesizer
	job     *synthesisJob
	problem t1.Problem
	grader  t1.Grader
	failed  func() error // of the grader

	mu     sync.Mutex
	spent  t1.Spent
	made   int          // replies asked for
	steps  atomic.Int64 // replies there are
	tokens atomic.Int64
}

func (s *Synthesizer) synthesize(ctx context.Context, in t1.SynthesizeProblemInput, beat beat) (t1.SynthesizedProblem, error) {
	job, err := s.job(ctx, in.Name)
	if err != nil {
		return t1.SynthesizedProblem{}, err
	}
	if in.Index < 0 || in.Index >= len(job.problems) {
		return t1.SynthesizedProblem{}, t1.Errorf(t1.KindInvalid, "problem %d of synthesis %q, which has %d", in.Index, in.Name, len(job.problems))
	}
	w := &worked{s: s, job: job, problem: job.problems[in.Index]}
	key := t1.SynthesisOutcomeKey(in.Name, w.problem.ID)
	outcome, err := readJSON[t1.SynthesisOutcome](ctx, s.host.Store, key)
	if t1.KindOf(err) == t1.KindNotFound {
		if in.Found {
			return t1.SynthesizedProblem{Missing: true}, nil
		}
		outcome, err = w.outcome(ctx, in.Skip, beat)
		if err == nil {
			outcome, err = keepFirst(ctx, s.host.Store, key, outcome)
		}
	}
	if err != nil {
		return t1.SynthesizedProblem{}, err
	}
	out := t1.SynthesizedProblem{Kept: outcome.Kept, Spent: outcome.Spent, Made: w.made}
	if len(outcome.Reasons) > 0 {
		out.Reason = outcome.Reasons[0]
	}
	return out, nil
}

// keepFirst stores a value, or answers the one that another attempt at the same
// work stored before: replies are random, and the first counts.
func keepFirst[T any](ctx context.Context, store t1.Store, key string, v T) (T, error) {
	_, err := keepJSON(ctx, store, key, v)
	if t1.KindOf(err) == t1.KindConflict {
		return readJSON[T](ctx, store, key)
	}
	return v, err
}

func (w *worked) outcome(ctx context.Context, skip bool, beat beat) (t1.SynthesisOutcome, error) {
	out := t1.SynthesisOutcome{Schema: 1, Problem: w.problem.ID, Reasons: []string{}, Attempts: []t1.SynthesisAttempt{}}
	var err error
	if _, known := w.job.benchmarks.Find(w.problem.Prompt); known {
		out.Reasons = []string{t1.RejectOverlap}
	} else if skip {
		out.Reasons = []string{t1.RejectSkipped}
	} else {
		defer w.openGrader(ctx)()
		alive(beat, w.progress, func() { err = w.through(ctx, &out) })
	}
	out.Kept, out.Spent = len(out.Reasons) == 0, w.spent
	return out, err
}

// openGrader makes the job's grader ready until the function it gives is called.
func (w *worked) openGrader(ctx context.Context) (done func()) {
	if w.job.grader != nil {
		w.grader, w.failed = w.job.grader, func() error { return nil }
		return func() {}
	}
	g := &byProgram{ctx: ctx, with: w.s.math}
	w.grader, w.failed = g, g.failure
	return w.s.math.use()
}

func (w *worked) progress() (done, total, tokens int64) {
	attempts := 0
	for _, e := range w.job.order.Spec.Endpoints {
		attempts += e.Attempts
	}
	return w.steps.Load(), int64(2*attempts + 2), w.tokens.Load()
}

// through goes through the four steps, or as far as they make sense.
func (w *worked) through(ctx context.Context, out *t1.SynthesisOutcome) error {
	reject := func(reason string) error { out.Reasons = []string{reason}; return nil }
	attempts, err := w.attempts(ctx)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		out.Attempts = append(out.Attempts, t1.SynthesisAttempt{Endpoint: a.endpoint, Correct: a.Right, Answer: a.Given})
	}
	if reason := checkAttempts(w.job.order.Spec.Checks, out.Attempts); reason != "" {
		return reject(reason)
	}
	if err := w.criticise(ctx, attempts); err != nil {
		return err
	}
	if slices.ContainsFunc(attempts, func(a *promptAttempt) bool { return blank(a.Critique) }) {
		return reject(t1.RejectEmpty)
	}
	merged, err := w.merge(ctx, attempts)
	if err != nil {
		return err
	}
	if blank(merged.Text) {
		return reject(t1.RejectEmpty)
	}
	roles := w.job.order.Spec.Roles
	rewritten, err := w.ask(ctx, t1.StepRewrite, roles.Rewrite, w.job.prompts.rewrite, promptData{Merged: merged.Text})
	if err != nil {
		return err
	}
	if blank(rewritten.Text) {
		return reject(t1.RejectEmpty)
	}
	out.Response = strings.TrimSpace(rewritten.Text)
	out.Reasons = checkResponse(w.job.order.Spec, w.grader, w.problem, out.Attempts, out.Response, rewritten.Finish)
	return w.failed()
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// attempts asks every endpoint as often as the spec says, all at once, and
// judges what comes back.
func (w *worked) attempts(ctx context.Context) ([]*promptAttempt, error) {
	var attempts []*promptAttempt
	for _, e := range w.job.order.Spec.Endpoints {
		for range e.Attempts {
			attempts = append(attempts, &promptAttempt{Number: len(attempts) + 1, endpoint: e.Name})
		}
	}
	err := together(attempts, func(i int, a *promptAttempt) error {
		call, err := w.ask(ctx, t1.SynthesisStep(t1.StepAttempt, i), a.endpoint, w.job.prompts.attempt, promptData{})
		grade := w.grader.Grade(w.problem, call.Text)
		a.Text, a.Right, a.Given = strings.TrimSpace(call.Text), grade.Correct, grade.Answer
		return cmp.Or(err, w.failed())
	})
	return attempts, err
}

func (w *worked) criticise(ctx context.Context, attempts []*promptAttempt) error {
	return together(attempts, func(i int, a *promptAttempt) error {
		call, err := w.ask(ctx, t1.SynthesisStep(t1.StepCritique, i), w.job.order.Spec.Roles.Critique, w.job.prompts.critique, promptData{Attempt: a})
		a.Critique = strings.TrimSpace(call.Text)
		return err
	})
}

// merge takes the wrong attempts first, so that the chain ends in a right one (D).
func (w *worked) merge(ctx context.Context, attempts []*promptAttempt) (t1.SynthesisCall, error) {
	ordered := slices.Clone(attempts)
	slices.SortStableFunc(ordered, func(a, b *promptAttempt) int { return cmp.Compare(count(a.Right), count(b.Right)) })
	return w.ask(ctx, t1.StepMerge, w.job.order.Spec.Roles.Merge, w.job.prompts.merge, promptData{Attempts: ordered})
}

// together does all at once and waits for all: what the others get is paid for,
// and kept, even where one fails. The error is that of the first.
func together[T any](list []T, do func(i int, item T) error) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, item := range list {
		all.Go(func() { errs[i] = do(i, item) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

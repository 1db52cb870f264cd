package activities

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"t1"
	"t1/infra/program"
)

// grades judges answers, on every core, and gives the verdicts in the order of
// the answers: the same for any number of cores.
func (j judge) grades(ctx context.Context, answers []answered, beat beat) ([]t1.Grade, error) {
	grades := make([]t1.Grade, len(answers))
	work := j.gradeHere
	if j.grader == nil {
		work = j.gradeByProgram
	}
	err := inParts(ctx, len(answers), j.width, beat, func(ctx context.Context, from, to int, done func()) error {
		return work(ctx, answers[from:to], grades[from:to], done)
	})
	return grades, err
}

// inParts has several workers go through n items, each through a part of them.
// A part that fails ends the others; the error is that of the first part that
// failed by itself. A width of 0 means the number of cores.
func inParts(ctx context.Context, n, width int, beat beat, work func(ctx context.Context, from, to int, done func()) error) error {
	if width == 0 {
		width = runtime.GOMAXPROCS(0)
	}
	width = max(1, min(width, n))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	finished := int64(0)
	done := func() {
		mu.Lock()
		defer mu.Unlock()
		finished++
		beat(finished, int64(n), 0)
	}
	errs := make([]error, width)
	var all sync.WaitGroup
	for part := range width {
		from, to := t1.Shard(n, width, part)
		all.Go(func() {
			if errs[part] = work(ctx, from, to, done); errs[part] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	var ended error
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		ended = errors.Join(ended, err)
	}
	return ended
}

func (j judge) gradeHere(ctx context.Context, answers []answered, into []t1.Grade, done func()) error {
	for i, a := range answers {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		into[i] = withReason(j.grader.Grade(a.problem, a.response))
		done()
	}
	return nil
}

// gradeByProgram has a program of its own grade. A response for which it has no
// verdict, since it took too long or crashed, is wrong.
func (j judge) gradeByProgram(ctx context.Context, answers []answered, into []t1.Grade, done func()) error {
	if len(answers) == 0 {
		return nil
	}
	running, err := program.Start(j.program)
	if err != nil {
		return err
	}
	defer running.Close()
	items := make([]program.Item, len(answers))
	for i, a := range answers {
		items[i] = itemOf(strconv.Itoa(i), a)
	}
	verdicts, err := running.Grade(ctx, items, func(int, int) { done() })
	for i, v := range verdicts {
		into[i] = gradeOf(v)
	}
	return err
}

func itemOf(id string, a answered) program.Item {
	return program.Item{ID: id, Prompt: a.problem.Prompt, Answer: a.problem.Answer, Data: a.problem.Data, Response: a.response}
}

func gradeOf(v program.Verdict) t1.Grade {
	return withReason(t1.Grade{Correct: v.Correct, Answer: v.Answer, Reason: strings.ReplaceAll(v.Reason, " ", "_")})
}

// withReason notes that a grader found no answer.
func withReason(g t1.Grade) t1.Grade {
	if g.Reason == "" && g.Answer == "" && !g.Correct {
		g.Reason = t1.ReasonNoAnswer
	}
	return g
}

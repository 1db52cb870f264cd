package activities

import (
	"context"
	"runtime"
	"sync"

	"t1"
	"t1/infra/program"
	"t1/tasks"
)

// synthesisGrader is the grader of the task that a synthesis is for; nil where a
// program grades.
func synthesisGrader(spec t1.SynthesisSpec) (t1.Grader, error) {
	return tasks.Grader(t1.TaskSpec{Name: spec.Grader})
}

// verifiers are running programs that grade, shared by all problems at work: a
// program takes longer to start than to grade. They end with the last problem.
type verifiers struct {
	program program.Program
	slots   chan struct{} // programs at once

	mu    sync.Mutex
	users int
	idle  []*program.Grader
}

func newVerifiers(p program.Program) *verifiers {
	return &verifiers{program: p, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// use keeps the programs running until the function it gives is called.
func (v *verifiers) use() (done func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users++
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.users--; v.users > 0 {
			return
		}
		for _, idle := range v.idle {
			idle.Close()
		}
		v.idle = nil
	}
}

func (v *verifiers) grade(ctx context.Context, a answered) (t1.Grade, error) {
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return t1.Grade{}, context.Cause(ctx)
	}
	running, err := v.take()
	if err != nil {
		return t1.Grade{}, err
	}
	verdicts, err := running.Grade(ctx, []program.Item{itemOf("response", a)}, nil)
	if err != nil {
		running.Close()
		return t1.Grade{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.idle = append(v.idle, running)
	return gradeOf(verdicts[0]), nil
}

func (v *verifiers) take() (*program.Grader, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if last := len(v.idle) - 1; last >= 0 {
		running := v.idle[last]
		v.idle = v.idle[:last]
		return running, nil
	}
	return program.Start(v.program)
}

// byProgram is the grader of one problem where a program grades. What went wrong
// with the program is in err: the grades mean nothing then.
type byProgram struct {
	ctx  context.Context
	with *verifiers

	mu  sync.Mutex
	err error
}

// Grade implements [t1.Grader].
func (g *byProgram) Grade(p t1.Problem, response string) t1.Grade {
	grade, err := g.with.grade(g.ctx, answered{p, response})
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
	return grade
}

func (g *byProgram) failure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

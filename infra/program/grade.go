package program

import (
	"context"
	"slices"
	"time"

	"t1"
)

// patience is how often running a program may fail before it counts as broken.
const patience = 3

// trialID is the id of the first item after a start.
const trialID = "trial"

// Grade judges items and gives their verdicts in the same order. It calls beat,
// if not nil, after each item; an item takes the program's Limit at most, and
// twice that and three times Startup where the program has to be started again.
//
// Two items with one ID are KindInvalid. A broken program is KindInvalid, or
// KindUnavailable where it is only too slow; the error says what it did. When
// ctx ends, so does the program, and the error is ctx's cause.
func (g *Grader) Grade(ctx context.Context, items []Item, beat func(done, total int)) ([]Verdict, error) {
	if err := check(items); err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, 0, len(items))
	for _, item := range items {
		if err := g.ready(ctx, items); err != nil {
			return nil, err
		}
		verdict := g.ask(ctx, item, g.program.Limit)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := g.count(item, verdict); err != nil {
			return nil, err
		}
		verdicts = append(verdicts, verdict)
		if beat != nil {
			beat(len(verdicts), len(items))
		}
	}
	return verdicts, nil
}

// check finds two items that a verdict could not tell apart.
func check(items []Item) error {
	seen := map[string]bool{trialID: true}
	for _, item := range items {
		if seen[item.ID] {
			return t1.Errorf(t1.KindInvalid, "item id %q: want ids that differ from one another and from %q", item.ID, trialID)
		}
		seen[item.ID] = true
	}
	return nil
}

// ready has the program run and pass the trial.
func (g *Grader) ready(ctx context.Context, items []Item) error {
	trial := easiest(items)
	for attempt := 1; g.process == nil || !g.tried; attempt++ {
		if g.process == nil {
			if err := g.start(); err != nil {
				return err
			}
		}
		verdict := g.ask(ctx, trial, max(0, time.Until(g.process.started.Add(g.program.Startup)))+g.program.Limit)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		g.tried = verdict.Reason == ""
		if !g.tried && attempt == patience {
			return g.broken(verdict, "a reference answer given as the response")
		}
	}
	return nil
}

// easiest is the trial: the problem with the shortest reference answer is least
// likely to be one that the program cannot judge in time.
func easiest(items []Item) Item {
	trial := slices.MinFunc(items, func(a, b Item) int { return len(a.Answer) - len(b.Answer) })
	trial.ID, trial.Response = trialID, trial.Answer
	return trial
}

// count notices a program that works but judges nothing: several responses to
// one problem may well be beyond it, several problems running may not, unless it
// has judged others.
func (g *Grader) count(item Item, verdict Verdict) error {
	if verdict.Reason == "" {
		g.judged, g.failed = true, nil
		return nil
	}
	if g.judged || slices.Contains(g.failed, item.Prompt) {
		return nil
	}
	if g.failed = append(g.failed, item.Prompt); len(g.failed) < patience {
		return nil
	}
	g.failed = nil
	return g.broken(verdict, "the first three problems")
}

func (g *Grader) broken(verdict Verdict, on string) error {
	kind, hint := t1.KindInvalid, "run it by hand on a line of items; it must write one verdict a line, and nothing else, to its standard output"
	if verdict.Reason == TimedOut {
		kind, hint = t1.KindUnavailable, "does it flush its standard output after each verdict? Otherwise raise its time limit"
	}
	if verdict.Detail != "" {
		verdict.Detail = " (" + verdict.Detail + ")"
	}
	return t1.Errorf(kind, "grading program %s gives no verdict on %s: %s%s", g.program.Command[0], on, verdict.Reason, verdict.Detail).WithHint("%s", hint)
}

func (g *Grader) start() error {
	process, err := start(g.program)
	if err != nil {
		return t1.Errorf(t1.KindUnavailable, "start grading program %s: %w", g.program.Command[0], err).
			WithHint("the machine may be out of processes or of open files; /bin/sh is needed too")
	}
	g.process, g.tried = process, false
	return nil
}

// ask has the program judge an item; one that does not is ended.
func (g *Grader) ask(ctx context.Context, item Item, limit time.Duration) Verdict {
	verdict := g.process.judge(ctx, item, limit)
	if verdict.Reason != "" || ctx.Err() != nil {
		g.process.end()
		if verdict.Reason == Crashed {
			verdict.Detail = g.process.epitaph()
		}
		g.process = nil
	}
	return verdict
}

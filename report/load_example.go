package report

import (
	"context"
	"fmt"
	"slices"

	"t1"
	"t1/lineage"
)

// exampleLoader finds responses worth showing.
type exampleLoader struct {
	store   t1.Store
	readers Readers
	in      *Input
	prompts map[string]string // by problem ID
}

// load adds examples to the input; what cannot be read becomes a note.
func (l *exampleLoader) load(ctx context.Context) {
	r := l.readers
	if r.Problems == nil || r.Rollouts == nil || r.Scores == nil || r.Advantages == nil || r.Evaluated == nil {
		return
	}
	if err := l.readPrompts(ctx); err != nil {
		l.note("The problems' texts", err)
	}
	if err := l.trained(ctx); err != nil {
		l.note("Responses of reinforcement learning", err)
	}
	if err := l.fineTuned(ctx); err != nil {
		l.note("A response of the fine-tuned policy", err)
	}
}

func (l *exampleLoader) note(what string, err error) {
	l.in.Notes = append(l.in.Notes, fmt.Sprintf("%s could not be read: %s.", what, err))
}

func (l *exampleLoader) readPrompts(ctx context.Context) error {
	l.prompts = map[string]string{}
	var data t1.Data
	line, err := lineage.Read(ctx, l.store, l.in.Run)
	if err != nil {
		return err
	}
	if err := nearestJSON(ctx, l.store, line, t1.DataKey, &data); t1.KindOf(err) == t1.KindNotFound {
		return nil
	} else if err != nil {
		return err
	}
	for _, ref := range []t1.Ref{data.Train, data.HeldOut} {
		problems, err := l.readers.Problems(ctx, l.store, ref)
		if err != nil {
			return err
		}
		for _, p := range problems {
			l.prompts[p.ID] = p.Prompt
		}
	}
	return nil
}

// trained picks responses of the newest iteration in the log: the longest right
// one, and one each that is penalised and wrong. An iteration without a
// penalised one is searched backwards for.
func (l *exampleLoader) trained(ctx context.Context) error {
	updates := updatesOf(l.in.Records)
	if len(updates) == 0 {
		return nil
	}
	newest, err := l.iteration(ctx, updates[len(updates)-1])
	if err != nil {
		return err
	}
	l.add("Right, and long", newest, isRight)
	if err := l.penalised(ctx, updates, newest); err != nil {
		return err
	}
	l.add("Wrong", newest, isWrong)
	return nil
}

// penalised goes back to the newest iteration whose metrics tell of a penalty.
func (l *exampleLoader) penalised(ctx context.Context, updates []t1.Record, newest []Example) error {
	if l.add("Penalised", newest, isPenalised) {
		return nil
	}
	for _, r := range slices.Backward(updates[:len(updates)-1]) {
		if r.Metrics[t1.MetricPenalized] == 0 {
			continue
		}
		all, err := l.iteration(ctx, r)
		if err != nil || l.add("Penalised", all, isPenalised) {
			return err
		}
	}
	return nil
}

func updatesOf(log []t1.Record) []t1.Record {
	return slices.DeleteFunc(slices.Clone(log), func(r t1.Record) bool { return r.Update == nil })
}

func isRight(e Example) bool     { return e.Correct && len(e.Penalties) == 0 }
func isPenalised(e Example) bool { return len(e.Penalties) > 0 }
func isWrong(e Example) bool     { return !e.Correct && len(e.Penalties) == 0 }

// add shows the longest response that is as asked for; the first of equally
// long ones, so that the same log makes the same page.
func (l *exampleLoader) add(why string, all []Example, is func(Example) bool) bool {
	best := -1
	for i, e := range all {
		if is(e) && (best < 0 || e.Tokens > all[best].Tokens) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	e := all[best]
	e.Why = why
	if e.Correct && len(e.Penalties) > 0 {
		e.Why += ", though right"
	}
	l.in.Examples = append(l.in.Examples, e)
	return true
}

package activities

import (
	"context"
	"fmt"
	"strings"

	"t1"
	"t1/library"
	"t1/tasks"
)

// mostShown is how many problems that are asked twice an error names.
const mostShown = 3

// apart refuses a run that would learn from what its held-out problems ask, by
// the rule by which an import is compared with benchmarks. A game's are apart by
// construction.
func (h *Host) apart(ctx context.Context, task t1.TaskSpec) error {
	data := task.Data
	if task.Name == tasks.Countdown || data.Overlap == t1.OverlapKeep {
		return nil
	}
	heldOut, problems, err := h.readSet(ctx, data.HeldOut)
	if err != nil {
		return err
	}
	asked := &library.Benchmarks{}
	asked.Add(nameOf(heldOut), problems)
	for _, learnt := range []struct{ field, digest string }{{"task.data.train", data.Train}, {"task.data.demonstrations", data.Demonstrations}} {
		if learnt.digest == "" {
			continue
		}
		set, err := library.Resolve(ctx, h.Store, learnt.digest)
		if err != nil {
			return err
		}
		questions, err := h.questions(ctx, set, learnt.field)
		if err != nil {
			return err
		}
		found := overlaps{asked: asked}
		for _, q := range questions {
			found.look(q)
		}
		if err := found.refusal(learnt.field, set, heldOut, len(questions)); err != nil {
			return err
		}
	}
	return nil
}

// question is what a row of either kind asks.
type question struct{ id, text string }

func (h *Host) questions(ctx context.Context, set library.Dataset, field string) ([]question, error) {
	var all []question
	if field == "task.data.train" {
		problems, err := library.ReadProblems(ctx, h.Store, set)
		for _, p := range problems {
			all = append(all, question{p.ID, p.Prompt})
		}
		return all, err
	}
	shown, err := library.ReadDemonstrations(ctx, h.Store, set)
	for _, d := range shown {
		all = append(all, question{d.Problem, d.Prompt})
	}
	return all, err
}

// overlaps counts the questions that are asked in two sets.
type overlaps struct {
	asked    *library.Benchmarks
	count    int
	examples []string
}

func (o *overlaps) look(q question) {
	shared, found := o.asked.Find(q.text)
	if !found {
		return
	}
	o.count++
	if len(o.examples) < mostShown {
		what := "asks the same as " + shared.Problem
		if shared.Shared != "" {
			what = fmt.Sprintf("shares with %s: %s", shared.Problem, shared.Shared)
		}
		o.examples = append(o.examples, q.id+" "+what)
	}
}

// refusal is nil where nothing was found.
func (o *overlaps) refusal(field string, set, heldOut library.Dataset, of int) error {
	if o.count == 0 {
		return nil
	}
	kind := "" // the import's default
	if set.Kind == library.Demonstrations {
		kind = " --kind demonstrations"
	}
	return t1.Errorf(t1.KindInvalid, "%s: %d of the %d rows of %s ask what task.data.held_out, %s, asks:\n  %s",
		field, o.count, of, nameOf(set), nameOf(heldOut), strings.Join(o.examples, "\n  ")).
		WithHint("leave them out: t1 data import FILE --name %s%s --against %s --overlap drop --replace; or allow it in the spec: task.data.overlap: %s",
			nameOf(set), kind, nameOf(heldOut), t1.OverlapKeep)
}

// nameOf is a set's name, or its digest where it has none.
func nameOf(set library.Dataset) string {
	if set.Name == "" {
		return set.Ref.SHA256
	}
	return set.Name
}

package activities

import (
	"context"
	"fmt"
	"strings"

	"t1"
	"t1/library"
	"t1/tasks"
	"t1/tasks/choice"
	"t1/tasks/number"
)

// checkReferences refuses problems whose own answer is not of the grader's kind:
// sampling them costs, and their verdicts mean nothing. Any answer may be
// mathematics, or a program's.
func checkReferences(grader string, problems []t1.Problem) error {
	fits := func(t1.Problem) bool { return true }
	switch grader {
	case tasks.Number:
		fits = func(p t1.Problem) bool { return number.Alone(p.Answer) }
	case tasks.Choice:
		fits = func(p t1.Problem) bool { return choice.Grade(p, p.Answer).Correct }
	}
	const shown = 5
	var wrong []string
	for _, p := range problems {
		if !fits(p) {
			wrong = append(wrong, fmt.Sprintf("%s (%.40q)", p.ID, p.Answer))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return t1.Errorf(t1.KindInvalid, "the grader %q cannot judge %d of %d problems by their answers: %s",
		grader, len(wrong), len(problems), strings.Join(wrong[:min(shown, len(wrong))], ", ")).
		WithHint("number is for numbers, choice for letters, math for all else")
}

// gradable refuses a run whose own problems its grader cannot judge.
func (h *Host) gradable(ctx context.Context, task t1.TaskSpec) error {
	if task.Name != tasks.Number && task.Name != tasks.Choice {
		return nil // any answer will do: nothing to read
	}
	for _, set := range []struct{ field, digest string }{{"task.data.train", task.Data.Train}, {"task.data.held_out", task.Data.HeldOut}} {
		_, problems, err := h.readSet(ctx, set.digest)
		if err != nil {
			return err
		}
		if err := checkReferences(task.Name, problems); err != nil {
			return t1.Errorf(t1.KindOf(err), "%s: %w", set.field, err)
		}
	}
	return nil
}

// readSet reads an imported set of problems, by name or digest.
func (h *Host) readSet(ctx context.Context, set string) (library.Dataset, []t1.Problem, error) {
	dataset, err := library.Resolve(ctx, h.Store, set)
	if err != nil {
		return dataset, nil, err
	}
	problems, err := library.ReadProblems(ctx, h.Store, dataset)
	return dataset, problems, err
}

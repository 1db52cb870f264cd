package activities

import (
	"t1"
	"t1/library"
	"t1/tasks"
)

// stating has every demonstration end as the task's grader and the cue expect:
// a model that is shown no answer behind the cue does not learn to give one.
// The answer is that of the training problem with the demonstration's id, else
// with its question. A demonstration whose answer nobody knows is KindInvalid.
// With the task exec a program says what an answer is, and nothing is added.
func stating(task t1.TaskSpec, shown []library.Demonstration, train []t1.Problem) ([]library.Demonstration, error) {
	if task.Name == tasks.Exec {
		return shown, nil
	}
	byID, byQuestion := map[string]string{}, map[string]string{}
	for _, p := range train {
		byID[p.ID], byQuestion[p.Prompt] = p.Answer, p.Answer
	}
	stated, unknown, first := make([]library.Demonstration, len(shown)), 0, ""
	for i, d := range shown {
		answer := byID[d.Problem]
		if answer == "" {
			answer = byQuestion[d.Prompt]
		}
		var ok bool
		if d.Response, ok = task.Data.Stating(d.Response, answer); !ok {
			if unknown++; unknown == 1 {
				first = d.Prompt
			}
		}
		stated[i] = d
	}
	if unknown > 0 {
		return nil, t1.Errorf(t1.KindInvalid, "%d of %d demonstrations state no answer behind %q, and no training problem has their id or question; the first asks %.80q",
			unknown, len(shown), task.Data.Cue, first).
			WithHint(`give them the ids of problems of task.data.train, or set task.data.statement to "" to learn from them as they are`)
	}
	return stated, nil
}

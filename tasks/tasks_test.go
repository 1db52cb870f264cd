package tasks

import (
	"testing"

	"t1"
)

func TestNew(t *testing.T) {
	task, err := New(t1.DefaultSpec().Task)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := task.AnswerCue(), "answer"; got != want {
		t.Errorf("got cue %q, want %q", got, want)
	}
	tests := map[string]t1.TaskSpec{
		"no such task":     {Name: "countup"},
		"no name":          {},
		"settings of none": {Name: "countdown"},
	}
	for name, spec := range tests {
		if task, err := New(spec); t1.KindOf(err) != t1.KindInvalid || task != nil {
			t.Errorf("%s: got %v and %v", name, task, err)
		}
	}
}

package tasks

import (
	"testing"

	"t1"
)

func TestGame(t *testing.T) {
	game, err := Game(t1.DefaultSpec().Task)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := game.AnswerCue(), Cue(t1.DefaultSpec().Task); got != want {
		t.Errorf("the game's cue is %q, the task's %q", got, want)
	}
	if game, err := Game(t1.TaskSpec{Name: Number}); game != nil || err != nil {
		t.Errorf("imported problems: got %v and %v, want no game", game, err)
	}
	if game, err := Game(t1.TaskSpec{Name: Countdown}); t1.KindOf(err) != t1.KindInvalid || game != nil {
		t.Errorf("settings of no game: got %v and %v", game, err)
	}
}

func TestGrader(t *testing.T) {
	countdown := t1.DefaultSpec().Task
	tests := []struct {
		task     t1.TaskSpec
		problem  t1.Problem
		response string
	}{
		{countdown, t1.Problem{Data: `{"numbers":[2,3,4],"target":9}`}, "answer ( 2 + 3 ) + 4"},
		{t1.TaskSpec{Name: Number}, t1.Problem{Answer: "#### 1,234"}, `so it is \boxed{1234}`},
		{t1.TaskSpec{Name: Choice}, t1.Problem{Answer: "B"}, `\boxed{B}`},
	}
	for _, test := range tests {
		grader, err := Grader(test.task)
		if err != nil {
			t.Fatalf("%s: %v", test.task.Name, err)
		}
		if got := grader.Grade(test.problem, test.response); !got.Correct {
			t.Errorf("%s: %q is graded wrong: %+v", test.task.Name, test.response, got)
		}
		if got := grader.Grade(test.problem, "no idea"); got.Correct {
			t.Errorf("%s: no answer is graded right", test.task.Name)
		}
	}
	for _, name := range []string{Math, Exec} {
		if grader, err := Grader(t1.TaskSpec{Name: name}); grader != nil || err != nil {
			t.Errorf("%s: got %v and %v, want a program to grade", name, grader, err)
		}
	}
	if _, err := Grader(t1.TaskSpec{Name: "countup"}); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("no such task: got %v", err)
	}
}

func TestStated(t *testing.T) {
	if got, want := Stated(t1.DefaultSpec().Task, "1 + 2"), "answer 1 + 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Stated(t1.TaskSpec{Name: Math, Data: t1.DataSpec{Cue: `\boxed{`}}, "3}"), `\boxed{3}`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

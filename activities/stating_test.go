package activities

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"t1"
	"t1/library"
	"t1/tasks"
)

// gsm8k imports 20 problems of GSM8K, and their solutions as demonstrations.
func gsm8k(t *testing.T, store t1.Store, fields map[string]string) ([]t1.Problem, []library.Demonstration) {
	t.Helper()
	ctx := context.Background()
	file := filepath.Join("..", "library", "testdata", "gsm8k-train-20.jsonl")
	problems, err := library.Import(ctx, store, file, library.ImportOptions{Name: "gsm8k"})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := library.Import(ctx, store, file, library.ImportOptions{Name: "worked", Kind: library.Demonstrations, Map: fields})
	if err != nil {
		t.Fatal(err)
	}
	train, err := library.ReadProblems(ctx, store, problems.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	demonstrations, err := library.ReadDemonstrations(ctx, store, shown.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	return train, demonstrations
}

// Every demonstration of GSM8K teaches what its own grader and cue look for;
// as imported, none does.
func TestDemonstrationsStateTheirAnswer(t *testing.T) {
	train, shown := gsm8k(t, newStore(t), map[string]string{"response": "solution"})
	task := t1.DefaultSpec().Task
	task.Name = tasks.Number
	grader, err := tasks.Grader(task)
	if err != nil {
		t.Fatal(err)
	}
	for _, withIDs := range []bool{true, false} {
		given := make([]library.Demonstration, len(shown))
		for i, d := range shown {
			if given[i] = d; !withIDs {
				given[i].Problem = "" // its question tells
			}
		}
		stated, err := stating(task, given, train)
		if err != nil || len(stated) != 20 {
			t.Fatalf("%d demonstrations, %v", len(stated), err)
		}
		for i, d := range stated {
			if strings.Contains(shown[i].Response, task.Data.Cue) {
				t.Errorf("%s states its answer already", shown[i].Problem)
			}
			if !grader.Grade(train[i], d.Response).Correct {
				t.Errorf("%s is graded wrong: %q", train[i].ID, d.Response)
			}
			at := strings.Index(d.Response, task.Data.Cue)
			if at < 0 || !strings.HasPrefix(d.Response, shown[i].Response) {
				t.Fatalf("%s: %q", train[i].ID, d.Response)
			}
			if thinking := d.Response[:at]; !strings.HasPrefix(thinking, shown[i].Response) {
				t.Errorf("%s: the thinking ends in %q", train[i].ID, thinking)
			}
			if again, ok := task.Data.Stating(d.Response, train[i].Answer); again != d.Response || !ok {
				t.Errorf("stated twice: %q", again)
			}
		}
	}
}

func TestDemonstrationsWithoutAnAnswer(t *testing.T) {
	train, shown := gsm8k(t, newStore(t), map[string]string{"response": "solution"})
	task := t1.DefaultSpec().Task
	task.Name = tasks.Number
	if _, err := stating(task, shown, train[1:]); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "1 of 20") || t1.HintOf(err) == "" {
		t.Errorf("an answer that nobody knows: %v", err)
	}
	for _, change := range []func(*t1.TaskSpec){
		func(s *t1.TaskSpec) { s.Name = tasks.Exec }, func(s *t1.TaskSpec) { s.Data.Statement = "" },
	} {
		as := task
		change(&as)
		if got, err := stating(as, shown, nil); err != nil || got[0] != shown[0] {
			t.Errorf("as they are: %+v, %v", got[0], err)
		}
	}
}

package library

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"t1"
	"t1/infra/dir"
	"t1/tasks/choice"
)

// wrongAnswers are the fields of GPQA as it is published.
var wrongAnswers = []string{"Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"}

// gpqa has the columns of GPQA, and questions of ours: its authors ask that its
// own are not put where they can be crawled.
func gpqa(n int, reversed bool) string {
	var lines []string
	for i := range n {
		wrong := []string{"pear", "plum", "fig (the fruit)"}
		if reversed {
			wrong[0], wrong[2] = wrong[2], wrong[0]
		}
		lines = append(lines, fmt.Sprintf(`{"Record ID":"rec%d","Question":"Which of these is number %d?","Correct Answer":"apple %d","Incorrect Answer 1":"%s","Incorrect Answer 2":"%s","Incorrect Answer 3":"%s","Subdomain":"fruit"}`,
			i, i, i, wrong[0], wrong[1], wrong[2]))
	}
	return strings.Join(lines, "\n") + "\n"
}

func importGPQA(t *testing.T, lines string) ([]t1.Problem, error) {
	t.Helper()
	store, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gpqa.jsonl")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := Import(context.Background(), store, path, ImportOptions{Name: "gpqa", Benchmark: true, Choices: wrongAnswers})
	if err != nil {
		return nil, err
	}
	rows, err := ReadProblems(context.Background(), store, report.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	return rows, nil
}

// Options have their place by id and text: in every order of the file the same,
// and over many questions each letter is right about as often.
func TestChoices(t *testing.T) {
	rows, err := importGPQA(t, gpqa(200, false))
	if err != nil {
		t.Fatal(err)
	}
	again, err := importGPQA(t, gpqa(200, true))
	if err != nil {
		t.Fatal(err)
	}
	letters := map[string]int{}
	for i, p := range rows {
		letters[p.Answer]++
		if again[i].Prompt != p.Prompt || again[i].Answer != p.Answer {
			t.Errorf("another order of the file: %+v\n%+v", p, again[i])
		}
		if !strings.Contains(p.Prompt, fmt.Sprintf("Which of these is number %d?\n\nA) ", i)) || !strings.Contains(p.Prompt, fmt.Sprintf("\n%s) apple %d", p.Answer, i)) {
			t.Fatalf("%+v", p)
		}
		if want := fmt.Sprintf(`{"Subdomain":"fruit","choice":"apple %d"}`, i); p.Data != want {
			t.Errorf("data %s, want %s", p.Data, want)
		}
		if !choice.Grade(p, "So the answer is \\boxed{"+p.Answer+"}.").Correct || choice.Grade(p, `\boxed{E}`).Correct {
			t.Errorf("%s is not graded by its letter, %s", p.ID, p.Answer)
		}
	}
	for _, letter := range []string{"A", "B", "C", "D"} {
		if n := letters[letter]; n < 30 || n > 75 { // 50 wanted; six standard deviations are 37
			t.Errorf("%s is right %d times of 200", letter, n)
		}
	}
}

func TestChoicesRefused(t *testing.T) {
	for from, to := range map[string]string{`"plum"`: `"pear"`, `"pear"`: `"apple 0"`, `"fig (the fruit)"`: `[]`, `"plum",`: `null,`} {
		if _, err := importGPQA(t, strings.Replace(gpqa(1, false), from, to, 1)); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "Incorrect Answer") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

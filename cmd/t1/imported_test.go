package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"t1"
)

// Runs on problems from outside, through the tool from the files to the result.
func TestImportedProblemsTrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := filepath.Join(root(t), "cmd", "t1", "testdata", "imported")
	w.up()
	w.handed("small", "")
	w.run("t1", "model", "import", "small", "--name", "small")
	w.run("t1", "data", "import", filepath.Join(files, "held-out.jsonl"), "--name", "held-out", "--benchmark")
	w.run("t1", "data", "import", filepath.Join(files, "problems.jsonl"), "--name", "problems")
	w.run("t1", "data", "import", filepath.Join(files, "demonstrations.jsonl"), "--name", "demonstrations", "--kind", "demonstrations")

	w.run("t1", "train", filepath.Join(files, "number.yaml"), "--run", "number")
	w.thoughtHelps(w.until("number", "end", done))
	w.run("t1", "train", w.gradedBy(filepath.Join(files, "exec.yaml"), w.faulty(gradingProgram(t))), "--run", "exec")
	w.gradedInSpite(w.until("exec", "end", done))
}

// thoughtHelps checks a curve of inference scaling. The model has learnt to be
// right after it thought, and wrong where it answers at once; one problem of four
// has another answer than it has learnt.
func (w *world) thoughtHelps(status t1.Status) {
	w.Helper()
	for _, evaluation := range status.Evaluations {
		result := w.result(evaluation)
		none := result.NoThinking
		if len(result.Fractions) != 2 || len(result.Caps) != 2 || none == nil {
			w.Fatalf("no curve: %+v", result)
		}
		half, whole, short, long := result.Fractions[0], result.Fractions[1], result.Caps[0], result.Caps[1]
		if none.Kept.Mean != 0 || !(0 < half.Kept.Mean && half.Kept.Mean < whole.Kept.Mean) || short.Kept.Mean != 4 || long.Kept != whole.Kept {
			w.Errorf("%s: tokens kept: control %g, fractions %g and %g, caps %g and %g", result.Label,
				none.Kept.Mean, half.Kept.Mean, whole.Kept.Mean, short.Kept.Mean, long.Kept.Mean)
		}
		if none.Accuracy.N != 4 || none.Accuracy.Mean >= whole.Accuracy.Mean || long.Accuracy != whole.Accuracy || whole.Accuracy.Mean > 0.75 {
			w.Errorf("%s: right: control %+v, whole thinking %+v, the same by caps %+v", result.Label, none.Accuracy, whole.Accuracy, long.Accuracy)
		}
	}
	if len(status.Evaluations) != 2 {
		w.Errorf("%d evaluations, want 2", len(status.Evaluations))
	}
}

// result is an evaluation's result.json.
func (w *world) result(evaluation t1.EvaluationSummary) (result t1.Result) {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(w.home, "store", evaluation.Result.Key))
	if err == nil {
		err = json.Unmarshal(data, &result)
	}
	if err != nil {
		w.Fatal(err)
	}
	return result
}

// gradingProgram is the program of docs/data.md.
func gradingProgram(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "data.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```python\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(found) != 1 {
		t.Fatalf("docs/data.md has %d programs", len(found))
	}
	return found[0][1]
}

// faulty makes a program crash on the responses to one problem, and hang on
// those to another; reference answers pass.
func (w *world) faulty(source string) string {
	w.Helper()
	const read = "    item = json.loads(line)"
	faults := `
    if item["response"] != item["answer"]:
        if item["prompt"].count("hello 13") or item["prompt"].count("hello 34"):
            sys.exit("cannot read this")
        while item["prompt"].count("hello 14"):
            sys.stdin.isatty()  # for ever
`
	before, after, found := strings.Cut(source, read)
	line, rest, _ := strings.Cut(after, "\n")
	if !found {
		w.Fatalf("the program does not read items as expected:\n%s", source)
	}
	w.write("grade.py", before+read+line+faults+rest)
	return filepath.Join(w.home, "grade.py")
}

// gradedBy is a spec with a program's path in it.
func (w *world) gradedBy(spec, program string) string {
	w.Helper()
	text, err := os.ReadFile(spec)
	if err != nil {
		w.Fatal(err)
	}
	w.write("exec.yaml", strings.Replace(string(text), "command: []", fmt.Sprintf("command: [python3, %q]", program), 1))
	return filepath.Join(w.home, "exec.yaml")
}

// gradedInSpite checks a run whose program gave up on two problems of four.
func (w *world) gradedInSpite(status t1.Status) {
	w.Helper()
	updates := 0
	for _, line := range w.logged("exec") {
		if line.Kind != t1.RecordUpdate {
			continue
		}
		updates++
		m := line.Metrics
		if m["grader_crashed"] != 0.25 || m["grader_timeout"] != 0.25 || m["grader_not_a_verdict"] != 0 || !(0 < m["accuracy"] && m["accuracy"] <= 0.5) {
			w.Errorf("record %d: %v", line.Seq, m)
		}
	}
	if updates != 2 {
		w.Errorf("%d updates, want 2", updates)
	}
	last := w.result(status.Evaluations[len(status.Evaluations)-1])
	if last.Reasons["crashed"].Mean != 0.25 || last.Reasons["timeout"].Mean != 0 || last.PerGreedy[1] != 0 || last.Greedy.Mean == 0 {
		w.Errorf("evaluated: %+v", last)
	}
}

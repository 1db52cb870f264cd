package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"t1"
)

// docs/evaluation.md lists what --json prints: every field, its type, no more.
func TestEvalJSONContract(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "evaluation.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "### t1 eval ")
	if !found {
		t.Fatal("no section on t1 eval")
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(section, -1) {
		if row[2] != "interval" {
			documented = append(documented, row[1]+" "+row[2])
			continue
		}
		documented = append(documented, fields(row[1], reflect.TypeFor[t1.Interval]())...)
	}
	actual := fields("", reflect.TypeFor[evaluation]())
	slices.Sort(documented)
	slices.Sort(actual)
	if !slices.Equal(documented, actual) {
		t.Errorf("t1 eval --json\nprints   %v\nthe page %v", actual, documented)
	}
}

// handed makes a small chat model in Hugging Face's layout.
func (w *world) handed(name string, config string) {
	w.Helper()
	made := exec.Command(filepath.Join(root(w), "engine", ".venv", "bin", "python"), "-c",
		"import sys; sys.path[:0] = ['.', 'tests']; from pathlib import Path; from handed import handed; handed(Path(sys.argv[1])"+config+")", filepath.Join(w.home, name))
	made.Dir = filepath.Join(root(w), "engine")
	if said, err := made.CombinedOutput(); err != nil {
		w.Fatalf("%v: %s", err, said)
	}
}

func (w *world) write(name, text string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.home, name), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

// evaluations follows docs/evaluation.md.
func (w *world) evaluations() {
	var gpqa strings.Builder
	for i := range 3 {
		fmt.Fprintf(&gpqa, `{"Record ID":"r%d","Question":"Pick %d.","Correct Answer":"apple","Incorrect Answer 1":"pear","Incorrect Answer 2":"plum","Incorrect Answer 3":"fig"}`+"\n", i, i)
	}
	w.write("gpqa.jsonl", gpqa.String())
	w.write("own.jsonl", `{"id":"1","question":"What is 2 + 3?","answer":"5"}`+"\n")
	w.handed("other", ", initializer_range=0.2")
	w.follow(runnable(w, "docs/evaluation.md"), nil, map[string]func(string){
		"--suite gsm8k-test,gpqa": func(out string) {
			if !strings.Contains(out, "gsm8k-test: smollm2 on 3 problems, graded by number") || !strings.Contains(out, "gpqa: smollm2 on 3 problems, graded by choice") {
				w.Errorf("two suites: %s", out)
			}
		},
		"--compare other": func(out string) {
			var line evaluation
			if err := json.Unmarshal([]byte(out), &line); err != nil {
				w.Fatal(err)
			}
			if !line.Found || line.Problems != 3 || line.Compared == nil || line.Compared.Name != "other" || line.Compared.GreedyGain.N != 3 || line.Compared.Policy == line.Policy {
				w.Errorf("compared: %+v", line)
			}
		},
	})
	w.refusedEvaluations()
	w.evaluationOfARun()
}

func (w *world) refusedEvaluations() {
	w.Helper()
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"smollm2", 2, "--suite NAME"},
		{"smollm2 --suite math50", 2, "it knows math500"},
		{"smollm2 --suite own --task exec", 2, "not by \"exec\""},
		{"smollm2 --suite aime24", 10, "t1 data import FILE --name aime24 --benchmark"},
		{"nobody --suite gsm8k-test", 10, "no run and no model named nobody"},
		{"smollm2 --suite gsm8k-test --temperature 3", 2, "--temperature"},
		{"smollm2 --suite gsm8k-test --at 3", 2, "it has no records"},
		{"smollm2 --suite gsm8k-test --max-tokens 1000000", 2, "max_tokens"}, // said by the engine
	} {
		command := w.command("t1", append([]string{"eval"}, strings.Fields(c.args)...)...)
		out, _ := command.CombinedOutput() // its status tells
		if command.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.want) {
			w.Errorf("t1 eval %s: status %d, %s", c.args, command.ProcessState.ExitCode(), out)
		}
	}
}

// startedAgain starts the run that has ended with its own spec, which names what
// was imported, and then with one that would learn from what it is evaluated on.
func (w *world) startedAgain() {
	w.Helper()
	w.write("leaky.jsonl", `{"id":"line-1","question":"what is 2 + 3","answer":"5"}`+"\n"+`{"id":"line-2","question":"hello 5","answer":"7"}`+"\n")
	w.run("t1", "data", "import", "leaky.jsonl", "--name", "leaky", "--overlap", "keep")
	w.write("leaky.yaml", strings.Replace(w.read("spec.yaml"), "hellos", "leaky", 1))
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"spec.yaml", "--run", "short"}, 11, "run short has ended already"},
		{[]string{"leaky.yaml"}, 2, "task.data.train: 1 of the 2 rows of leaky ask what task.data.held_out, own, asks:\n  line-1"},
	} {
		command := w.command("t1", append([]string{"train"}, c.args...)...)
		out, _ := command.CombinedOutput() // its status tells
		if command.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.want) {
			w.Errorf("t1 train %v: status %d, %s", c.args, command.ProcessState.ExitCode(), out)
		}
	}
}

func (w *world) read(name string) string {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(w.home, name))
	if err != nil {
		w.Fatal(err)
	}
	return string(data)
}

// evaluationOfARun measures the policies of a run by record, on the spec's own
// settings, and again without a worker.
func (w *world) evaluationOfARun() {
	w.Helper()
	w.write("train.jsonl", `{"id":"a","question":"hello 2","answer":"4"}`+"\n"+`{"id":"b","question":"hello 3","answer":"5"}`+"\n")
	w.run("t1", "data", "import", "train.jsonl", "--name", "hellos")
	w.write("spec.yaml", `
task: {name: number, data: {train: hellos, held_out: own}}
model: {base: smollm2}
pool: {problems: 2, samples: 2, pass_rate: [-1, 2]}
rl: {iterations: 1, prompts: 2, k: 2, max_tokens: 8, block_prompts: 2}
evaluation: {problems: 1, samples: 3, max_tokens: 8, scaling: {fractions: 0, caps: []}, suites: [gpqa]}
resources: {threads: 1}
`)
	w.run("t1", "train", "spec.yaml", "--run", "short", "--wait")
	w.startedAgain()
	at := func(more ...string) (line evaluation) {
		w.Helper()
		out := w.run("t1", append([]string{"eval", "short", "--suite", "gsm8k-test", "--problems", "2", "--json"}, more...)...)
		if err := json.Unmarshal([]byte(out), &line); err != nil {
			w.Fatal(err)
		}
		return line
	}
	newest, first := at(), at("--at", "0")
	if newest.Seq != 1 || first.Seq != 0 || newest.Samples != 3 || newest.MaxTokens != 8 || newest.Policy == first.Policy {
		w.Errorf("newest %+v\nfirst %+v", newest, first)
	}
	if in := w.run("t1", "eval", "short", "--suite", "gpqa", "--json"); !strings.Contains(in, `"found":true`) || !strings.Contains(in, `"seq":1`) {
		w.Errorf("a suite of the run's spec was measured again: %s", in)
	}
	w.write("late.jsonl", `{"id":"1","question":"hello 3","answer":"5"}`+"\n")
	w.run("t1", "data", "import", "late.jsonl", "--name", "late", "--benchmark")
	late := w.run("t1", "eval", "short", "--suite", "late", "--task", "number", "--json")
	if !strings.Contains(late, `"unchecked":["hellos"]`) || len(newest.Unchecked) > 0 {
		w.Errorf("a benchmark that came after what was learnt from: %s, one before: %v", late, newest.Unchecked)
	}
	again := at("--at", "1")
	if !again.Found || newest.Found || again.Order != newest.Order {
		w.Errorf("again %+v", again)
	}
}

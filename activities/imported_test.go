package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"t1"
	"t1/infra/program"
	"t1/library"
)

// importedSpec is a run on imported problems from an imported model; %s is the task.
const importedSpec = `{
	"task": {"name": "TASK", "data": {"train": "sums", "held_out": "held", "demonstrations": "worked"}},
	"model": {"base": "tiny"},
	"sft": {"epochs": 1, "batch_size": 4, "steps_per_record": 2},
	"pool": {"problems": 8, "samples": 2, "pass_rate": [-1, 2]},
	"rl": {"iterations": 1, "prompts": 2, "k": 2, "max_tokens": 8, "block_prompts": 2},
	"evaluation": {"problems": 4, "samples": 2, "shard_problems": 4, "max_tokens": 8, "scaling": {"caps": [2, 4], "summary_tokens": 4}},
	"resources": {"threads": 1}
}`

// imports stores a tiny chat model, problems and demonstrations.
func imports(t *testing.T, h *Host) {
	t.Helper()
	ctx := context.Background()
	if _, _, err := library.ImportModel(ctx, h.Store, converted(t, "handed"), library.ModelOptions{Name: "tiny", Source: "test"}); err != nil {
		t.Fatal(err)
	}
	problems := `{"id":"a","question":"hello 2","answer":"4"}` + "\n" + `{"id":"b","question":"hello 3","answer":"5"}` + "\n" +
		`{"id":"c","question":"hello 4","answer":"6"}` + "\n" + `{"id":"d","question":"hello 5","answer":"7"}` + "\n"
	more := strings.NewReplacer(`"a"`, `"e"`, `"b"`, `"f"`, `"c"`, `"g"`, `"d"`, `"h"`, "hello ", "hello hello ").Replace(problems)
	importFile(t, h, "sums", library.Problems, problems+more)
	importFile(t, h, "held", library.Problems, strings.NewReplacer(`"id":"`, `"id":"held-`, "hello", "lo").Replace(problems))
	importFile(t, h, "worked", library.Demonstrations, `{"problem":"a","prompt":"hello 2","response":"hello hello"}`+"\n"+`{"problem":"b","prompt":"hello 3","response":"lo lo"}`+"\n")
}

func importFile(t *testing.T, h *Host, name string, kind library.Kind, lines string) {
	t.Helper()
	importAs(t, h, library.ImportOptions{Name: name, Kind: kind}, lines)
}

func importAs(t *testing.T, h *Host, o library.ImportOptions, lines string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), o.Name+".jsonl")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := library.Import(context.Background(), h.Store, path, o); err != nil {
		t.Fatal(err)
	}
}

// A run on imported problems goes the whole way: names become digests, prompts
// are chats, and a program's verdicts count as a game's do.
func TestImportedProblems(t *testing.T) {
	h := newHost(t)
	imports(t, h)
	python, err := filepath.Abs("../engine/.venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	engineDir, err := filepath.Abs("../engine")
	if err != nil {
		t.Fatal(err)
	}
	h.Verifier = program.Program{Command: []string{python, "-m", "t1_engine.verify"}, Environment: []string{"PYTHONPATH=" + engineDir}}
	for _, task := range []string{"number", "math"} {
		t.Run(task, func(t *testing.T) { goThrough(t, h, task) })
	}
}

func goThrough(t *testing.T, h *Host, task string) {
	ctx := context.Background()
	spec, err := h.resolveSpec(ctx, t1.ResolveInput{Run: task, Spec: json.RawMessage(strings.Replace(importedSpec, "TASK", task, 1))})
	if err != nil {
		t.Fatal(err)
	}
	if d := spec.Task.Data; len(d.Train) != 64 || len(d.HeldOut) != 64 || len(spec.Model.Base) != 64 {
		t.Errorf("names are not resolved: %+v, %s", d, spec.Model.Base)
	}
	prepared, err := h.prepare(ctx, t1.PrepareInput{Run: task}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	if c := prepared.Data.Counts; c.Train != 8 || c.HeldOut != 4 || c.Traces != 2 {
		t.Errorf("got %+v, want 8 problems, 4 held out and 2 traces", c)
	}
	step, err := h.fineTune(ctx, t1.FineTuneInput{Run: task, Seq: 1, Parent: prepared.Step.State, From: 0, To: 1, Total: 1}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	sampled, err := h.sample(ctx, t1.SampleInput{Run: task, Iteration: t1.PoolIteration, Policy: step.Policy, To: 8, Samples: 2, Temperature: 1, TopP: 1, MaxTokens: 8, BlockPrompts: 8}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := h.selectPool(ctx, t1.SelectPoolInput{Run: task, Policy: step.Policy, Blocks: sampled.Blocks}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	if pool.Size != 8 {
		t.Errorf("the pool has %d problems, want all 8", pool.Size)
	}
	if _, err := h.engineGone(ctx, task, step); err != nil {
		t.Errorf("an engine that is new does not come to the same state: %v", err)
	}
}

// engineGone ends the engine and has the run's state computed again by a new one.
func (h *Host) engineGone(ctx context.Context, run string, step t1.Step) (int, error) {
	h.Engine.Kill()
	client, err := h.engine(ctx, run, unheard)
	if err != nil {
		return 0, err
	}
	return h.restore(ctx, client, run, step.Seq, step.State, unheard)
}

// What is not there, or of another kind, is said before anything starts.
func TestImportedMistakes(t *testing.T) {
	h := newHost(t)
	imports(t, h)
	var terms strings.Builder
	for i := range 8 {
		fmt.Fprintf(&terms, `{"id":"x%d","question":"hello %d","answer":"%dx+1"}`+"\n", i, i, i)
	}
	importFile(t, h, "terms", library.Problems, terms.String())
	whole := strings.Replace(importedSpec, "TASK", "number", 1)
	for name, c := range map[string]struct{ from, to, want string }{
		"no such set":   {`"train": "sums"`, `"train": "suns"`, "there is no data set named suns"},
		"no such model": {`"base": "tiny"`, `"base": "tinny"`, "there is no model named tinny"},
		"wrong kind":    {`"demonstrations": "worked"`, `"demonstrations": "sums"`, "task.data.demonstrations: got a set of problems, want a set of demonstrations"},
		"no number":     {`"train": "sums"`, `"train": "terms"`, `task.data.train: the grader "number" cannot judge 8 of 8 problems by their answers: x0 ("0x+1"), x1 ("1x+1")`},
		"too many":      {`"pool": {"problems": 8`, `"pool": {"problems": 9`, "pool.problems: got 9, want at most 8, the problems of sums"},
	} {
		_, err := h.resolveSpec(context.Background(), t1.ResolveInput{Run: "bad", Spec: json.RawMessage(strings.Replace(whole, c.from, c.to, 1))})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

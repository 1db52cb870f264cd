package activities

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"t1"
	"t1/library"
	"t1/tasks"
)

// evaluateOn does what the Evaluate workflow does with an order.
func evaluateOn(t *testing.T, h *Host, in t1.EvaluateInput) (t1.Result, int64) {
	t.Helper()
	ctx := context.Background()
	all := t1.SummarizeInput{Evaluation: in, Seconds: 1}
	var tokens int64
	for shard, from := 0, 0; from < in.Spec.Problems; shard, from = shard+1, from+in.Spec.ShardProblem {
		out, err := h.evaluateShard(ctx, t1.EvaluateShardInput{Evaluation: in, Shard: shard, From: from, To: min(in.Spec.Problems, from+in.Spec.ShardProblem)}, unheard)
		if err != nil {
			t.Fatal(err)
		}
		all.Shards, all.Cuts = append(all.Shards, out.Shard), append(all.Cuts, out.Cuts)
		tokens += out.Tokens
	}
	if _, err := h.summarize(ctx, all, unheard); err != nil {
		t.Fatal(err)
	}
	result, err := readJSON[t1.Result](ctx, h.Store, t1.SuiteResultKey(in.Order))
	if err != nil {
		t.Fatal(err)
	}
	return result, tokens
}

func subject(t *testing.T, h *Host, name string) library.Subject {
	t.Helper()
	found, err := library.FindSubject(context.Background(), h.Store, name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var brief = SuiteSettings{Samples: 2, Temperature: 1, TopP: 1, MaxTokens: 8, Seed: 3}

// An imported model is evaluated on a suite beside a run whose words are others;
// what is there is not sampled again, whoever asks, and for whatever name.
func TestEvaluateOnASuite(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	h.Verifier = mathVerify(t)
	imports(t, h)
	if _, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "game", Spec: json.RawMessage(tinySpec)}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.prepare(ctx, t1.PrepareInput{Run: "game"}, unheard); err != nil { // the trainer holds a model of words
		t.Fatal(err)
	}
	for _, task := range []string{tasks.Number, tasks.Math} {
		suite, err := tasks.SuiteOf("held", task)
		if err != nil {
			t.Fatal(err)
		}
		in, order, err := OrderSuite(ctx, h.Store, subject(t, h, "tiny"), suite, brief)
		if err != nil {
			t.Fatal(err)
		}
		first, tokens := evaluateOn(t, h, in)
		if tokens == 0 || first.Problems != 4 || first.Greedy.N != 4 || len(first.PerProblem) != 4 || len(first.PerGreedy) != 4 || first.Samples != 2 || first.Policy != order.Policy {
			t.Errorf("%s: %d tokens, %+v", task, tokens, first)
		}
		if shares := len(first.Reasons); shares != len(t1.GraderReasons()) {
			t.Errorf("%s: reasons %v", task, first.Reasons)
		}

		// Again, with the shards alone there: no engine is even started.
		h.Engine.Kill()
		if err := h.Store.Delete(ctx, t1.SuiteResultKey(in.Order)); err != nil {
			t.Fatal(err)
		}
		again, _, err := OrderSuite(ctx, h.Store, subject(t, h, "model:tiny"), suite, brief)
		if err != nil || again.Order != in.Order {
			t.Fatalf("%s: the same again is %.12s, %v", task, again.Order, err)
		}
		second, tokens := evaluateOn(t, h, again)
		if tokens != 0 || h.Engine.PID() != 0 {
			t.Errorf("%s: again %d tokens were sampled, by engine %d", task, tokens, h.Engine.PID())
		}
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: again\n%+v\nbefore\n%+v", task, second, first)
		}
		h.Engine.Kill()
	}
}

// What an outcome depends on is in its name, and nothing else is.
func TestAnOrderIsNamedByWhatItDependsOn(t *testing.T) {
	base := t1.SuiteEvaluation{Schema: 1, Policy: "p", Files: "f", Count: 3, Samples: 2, Temperature: 1, TopP: 1, MaxTokens: 8}
	seen := map[string]string{base.Digest(): "itself"}
	for what, change := range map[string]func(*t1.SuiteEvaluation){
		"policy":    func(e *t1.SuiteEvaluation) { e.Policy = "q" },
		"tokenizer": func(e *t1.SuiteEvaluation) { e.Files = "g" },
		"problems":  func(e *t1.SuiteEvaluation) { e.Problems.SHA256 = "other" },
		"count":     func(e *t1.SuiteEvaluation) { e.Count = 2 },
		"grader":    func(e *t1.SuiteEvaluation) { e.Task.Name = "math" },
		"question":  func(e *t1.SuiteEvaluation) { e.Task.Data.Instruction = "{question}?" },
		"samples":   func(e *t1.SuiteEvaluation) { e.Samples = 4 },
		"heat":      func(e *t1.SuiteEvaluation) { e.Temperature = 0.6 },
		"length":    func(e *t1.SuiteEvaluation) { e.MaxTokens = 9 },
		"seed":      func(e *t1.SuiteEvaluation) { e.Seed = 1 },
		"sampler":   func(e *t1.SuiteEvaluation) { e.Sampler = t1.SamplerVLLM },
		"precision": func(e *t1.SuiteEvaluation) { e.Precision = "bfloat16" },
	} {
		other := base
		change(&other)
		if known := seen[other.Digest()]; known != "" {
			t.Errorf("another %s has the name of %s", what, known)
		}
		seen[other.Digest()] = what
	}
}

// A run's suites are pinned before anything starts, and measured as t1 eval does
// it: both have one name.
func TestSuitesOfARun(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	imports(t, h)
	importFile(t, h, "aime24", library.Problems, `{"id":"1","question":"hello 9","answer":"9"}`+"\n")
	with := func(suite string) json.RawMessage {
		spec := strings.Replace(importedSpec, "TASK", "number", 1)
		return json.RawMessage(strings.Replace(spec, `"evaluation": {`, `"evaluation": {"suites": ["`+suite+`"], `, 1))
	}
	for suite, want := range map[string]t1.Kind{"aime25": t1.KindInvalid, "math500": t1.KindNotFound, "a b": t1.KindInvalid} {
		if _, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "bad", Spec: with(suite)}); t1.KindOf(err) != want || !strings.Contains(err.Error(), "suite") {
			t.Errorf("%s: %v", suite, err)
		}
	}
	spec, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "run", Spec: with("aime24")})
	if err != nil || len(spec.Evaluation.Suites) != 1 || len(spec.Evaluation.Suites[0]) != len("aime24@")+64 {
		t.Fatalf("suites %v, %v", spec.Evaluation.Suites, err)
	}
	if again, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "run", Spec: with(spec.Evaluation.Suites[0])}); err != nil || again.Evaluation.Suites[0] != spec.Evaluation.Suites[0] {
		t.Errorf("a resolved spec again: %v, %v", again.Evaluation.Suites, err)
	}
	prepared, err := h.prepare(ctx, t1.PrepareInput{Run: "run"}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	step, err := h.fineTune(ctx, t1.FineTuneInput{Run: "run", Seq: 1, Parent: prepared.Step.State, From: 0, To: 1, Total: 1}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.orderSuite(ctx, t1.OrderSuiteInput{Run: "run", Seq: 1, Policy: step.Policy, Suite: spec.Evaluation.Suites[0]})
	if err != nil {
		t.Fatal(err)
	}
	result, tokens := evaluateOn(t, h, in)
	if tokens == 0 || result.Problems != 1 || result.Samples != 2 || result.Policy != step.Policy {
		t.Errorf("%d tokens, %+v", tokens, result)
	}
	known, _ := tasks.KnownSuite("aime24")
	asked, _, err := OrderSuite(ctx, h.Store, subject(t, h, "run@1"), known, SuiteSettings{Samples: 2, Temperature: 1, TopP: 1, MaxTokens: 8, Seed: spec.Seed})
	if err != nil || asked.Order != in.Order {
		t.Errorf("by t1 eval it is %.12s, %v; in the run %.12s", asked.Order, err, in.Order)
	}
}

func TestSuiteMistakes(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	imports(t, h)
	tiny := subject(t, h, "tiny")
	known, _ := tasks.KnownSuite("gpqa")
	worked, err := tasks.SuiteOf("worked", tasks.Number)
	if err != nil {
		t.Fatal(err)
	}
	held, err := tasks.SuiteOf("held", tasks.Number)
	if err != nil {
		t.Fatal(err)
	}
	many := brief
	many.Problems = 5
	for name, c := range map[string]struct {
		suite    tasks.Suite
		settings SuiteSettings
		want     t1.Kind
		hint     string
	}{
		"not imported":   {known, brief, t1.KindNotFound, `--choices "Incorrect Answer 1`},
		"demonstrations": {worked, brief, t1.KindInvalid, ""},
		"too many":       {held, many, t1.KindInvalid, ""},
	} {
		if _, _, err := OrderSuite(ctx, h.Store, tiny, c.suite, c.settings); t1.KindOf(err) != c.want || !strings.Contains(t1.HintOf(err), c.hint) {
			t.Errorf("%s: %v, %s", name, err, t1.HintOf(err))
		}
	}
	if _, err := tasks.SuiteOf("held", tasks.Exec); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("graded by a program: %v", err)
	}
	for name, want := range map[string]t1.Kind{
		"none": t1.KindNotFound, "run:tiny": t1.KindNotFound, "tiny@1": t1.KindInvalid, "tiny@x": t1.KindInvalid, "a/b": t1.KindInvalid, "set:tiny": t1.KindInvalid,
	} {
		if _, err := library.FindSubject(ctx, h.Store, name); t1.KindOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package activities

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"t1"
	"t1/library"
)

// importHanded converts and stores a model that a function of handed.py makes.
func importHanded(t *testing.T, h *Host, function, name string) library.Model {
	t.Helper()
	model, _, err := library.ImportModel(context.Background(), h.Store, converted(t, function), library.ModelOptions{Name: name, Source: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// A model that reads and writes as SmolLM2 answers from the cut thinking of a
// policy that knows a game's words alone.
func TestSummaryModelOfAnotherTokenizer(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	model := importHanded(t, h, "spelled_as_smollm2", "smollm2")
	s := begin(t, h, "run")
	spec, err := h.spec(ctx, "run")
	if err != nil {
		t.Fatal(err)
	}
	spec.Evaluation.Problems = 4
	in := t1.EvaluateInput{
		Run: "run", Seq: s.head.Seq, Label: "sft", Policy: s.head.Policy, SummaryModel: model.Manifest.SHA256, Suite: "held_out", Spec: spec.Evaluation, Seed: 1,
	}
	shard := t1.EvaluateShardInput{Evaluation: in, To: 4}
	out, err := h.evaluateShard(ctx, shard, unheard)
	if err != nil {
		t.Fatal(err)
	}
	cuts, err := ReadRows[t1.Cut](ctx, h.Store, out.Cuts)
	if err != nil {
		t.Fatal(err)
	}
	if len(cuts) != 4*(1+10+2) {
		t.Errorf("%d cuts, want 13 for each of 4 problems", len(cuts))
	}
	if _, err := h.summarize(ctx, t1.SummarizeInput{Evaluation: in, Shards: []t1.Ref{out.Shard}, Cuts: []t1.Ref{out.Cuts}}, unheard); err != nil {
		t.Fatal(err)
	}
	result, err := readJSON[t1.Result](ctx, h.Store, t1.EvalKey("run", in.Policy, in.Suite)+"/result.json")
	if err != nil || result.Summary != model.Digest || result.NoThinking == nil {
		t.Errorf("summary model %.12s, want %.12s: %v", result.Summary, model.Digest, err)
	}

	// What it was asked: the question as a chat, then the words that are left, then the cue.
	e, err := h.evaluation(ctx, shard)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ReadRows[t1.Evaluated](ctx, h.Store, out.Shard)
	if err != nil {
		t.Fatal(err)
	}
	row := rows[len(rows)-2] // the last problem's first sample
	client, err := h.engine(ctx, "run", unheard)
	if err != nil {
		t.Fatal(err)
	}
	prompts, err := e.retold(ctx, client, []leftover{{row.Problem, row.Prompt, row.Tokens[:2]}, {row.Problem, row.Prompt, nil}}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	said, err := client.TextOf(model.Digest).Decode(ctx, [][]int32{prompts[0].Tokens, prompts[1].Tokens})
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(row.Text)[:2], " ")
	question := "<|im_start|>user\n" + e.judge.problems[row.Problem].Prompt + "<|im_end|>\n<|im_start|>assistant\n"
	for i, want := range []string{question + words + " answer", question + "answer"} {
		if !strings.HasSuffix(said[i], want) {
			t.Errorf("asked %q, want it to end in %q", said[i], want)
		}
	}
}

// A name becomes a digest, in a game's spec too; one that is not there is said
// before anything starts.
func TestSummaryModelIsPinned(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	model := importHanded(t, h, "handed", "tiny")
	with := func(name string) json.RawMessage {
		return json.RawMessage(strings.Replace(tinySpec, `"scaling": {`, `"scaling": {"summary_model": "`+name+`", `, 1))
	}
	spec, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "a", Spec: with("model:tiny")})
	if want := t1.SummaryModelPrefix + model.Manifest.SHA256; err != nil || spec.Evaluation.Scaling.SummaryModel != want {
		t.Errorf("got %q, %v; want %q", spec.Evaluation.Scaling.SummaryModel, err, want)
	}
	for name, want := range map[string]string{"model:none": "no model named none", "tiny": "evaluation.scaling.summary_model: got", "model:": "evaluation.scaling.summary_model: got"} {
		if _, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "b", Spec: with(name)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

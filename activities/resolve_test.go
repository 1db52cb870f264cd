package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"t1"
	"t1/library"
)

func numbered() string { return strings.Replace(importedSpec, "TASK", "number", 1) }

func resolved(h *Host, run, spec string) (t1.Spec, error) {
	return h.resolveSpec(context.Background(), t1.ResolveInput{Run: run, Spec: json.RawMessage(spec)})
}

// The same spec goes on, by names or by digests; a name that means something
// else now is told as that.
func TestTheSameSpecGoesOn(t *testing.T) {
	h := newHost(t)
	imports(t, h)
	first, err := resolved(h, "run", numbered())
	if err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]string{
		"by names":     numbered(),
		"by a digest":  strings.Replace(numbered(), `"sums"`, `"`+first.Task.Data.Train+`"`, 1),
		"defaults too": strings.Replace(numbered(), `"model"`, `"seed": 1, "snapshot_every": 10, "model"`, 1),
	} {
		again, err := resolved(h, "run", spec)
		if err != nil || len(specDifferences(first, again, again)) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = resolved(h, "run", strings.Replace(numbered(), `"k": 2`, `"k": 4`, 1))
	if t1.KindOf(err) != t1.KindConflict || !strings.Contains(err.Error(), "run run was started with another spec: rl.k: 2, now 4") {
		t.Errorf("another spec: %v", err)
	}
	importAs(t, h, library.ImportOptions{Name: "sums", Kind: library.Problems, Replace: true}, eight())
	_, err = resolved(h, "run", numbered())
	want := `task.data.train: "sums" means "`
	if t1.KindOf(err) != t1.KindConflict || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `now, the run has "`+first.Task.Data.Train) {
		t.Errorf("a name with another meaning: %v", err)
	}
	if _, err := resolved(h, "run", strings.Replace(numbered(), `"sums"`, `"`+first.Task.Data.Train+`"`, 1)); err != nil {
		t.Errorf("by the digest that the name had: %v", err)
	}
}

// eight are problems of another set than sums.
func eight() string {
	var lines strings.Builder
	for _, id := range "abcdefgh" {
		lines.WriteString(`{"id":"` + string(id) + `","question":"lo lo lo ` + string(id) + `","answer":"1"}` + "\n")
	}
	return lines.String()
}

// A run whose spec was kept before a field was there goes on with the field's
// default; a spec that asks for something else is another spec.
func TestASpecFromBeforeAField(t *testing.T) {
	h := newHost(t)
	imports(t, h)
	ctx := context.Background()
	whole, err := resolved(h, "new", numbered())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	delete(tree, "sampler")
	delete(tree["resources"].(map[string]any), "precision")
	delete(tree["task"].(map[string]any)["data"].(map[string]any), "overlap")
	delete(tree["evaluation"].(map[string]any), "suites")
	if data, err = json.MarshalIndent(tree, "", "  "); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.Create(ctx, t1.SpecKey("old"), bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	got, err := resolved(h, "old", numbered())
	if err != nil || len(specDifferences(whole, got, got)) > 0 {
		t.Errorf("it does not go on: %v", err)
	}
	if got.Sampler.GapLimit != t1.DefaultSpec().Sampler.GapLimit || got.Resources.Precision != "float32" || got.Task.Data.Overlap != t1.OverlapRefuse {
		t.Errorf("fields that were not there: %+v, %+v", got.Sampler, got.Resources)
	}
	if read, err := h.spec(ctx, "old"); err != nil || read.Resources.Precision != "float32" {
		t.Errorf("read by others: %+v, %v", read.Resources, err)
	}
	_, err = resolved(h, "old", strings.Replace(numbered(), `"threads": 1`, `"threads": 1, "precision": "bfloat16"`, 1))
	if t1.KindOf(err) != t1.KindConflict || !strings.Contains(err.Error(), `resources.precision: "float32", now "bfloat16"`) {
		t.Errorf("another value of it: %v", err)
	}
}

// A new run that would learn from what it is evaluated on does not start, unless
// its spec says that it may; one that began before goes on.
func TestLearningFromWhatIsHeldOut(t *testing.T) {
	h := newHost(t)
	imports(t, h)
	thirteen := "one two three four five six seven eight nine ten eleven twelve thirteen"
	importFile(t, h, "leaky", library.Problems, strings.Replace(eight(), "lo lo lo a", "LO 2?", 1)+`{"id":"i","question":"so `+thirteen+`","answer":"1"}`+"\n")
	importFile(t, h, "held-too", library.Problems, `{"id":"x","question":"lo 2","answer":"4"}`+"\n"+`{"id":"y","question":"and `+thirteen+` too","answer":"4"}`+"\n"+
		`{"id":"z","question":"lo 4","answer":"4"}`+"\n"+`{"id":"w","question":"lo 5","answer":"4"}`+"\n")
	importFile(t, h, "told", library.Demonstrations, `{"problem":"q","prompt":"lo 4","response":"hello"}`+"\n")
	leaky := strings.NewReplacer(`"sums"`, `"leaky"`, `"held"`, `"held-too"`).Replace(numbered())
	_, err := resolved(h, "leaky", leaky)
	if t1.KindOf(err) != t1.KindInvalid {
		t.Fatalf("it starts: %v", err)
	}
	for _, want := range []string{
		"task.data.train: 2 of the 9 rows of leaky ask what task.data.held_out, held-too, asks", "a asks the same as x", "i shares with y: " + thirteen,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if hint := t1.HintOf(err); !strings.Contains(hint, "t1 data import FILE --name leaky --against held-too --overlap drop --replace; or allow it in the spec: task.data.overlap: keep") {
		t.Errorf("hint %q", hint)
	}
	if _, err := h.spec(context.Background(), "leaky"); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("a run that was refused has a spec: %v", err)
	}
	_, err = resolved(h, "shown", strings.NewReplacer(`"held"`, `"held-too"`, `"worked"`, `"told"`).Replace(numbered()))
	if err == nil || !strings.Contains(err.Error(), "task.data.demonstrations: 1 of the 1 rows of told ask") || !strings.Contains(t1.HintOf(err), "--kind demonstrations") {
		t.Errorf("demonstrations: %v", err)
	}
	allowed := strings.Replace(leaky, `"train"`, `"overlap": "keep", "train"`, 1)
	kept, err := resolved(h, "allowed", allowed)
	if err != nil || kept.Task.Data.Overlap != t1.OverlapKeep {
		t.Errorf("allowed: %v", err)
	}
	kept.Task.Data.Overlap = t1.OverlapRefuse // as a run from before the field has it
	if _, err := keepJSON(context.Background(), h.Store, t1.SpecKey("before"), kept); err != nil {
		t.Fatal(err)
	}
	if _, err := resolved(h, "before", leaky); err != nil {
		t.Errorf("a run that began before: %v", err)
	}
}

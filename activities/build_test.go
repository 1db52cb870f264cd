package activities

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"t1"
	"t1/library"
)

// build stores the model of tinySpec, with changes, under a name.
func build(t *testing.T, h *Host, name string, change func(*t1.Spec)) library.Model {
	t.Helper()
	spec, mistakes := t1.DecodeSpec([]byte(tinySpec))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	change(&spec)
	directory := filepath.Join(t.TempDir(), "model")
	if err := BuildModel(context.Background(), h, spec, directory); err != nil {
		t.Fatal(err)
	}
	model, _, err := library.ImportModel(context.Background(), h.Store, directory, library.ModelOptions{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// A run that begins with a built model makes the states of the run that builds
// it itself, and another seed's run begins with the same weights.
func TestARunBeginsWithABuiltModel(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	built := build(t, h, "tiny", func(*t1.Spec) {})
	if again := build(t, h, "tiny", func(*t1.Spec) {}); again != built {
		t.Errorf("built again %+v, before %+v", again, built)
	}
	if other := build(t, h, "other", func(s *t1.Spec) { s.Seed = 2 }); other.Digest == built.Digest {
		t.Error("another seed makes the same weights")
	}
	scratch := begin(t, h, "scratch")
	based := strings.Replace(tinySpec, `"model": {`, `"model": {"base": "tiny", `, 1)
	from := beginWith(t, h, "based", based)
	if !slices.Equal(states(t, h, "based"), states(t, h, "scratch")) || from.head.Policy != scratch.head.Policy {
		t.Errorf("based   %v\nscratch %v", states(t, h, "based"), states(t, h, "scratch"))
	}
	spec, err := h.spec(ctx, "based")
	if err != nil || spec.Model.Base != built.Manifest.SHA256 {
		t.Errorf("model.base is resolved to %s, %v", spec.Model.Base, err)
	}
	if err := BuildModel(ctx, h, spec, filepath.Join(t.TempDir(), "model")); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("a model of a spec that builds none: %v", err)
	}
}

// A model that lacks words of the game is refused by name, before any record.
func TestAModelMustSpeakTheGame(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	build(t, h, "small", func(s *t1.Spec) { s.Task.Countdown.MaxTarget = 20 })
	based := strings.Replace(tinySpec, `"model": {`, `"model": {"base": "small", `, 1)
	if _, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "run", Spec: json.RawMessage(based)}); err != nil {
		t.Fatal(err)
	}
	_, err := h.prepare(ctx, t1.PrepareInput{Run: "run"}, unheard)
	if t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "model.base: the model lacks words of the game") || t1.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
	unknown := strings.Replace(tinySpec, `"model": {`, `"model": {"base": "nope", `, 1)
	_, err = h.resolveSpec(ctx, t1.ResolveInput{Run: "other", Spec: json.RawMessage(unknown)})
	if t1.KindOf(err) != t1.KindNotFound || !strings.Contains(err.Error(), "model.base: there is no model named nope") {
		t.Errorf("got %v", err)
	}
}

package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"t1"
)

// real gives the real engine of this checkout; `make setup` installs it.
func real(t *testing.T) *Process {
	t.Helper()
	dir, err := filepath.Abs("../../engine")
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(dir, ".venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("no engine environment: run `make setup` first (%v)", err)
	}
	p := New(Options{Python: python, Dir: dir, Log: filepath.Join(t.TempDir(), "engine.log"), Threads: 1, Stall: time.Minute})
	t.Cleanup(p.Close)
	return p
}

var tiny = t1.InitStep{
	Seed:       1,
	Scratch:    t1.ScratchSpec{HiddenSize: 32, IntermediateSize: 64, Layers: 2, Heads: 2, KVHeads: 1, RopeTheta: 10000, TieEmbeddings: true},
	Vocabulary: []string{"make", "from", "answer", "1", "2", "3"},
}

func TestRealEngine(t *testing.T) {
	ctx := context.Background()
	p := real(t)
	client, err := p.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, err := client.OpenScratch(ctx, tiny)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := client.Encode(ctx, []string{"make 3 from 1 2"})
	if err != nil {
		t.Fatal(err)
	}
	texts, err := client.Decode(ctx, ids)
	if err != nil || texts[0] != "make 3 from 1 2" {
		t.Fatalf("decode of %v: %q, %v", ids, texts, err)
	}
	generate := func() []Response {
		if _, err := client.OpenPolicy(ctx, first.Policy, ""); err != nil {
			t.Fatal(err)
		}
		var got []Response
		done, err := client.Generate(ctx, Generation{
			Policy: first.Policy, Prompts: []Prompt{{Tokens: ids[0], Seed: 7, Samples: 4}}, Temperature: 1, TopP: 1, MaxTokens: 8,
		}, func(r Response) { got = append(got, r) }, nil)
		if err != nil || len(got) != 4 || done.Tokens == 0 {
			t.Fatalf("%d responses, %+v, %v", len(got), done, err)
		}
		return got
	}
	before := generate()

	p.Kill() // the next call has an engine again, which holds nothing
	if client, err = p.Get(ctx); err != nil {
		t.Fatal(err)
	}
	if state, err := client.State(ctx); err != nil || state.Digest != "" {
		t.Fatalf("a fresh engine holds %+v, %v", state, err)
	}
	if _, err := client.OpenPolicy(ctx, first.Policy, ""); t1.KindOf(err) != t1.KindNotFound {
		t.Fatalf("policy of a dead engine: %v", err)
	}
	again, err := client.OpenScratch(ctx, tiny)
	if err != nil || again != first {
		t.Fatalf("scratch again: %+v, want %+v, %v", again, first, err)
	}
	for i, r := range generate() {
		if r.Text != before[i].Text {
			t.Errorf("response %d: %q, before %q", i, r.Text, before[i].Text)
		}
	}
}

package activities

import (
	"context"
	"encoding/json"
	"testing"

	"t1"
	"t1/tasks"
)

// Two runs on one engine have tokenizers of their own. Data that one of them
// tokenises while the other has the engine would be in the other's words.
func TestDataIsTokenisedByTheRunsOwnModel(t *testing.T) {
	h, ctx := newHost(t), context.Background()
	if _, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "one", Spec: json.RawMessage(tinySpec)}); err != nil {
		t.Fatal(err)
	}
	spec, err := h.spec(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	game, err := tasks.Game(spec.Task)
	if err != nil {
		t.Fatal(err)
	}
	client, err := h.engine(ctx, "one", unheard)
	if err != nil {
		t.Fatal(err)
	}
	step := *initStep(spec, game)
	first, err := client.OpenScratch(ctx, step)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.makeData(ctx, client, first.Policy, game, spec); err != nil {
		t.Fatal(err)
	}
	step.Seed++
	if _, err := client.OpenScratch(ctx, step); err != nil {
		t.Fatal(err)
	}
	if _, err := h.makeData(ctx, client, first.Policy, game, spec); t1.KindOf(err) != t1.KindUnavailable {
		t.Errorf("with the engine at another run's model: got %v, want a transient error", err)
	}
	encode := encoder{ctx: ctx, policy: first.Policy, text: client.TextOf(first.Policy)}
	if encode.texts([]string{"yes"}); t1.KindOf(encode.err) != t1.KindUnavailable {
		t.Errorf("when the engine goes to another model in between: got %v, want a transient error", encode.err)
	}
}

package activities

import (
	"context"

	"t1"
	"t1/infra/engine"
	"t1/tasks"
)

// BuildModel writes the model that a run of spec has at record 0 into a
// directory that does not exist yet. A spec that begins with another model, or
// with imported problems, has none: KindInvalid.
func BuildModel(ctx context.Context, host *Host, spec t1.Spec, directory string) error {
	game, err := tasks.Game(spec.Task)
	if err != nil {
		return err
	}
	if game == nil || spec.Model.Base != "" {
		return t1.Errorf(t1.KindInvalid, "the spec builds no model from scratch: it has task.name %q and model.base %q", spec.Task.Name, spec.Model.Base).
			WithHint("a spec of the game countdown without model.base; t1 model import takes models from elsewhere")
	}
	host.Engine.SetResources(spec.Resources)
	client, err := host.Engine.Get(ctx)
	if err != nil {
		return err
	}
	state, err := client.OpenScratch(ctx, *initStep(spec, game))
	if err != nil {
		return err
	}
	return client.Publish(ctx, directory, state.Policy, nil)
}

// speaks checks that a model writes each word of a game as a token of its own:
// the cue and the cuts are counted in them.
func speaks(ctx context.Context, text engine.Text, game t1.Task) error {
	const hint = "t1 model build SPEC --name NAME, with a spec of the same game, makes a model that has them"
	words := game.Vocabulary()
	ids, err := text.Encode(ctx, words)
	if t1.KindOf(err) == t1.KindInvalid {
		return t1.Errorf(t1.KindInvalid, "model.base: the model lacks words of the game: %w", err).WithHint(hint)
	}
	if err != nil {
		return err
	}
	read, err := text.Decode(ctx, ids)
	if err != nil {
		return err
	}
	for i, word := range words {
		if len(ids[i]) != 1 || read[i] != word {
			return t1.Errorf(t1.KindInvalid, "model.base: the model has no token of its own for %q, a word of the game", word).WithHint(hint)
		}
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"strings"

	"t1"
	"t1/library"
	"t1/plan"
	"t1/tasks"
)

// planData counts demonstrations and what can be counted of their lengths.
func (t *tool) planData(ctx context.Context, in *plan.Input, given plan.Assumptions) (plan.Assumptions, error) {
	assumed, err := given.Resolve()
	if err != nil {
		return nil, err
	}
	in.Counts.Demonstrations = int(assumed["demonstrations"])
	game, err := tasks.Game(in.Spec.Task)
	if err != nil {
		return nil, err
	}
	if game != nil {
		return gameLengths(in, game)
	}
	name := in.Spec.Task.Data.Demonstrations
	if name == "" {
		in.Counts.Demonstrations = 0
		return plan.Assumptions{}, nil
	}
	store, err := t.openStore(ctx)
	if err != nil {
		return nil, err
	}
	set, err := library.Resolve(ctx, store, name)
	switch {
	case t1.KindOf(err) == t1.KindNotFound:
		in.Notes = append(in.Notes, fmt.Sprintf("demonstrations %s are not in the library: %d are assumed", name, in.Counts.Demonstrations))
		return plan.Assumptions{}, nil
	case err != nil:
		return nil, err
	}
	rows, err := library.ReadDemonstrations(ctx, store, set)
	in.Counts.Demonstrations = len(rows)
	return plan.Assumptions{}, err
}

// gameLengths makes the game's texts, which are words with a space between, and
// counts them.
func gameLengths(in *plan.Input, game t1.Task) (plan.Assumptions, error) {
	train, _, err := game.Problems(in.Spec.Seed)
	if err != nil {
		return nil, err
	}
	var prompts, responses int
	for _, p := range train {
		prompts += len(strings.Fields(p.Prompt))
	}
	demonstrations := game.Demonstrations(in.Spec.Seed, train)
	for _, d := range demonstrations {
		responses += len(strings.Fields(d.Response)) + 1 // the end of sequence
	}
	in.Counts.Demonstrations = len(demonstrations)
	return plan.Assumptions{
		"prompt_tokens":        max(1, float64(prompts)/float64(max(1, len(train)))),
		"demonstration_tokens": max(1, float64(responses)/float64(max(1, len(demonstrations)))),
	}, nil
}

// measured reads what a run tells about the machine it ran on.
func (t *tool) measured(ctx context.Context, run string) (*plan.Measured, error) {
	store, err := t.runStore(ctx, run)
	if err != nil {
		return nil, err
	}
	in, err := loadReport(ctx, store, run)
	if err != nil {
		return nil, err
	}
	shape, err := runShape(ctx, store, run, in.Spec)
	if err != nil {
		return nil, err
	}
	m, err := plan.Measure(run, in.Spec, shape, in.Records, in.Observations, in.Results)
	return &m, err
}

// runShape is the shape of a run's model.
func runShape(ctx context.Context, store t1.Store, run string, spec t1.Spec) (plan.Shape, error) {
	if spec.Model.Base != "" { // a digest, in a spec that is resolved
		model, err := library.ResolveModel(ctx, store, spec.Model.Base)
		if err != nil {
			return plan.Shape{}, err
		}
		return storedShape(ctx, store, library.ModelKey(model.Manifest.SHA256))
	}
	game, err := tasks.Game(spec.Task)
	if err != nil {
		return plan.Shape{}, err
	}
	return plan.ScratchShape(spec.Model.Scratch, len(game.Vocabulary())), nil
}

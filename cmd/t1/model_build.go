package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"t1"
	"t1/activities"
	"t1/library"
)

func (t *tool) modelBuildCommand() *cobra.Command {
	o := library.ModelOptions{CreatedBy: version}
	var asJSON bool
	c := &cobra.Command{
		Use:   "build SPEC --name NAME",
		Short: "Build the model from scratch that a spec begins with, and store it under a name",
		Long: `build makes the model that a run of SPEC has at record 0: model.scratch with random
weights of the spec's seed, and one token for each word of its game. The same spec
makes the same bytes. Another spec of the same game begins with it by model.base:
whatever its own seed is then, the weights are these.`,
		Example: `  t1 model build examples/countdown.yaml --name countdown-0
  t1 model export countdown-0 scratch --model`,
		Args: one("SPEC, the file of a spec"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Name == "" {
				return usage(c, "%s needs --name NAME", c.Name())
			}
			return t.modelBuild(c.Context(), args[0], o, asJSON)
		},
	}
	jsonFlag(c, &asJSON, "data.md")
	c.Flags().StringVar(&o.Name, "name", "", "name of the model, required")
	c.Flags().BoolVar(&o.Replace, "replace", false, "give a name that is taken a new version")
	return c
}

func (t *tool) modelBuild(ctx context.Context, file string, o library.ModelOptions, asJSON bool) error {
	if err := library.CheckName(o.Name); err != nil {
		return err
	}
	spec, err := t.readSpec(file)
	if err != nil {
		return err
	}
	if err := t.settings.makeHome(); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(t.settings.cacheDir(), "build-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	o.Source = fmt.Sprintf("scratch, seed %d", spec.spec.Seed)
	model, stored, err := t.buildAndStore(ctx, spec.spec, filepath.Join(scratch, "model"), o)
	if ctx.Err() != nil {
		return interrupted()
	}
	if err != nil {
		return err
	}
	return t.tellModel(model, stored, asJSON)
}

func (t *tool) buildAndStore(ctx context.Context, spec t1.Spec, directory string, o library.ModelOptions) (library.Model, bool, error) {
	host, err := t.newHost(ctx, zerolog.Nop())
	if err != nil {
		return library.Model{}, false, err
	}
	defer host.Engine.Close()
	if err := activities.BuildModel(ctx, host, spec, directory); err != nil {
		return library.Model{}, false, err
	}
	return library.ImportModel(ctx, host.Store, directory, o)
}

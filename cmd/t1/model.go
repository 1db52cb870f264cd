package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"t1/library"
)

func (t *tool) modelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "model",
		Short: "Import, list and export models",
		Long: `model keeps models to start runs from under names: model.base of a spec is one.
docs/data.md has the details.`,
		Example: `  t1 model import SmolLM2-135M-Instruct --name smollm2
  t1 model list`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.modelImportCommand(), t.modelBuildCommand(), t.modelListCommand(), t.modelShowCommand(), t.modelExportCommand())
	return c
}

func (t *tool) modelListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the models in the store",
		Example: "  t1 model list\n  t1 model list --json | jq -r .name",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			store, err := t.openStore(c.Context())
			if err != nil {
				return err
			}
			models, err := library.Models(c.Context(), store)
			if err != nil {
				return err
			}
			if len(models) == 0 && !asJSON {
				fmt.Fprintf(t.err, "no models in %s\nTry: t1 model import DIR --name NAME\n", t.settings.Store)
			}
			return printRows(t.out, models, asJSON, func(w io.Writer, m library.Model) {
				fmt.Fprintf(w, "%s\t%s\t%s parameters\t%s\t%.12s\n", m.Name, m.Architecture, short(m.Parameters), m.Source, m.Manifest.SHA256)
			})
		},
	}
	jsonFlag(c, &asJSON, "data.md")
	return c
}

// short writes a large number as people speak of model sizes.
func short(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
	return fmt.Sprint(n)
}

func (t *tool) modelShowCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a model: what it is and where it came from",
		Long:    "show takes a name, or the digest of a model's manifest or weights.",
		Example: "  t1 model show smollm2",
		Args:    one("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			store, err := t.openStore(c.Context())
			if err != nil {
				return err
			}
			m, err := library.ResolveModel(c.Context(), store, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(t.out, m)
			}
			t.describeModel(m)
			return nil
		},
	}
	jsonFlag(c, &asJSON, "data.md")
	return c
}

func (t *tool) describeModel(m library.Model) {
	fmt.Fprintf(t.out, "%s, version %d: %s, %s parameters, from %s\n", m.Name, m.Version, m.Architecture, short(m.Parameters), m.Source)
	fmt.Fprintf(t.out, "%d files, %d bytes, below %s\n", m.Files, m.Bytes, library.ModelKey(m.Manifest.SHA256))
	fmt.Fprintf(t.out, "weights %s\n", m.Digest)
}

func (t *tool) modelExportCommand() *cobra.Command {
	var at int
	var asJSON, base bool
	c := &cobra.Command{
		Use:   "export RUN DIR | MODEL DIR --model",
		Short: "Write a run's policy, or a stored model, as a directory that transformers and vLLM load",
		Long: `export writes the policy after a record of a run's log into DIR, which must not
exist. Every byte is checked against its digest. A run keeps its newest policies
and those that were evaluated; for another one the error says which are there.
With --model the first argument is the name of a stored model in place of a run.`,
		Example: `  t1 model export countdown policy
  t1 model export countdown --at 40 policy-40
  t1 model export smollm2 smollm2 --model`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(c, "%s needs RUN and DIR, got %d arguments", c.Name(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("at") && at < 0 {
				return usage(c, "--at is %d; records count from 0", at)
			}
			if base {
				return t.storedExport(c.Context(), args[0], args[1], asJSON)
			}
			return t.modelExport(c.Context(), args[0], at, args[1], asJSON)
		},
	}
	jsonFlag(c, &asJSON, "data.md")
	c.Flags().BoolVar(&base, "model", false, "export a stored model, not a run's policy")
	recordFlag(c, &at, "at", library.Newest, "whose policy to write (default the newest that is published)")
	c.MarkFlagsMutuallyExclusive("at", "model")
	return c
}

func (t *tool) modelExport(ctx context.Context, run string, at int, directory string, asJSON bool) error {
	store, err := t.runStore(ctx, run)
	if err != nil {
		return err
	}
	done, err := library.ExportPolicy(ctx, store, run, at, directory)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(t.out, done)
	}
	_, err = fmt.Fprintf(t.out, "%s: the policy after record %d of run %s, %d files, %d bytes, weights %.12s\n",
		done.Directory, done.Seq, done.Run, done.Files, done.Bytes, done.Policy)
	return err
}

func (t *tool) storedExport(ctx context.Context, name, directory string, asJSON bool) error {
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	done, err := library.ExportModel(ctx, store, name, directory)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(t.out, done)
	}
	_, err = fmt.Fprintf(t.out, "%s: model %s, %d files, %d bytes, weights %.12s\n", done.Directory, name, done.Files, done.Bytes, done.Policy)
	return err
}

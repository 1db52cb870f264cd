package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"t1"
	"t1/lineage"
)

// listLine is one run as `t1 list --json` prints it.
type listLine struct {
	Run        string `json:"run"`
	Task       string `json:"task"`
	Records    int    `json:"records"`
	Iterations int    `json:"iterations"` // asked for
	Kind       string `json:"kind"`       // of the newest record; empty where there is none
}

func (t *tool) listCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the runs in the store",
		Long:    "list reads the store, so it needs no Temporal: each run, what it learns, and how many\nrecords its log has.",
		Example: "  t1 list\n  t1 list --json | jq -r .run",
		Args:    none,
		RunE:    func(c *cobra.Command, _ []string) error { return t.list(c.Context(), asJSON) },
	}
	jsonFlag(c, &asJSON, "cli-json.md")
	return c
}

func (t *tool) list(ctx context.Context, asJSON bool) error {
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	runs, err := runNames(ctx, store)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, run := range runs {
		line, err := listed(ctx, store, run)
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(t.out, line)
		} else {
			_, err = fmt.Fprintf(w, "%s\t%s\t%d records\t%d iterations asked for\n", line.Run, line.Task, line.Records, line.Iterations)
		}
		if err != nil {
			return err
		}
	}
	if len(runs) == 0 && !asJSON {
		fmt.Fprintf(t.err, "no runs in %s\nTry: t1 demo\n", t.settings.Store)
	}
	return w.Flush()
}

// runNames lists the runs that have a spec, in order.
func runNames(ctx context.Context, store t1.Store) ([]string, error) {
	var runs []string
	prefix, suffix := t1.RunKey(""), strings.TrimPrefix(t1.SpecKey("x"), t1.RunKey("x"))
	for ref, err := range store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		run, is := strings.CutSuffix(strings.TrimPrefix(ref.Key, prefix), suffix)
		if is && !strings.Contains(run, "/") {
			runs = append(runs, run)
		}
	}
	return runs, nil
}

func listed(ctx context.Context, store t1.Store, run string) (listLine, error) {
	line := listLine{Run: run}
	var spec t1.Spec
	if err := readJSON(ctx, store, t1.SpecKey(run), &spec); err != nil {
		return line, err
	}
	line.Task, line.Iterations = spec.Task.Name, spec.RL.Iterations
	ancestry, err := lineage.Read(ctx, store, run)
	if err != nil {
		return line, err
	}
	newest := ""
	if line.Records = ancestry.Shared(); line.Records > 0 {
		newest = t1.RecordKey(ancestry.Owner(line.Records-1), line.Records-1)
	}
	for ref, err := range store.List(ctx, t1.LogKey(run)+"/") {
		if err != nil {
			return line, err
		}
		line.Records++
		newest = ref.Key
	}
	if newest == "" {
		return line, nil
	}
	var record t1.Record
	err = readJSON(ctx, store, newest, &record)
	line.Kind = record.Kind
	return line, err
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"t1"
	"t1/library"
)

// shown is what `t1 data show --json` prints.
type shown struct {
	Dataset library.Dataset `json:"dataset"`
	Rows    []shownRow      `json:"rows"`
}

// shownRow is a row of either kind.
type shownRow struct {
	ID       string `json:"id"` // of the problem
	Question string `json:"question"`
	Answer   string `json:"answer,omitempty"`   // of a problem
	Data     string `json:"data,omitempty"`     // of a problem: what else the source had, as JSON
	Response string `json:"response,omitempty"` // of a demonstration
}

func (t *tool) dataShowCommand() *cobra.Command {
	var rows int
	var asJSON bool
	c := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a data set: where it came from, and its first rows",
		Long:    "show takes a name, or the digest of a data set.",
		Example: "  t1 data show gsm8k\n  t1 data show gsm8k --rows 1 --json | jq .dataset.counts",
		Args:    one("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if rows < 0 {
				return usage(c, "--rows is %d; it must not be negative", rows)
			}
			return t.dataShow(c.Context(), args[0], rows, asJSON)
		},
	}
	jsonFlag(c, &asJSON, "data.md")
	c.Flags().IntVar(&rows, "rows", 3, "rows to show")
	return c
}

func (t *tool) dataShow(ctx context.Context, name string, limit int, asJSON bool) error {
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	d, err := library.Resolve(ctx, store, name)
	if err != nil {
		return err
	}
	rows, err := firstRows(ctx, store, d, limit)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(t.out, shown{Dataset: d, Rows: rows})
	}
	fmt.Fprintf(t.out, "%s, version %d: %d %s from %s (%d read)\n", d.Name, d.Version, d.Counts.Kept, d.Kind, d.Source, d.Counts.Read)
	fmt.Fprintf(t.out, "object %s, %d bytes\n", d.Ref.Key, d.Ref.Bytes)
	for _, part := range slices.Sorted(maps.Keys(d.Fields)) {
		fmt.Fprintf(t.out, "%s from field %s\n", part, d.Fields[part])
	}
	if d.Benchmark {
		fmt.Fprintln(t.out, "benchmark: other imports are compared with it")
	}
	for _, checked := range d.Against {
		fmt.Fprintf(t.out, "compared with %s (%.12s)\n", checked.Name, checked.SHA256)
	}
	for _, row := range rows {
		fmt.Fprintf(t.out, "\n%s\n%s\n= %s%s\n", row.ID, row.Question, row.Answer, row.Response)
	}
	return nil
}

func firstRows(ctx context.Context, store t1.Store, d library.Dataset, limit int) ([]shownRow, error) {
	rows := []shownRow{}
	if d.Kind == library.Demonstrations {
		all, err := library.ReadDemonstrations(ctx, store, d)
		for _, r := range all[:min(limit, len(all))] {
			rows = append(rows, shownRow{ID: r.Problem, Question: r.Prompt, Response: r.Response})
		}
		return rows, err
	}
	all, err := library.ReadProblems(ctx, store, d)
	for _, r := range all[:min(limit, len(all))] {
		rows = append(rows, shownRow{ID: r.ID, Question: r.Prompt, Answer: r.Answer, Data: r.Data})
	}
	return rows, err
}

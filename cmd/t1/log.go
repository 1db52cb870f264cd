package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"t1"
	"t1/activities"
)

// logLine is one record as `t1 log --json` prints it.
type logLine struct {
	Seq       int                `json:"seq"`
	Kind      string             `json:"kind"`
	Iteration int                `json:"iteration"` // of an update; 0 for others
	Parent    t1.Digest          `json:"parent"`    // state before; empty in the first record
	Result    t1.Digest          `json:"result"`    // state after
	Policy    t1.Digest          `json:"policy"`    // policy after
	Metrics   map[string]float64 `json:"metrics"`
}

func (t *tool) logCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "log RUN",
		Short: "Print a run's records, one a line",
		Long: `log reads the store, so it needs no Temporal. It checks the chain while it reads:
a record that does not follow the one before is named and ends it.`,
		Example: `  t1 log countdown
  t1 log countdown --json | jq 'select(.kind == "update") | .metrics.reward'`,
		Args: one("RUN"),
		RunE: func(c *cobra.Command, args []string) error { return t.log(c.Context(), args[0], asJSON) },
	}
	jsonFlag(c, &asJSON)
	return c
}

func (t *tool) log(ctx context.Context, run string, asJSON bool) error {
	store, err := t.runStore(ctx, run)
	if err != nil {
		return err
	}
	records, err := activities.ReadLog(ctx, store, run)
	for _, record := range records {
		if err := printRecord(t.out, lineOfRecord(record), asJSON); err != nil {
			return err
		}
	}
	return err
}

func lineOfRecord(r t1.Record) logLine {
	line := logLine{Seq: r.Seq, Kind: r.Kind, Parent: r.Parent, Result: r.Result, Policy: r.Policy, Metrics: r.Metrics}
	if r.Update != nil {
		line.Iteration = r.Update.Iteration
	}
	if line.Metrics == nil {
		line.Metrics = map[string]float64{}
	}
	return line
}

func printRecord(w io.Writer, line logLine, asJSON bool) error {
	if asJSON {
		return printJSON(w, line)
	}
	metrics := make([]string, 0, len(line.Metrics))
	for _, name := range slices.Sorted(maps.Keys(line.Metrics)) {
		metrics = append(metrics, fmt.Sprintf("%s=%.4g", name, line.Metrics[name]))
	}
	_, err := fmt.Fprintf(w, "%6d  %-6s  %12.12s -> %.12s  %s\n", line.Seq, line.Kind, line.Parent, line.Result, strings.Join(metrics, " "))
	return err
}

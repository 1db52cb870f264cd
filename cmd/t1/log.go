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
	Run       string             `json:"run"` // that made it: of a fork's shared records another one
	Seq       int                `json:"seq"`
	Kind      string             `json:"kind"`
	Iteration int                `json:"iteration"` // of an update; 0 for others
	Parent    t1.Digest          `json:"parent"`    // state before; empty in the first record
	Result    t1.Digest          `json:"result"`    // state after
	Policy    t1.Digest          `json:"policy"`    // policy after
	Metrics   map[string]float64 `json:"metrics"`
}

func (t *tool) logCommand() *cobra.Command {
	var asJSON, graph bool
	c := &cobra.Command{
		Use:   "log RUN | log --graph [RUN]",
		Short: "Print a run's records, one a line, or how runs fork",
		Long: `log reads the store, so it needs no Temporal. It checks the chain while it reads:
a record that does not follow the one before is named and ends it. Of a fork it
shows the shared records too, and where its own begin. With --graph it prints the
tree of runs and their forks: of all runs, or of those that hang together with RUN.`,
		Example: `  t1 log countdown
  t1 log countdown --json | jq 'select(.kind == "update") | .metrics.reward'
  t1 log --graph`,
		Args: func(c *cobra.Command, args []string) error {
			if graph && len(args) == 0 {
				return nil
			}
			return one("RUN")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if graph {
				return t.graph(c.Context(), strings.Join(args, ""), asJSON)
			}
			return t.log(c.Context(), args[0], asJSON)
		},
	}
	jsonFlag(c, &asJSON, "cli-json.md")
	c.Flags().BoolVar(&graph, "graph", false, "print the tree of runs and their forks")
	return c
}

func (t *tool) log(ctx context.Context, run string, asJSON bool) error {
	store, err := t.runStore(ctx, run)
	if err != nil {
		return err
	}
	records, err := activities.ReadLog(ctx, store, run)
	for i, record := range records {
		if i > 0 && record.Run != records[i-1].Run && !asJSON {
			fmt.Fprintf(t.out, "        ------  records 0 to %d are shared with run %s\n", i-1, records[i-1].Run)
		}
		if err := printRecord(t.out, lineOfRecord(record), asJSON); err != nil {
			return err
		}
	}
	return err
}

func lineOfRecord(r t1.Record) logLine {
	line := logLine{Run: r.Run, Seq: r.Seq, Kind: r.Kind, Parent: r.Parent, Result: r.Result, Policy: r.Policy, Metrics: r.Metrics}
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

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"t1"
)

func (t *tool) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "status RUN",
		Short:   "Say what a run is doing",
		Long:    "status asks the run itself, so Temporal and a worker must be up; t1 log and t1 list\nread the store and need neither. A parked run says why it waits, and what to type.",
		Example: "  t1 status countdown\n  t1 status countdown --json | jq .iteration",
		Args:    one("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.status(c.Context(), args[0], asJSON)
		},
	}
	jsonFlag(c, &asJSON, "cli-json.md")
	return c
}

// jsonFlag adds --json; its fields are a contract, which a page of docs lists.
func jsonFlag(c *cobra.Command, into *bool, page string) {
	c.Flags().BoolVar(into, "json", false, "print JSON (docs/"+page+")")
}

// printJSON writes one value on one line, with < and > as they are.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

func (t *tool) status(ctx context.Context, run string, asJSON bool) error {
	temporal, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	status, err := queryStatus(ctx, temporal, run)
	if err != nil {
		return err
	}
	if asJSON {
		// A list is never null, whoever reads it.
		if status.Evaluations == nil {
			status.Evaluations = []t1.EvaluationSummary{}
		}
		return printJSON(t.out, status)
	}
	return printStatus(t.out, status)
}

func printStatus(out io.Writer, s t1.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, name+"\t"+format+"\n", args...) // a tabwriter fails in Flush
	}
	f := frameOf(s, t1.Observation{}, time.Now())
	row("run", "%s", s.Run)
	if s.Fork != nil {
		row("fork of", "%s at record %d", s.Fork.Run, s.Fork.At)
	}
	row("phase", "%s", strings.TrimSpace(fmt.Sprintf("%s, %d of %d  %s", s.Phase, f.done, f.total, f.leftText())))
	if s.Step != "" {
		row("now", "%s", s.Step)
	}
	row("iteration", "%d of %d", s.Iteration, s.Iterations)
	row("record", "%d, state %.12s", s.Seq, s.State)
	if len(f.figures) > 0 {
		row("metrics", "%s", line(f.figures))
	}
	if len(f.reasons) > 0 {
		row("penalties", "%s", line(f.reasons))
	}
	for _, e := range s.Evaluations {
		row("evaluation", "%s: sampled %s, greedy %s", e.Label, percent(e.Sampled), percent(e.Greedy))
	}
	if s.PauseAsked {
		row("asked", "pause; t1 resume %s", s.Run)
	}
	if s.StopAsked {
		row("asked", "stop")
	}
	if s.Parked != nil {
		row("parked", "%s: %s", s.Parked.Step, s.Parked.Reason)
		row("Try", "%s", s.Parked.Command)
	}
	return w.Flush()
}

// percent writes a share with its 95 % interval.
func percent(i t1.Interval) string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*i.Mean, 100*i.Low, 100*i.High)
}

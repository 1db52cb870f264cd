package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"t1/activities"
)

func (t *tool) verifyCommand() *cobra.Command {
	var from, to int
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify RUN",
		Short: "Replay a run's log and compare every digest",
		Long: `verify computes records again, from the rollouts that were kept, with an engine
of its own, and compares each state with the one in the log. It needs no
Temporal and disturbs no run.`,
		Example: `  t1 verify countdown
  t1 verify countdown --from 40 --to 60`,
		Args:        one("RUN"),
		Annotations: map[string]string{annotationExit: "verify ends with 0 only if every digest is the same, with 12 if one is not."},
		RunE: func(c *cobra.Command, args []string) error {
			return t.verify(c.Context(), args[0], from, to, asJSON)
		},
	}
	jsonFlag(c, &asJSON, "cli-json.md")
	recordFlag(c, &from, "from", 0, "the first to replay (default 0)")
	recordFlag(c, &to, "to", -1, "the last to replay (default the newest)")
	return c
}

func (t *tool) verify(ctx context.Context, run string, from, to int, asJSON bool) error {
	if err := checkRunName(run); err != nil {
		return err
	}
	if err := t.settings.makeHome(); err != nil {
		return err
	}
	host, err := t.newHost(ctx, zerolog.Nop())
	if err != nil {
		return err
	}
	defer host.Close()
	// A cache of its own: the worker's engine may be using the other.
	host.Cache, err = os.MkdirTemp(t.settings.cacheDir(), "verify-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(host.Cache) }()
	same := 0
	err = activities.Verify(ctx, host, run, from, to, func(v activities.Verified) {
		same++
		if asJSON {
			_ = printJSON(t.out, v) // nobody reads on: the exit status tells
			return
		}
		fmt.Fprintf(t.out, "%6d  %-6s  %.12s  same\n", v.Seq, v.Kind, v.Got)
	})
	if err != nil || asJSON {
		return err
	}
	fmt.Fprintf(t.out, "%d records replayed, every digest is the same\n", same)
	return nil
}

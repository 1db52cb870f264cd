package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"t1"
	"t1/activities"
)

func (t *tool) verifyCommand() *cobra.Command {
	var from, to int
	var deep, asJSON bool
	c := &cobra.Command{
		Use:   "verify RUN",
		Short: "Replay a run's log and compare every digest",
		Long: `verify computes records again, from the rollouts that were kept, with an engine
of its own, and compares each state with the one in the log: what differs is told
by record, metric and tensor. It needs no Temporal and disturbs no run.

--deep first reads every object of the run again, and every one that its log
refers to, and compares it with its digest; it goes through all of them before it
says which are damaged.`,
		Example: `  t1 verify countdown
  t1 verify countdown --from 40 --to 60
  t1 verify countdown --deep`,
		Args:        one("RUN"),
		Annotations: map[string]string{annotationExit: "verify ends with 0 only if every digest is the same, with 12 if one is not."},
		RunE: func(c *cobra.Command, args []string) error {
			return t.verify(c.Context(), args[0], from, to, deep, asJSON)
		},
	}
	c.Flags().BoolVar(&deep, "deep", false, "read every object of the run again, before the replay")
	jsonFlag(c, &asJSON, "cli-json.md")
	recordFlag(c, &from, "from", 0, "the first to replay (default 0)")
	recordFlag(c, &to, "to", -1, "the last to replay (default the newest)")
	return c
}

func (t *tool) verify(ctx context.Context, run string, from, to int, deep, asJSON bool) error {
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
	if deep {
		if err := t.scrub(ctx, host.Store, run, asJSON); err != nil {
			return err
		}
	}
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

// scrub reads a run's objects again and says how many there are, and which are damaged.
func (t *tool) scrub(ctx context.Context, store t1.Store, run string, asJSON bool) error {
	by, bytes := map[string]int{}, int64(0)
	err := activities.Scrub(ctx, store, run, func(o activities.Scrubbed) {
		by[o.Against], bytes = by[o.Against]+1, bytes+o.Bytes
		switch {
		case asJSON:
			_ = printJSON(t.out, o)
		case o.Wrong != "":
			fmt.Fprintf(t.out, "damaged  %s: %s\n", o.Key, o.Wrong)
		}
	})
	if err != nil || asJSON {
		return err
	}
	named := by[activities.ByLog] + by[activities.ByData] + by[activities.ByManifest]
	fmt.Fprintf(t.out, "%d objects read, %s: %d are what log and manifests say, %d are as the store keeps them\n",
		named+by[activities.ByStore], size(float64(bytes)), named, by[activities.ByStore])
	return nil
}

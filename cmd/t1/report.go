package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"t1"
	"t1/activities"
	"t1/report"
	"t1/tasks"
)

func (t *tool) reportCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "Write a run's report, one HTML file",
		Long: `report writes learning curves, fine-tuning beside reinforcement learning,
inference-scaling curves, timings and whole responses as one file that needs no
network. It reads the store, so it needs no Temporal, and a run that is still
going can be looked at.`,
		Example: "  t1 report countdown\n  t1 report countdown -o /tmp/countdown.html",
		Args:    one("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			store, err := t.runStore(c.Context(), args[0])
			if err != nil {
				return err
			}
			in, err := loadReport(c.Context(), store, args[0])
			if err != nil {
				return err
			}
			if err := writeReport(in, output); err != nil {
				return err
			}
			_, err = fmt.Fprintln(t.out, output)
			return err
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "report.html", "file to write")
	return c
}

// loadReport gathers all that a run has.
func loadReport(ctx context.Context, store t1.Store, run string) (report.Input, error) {
	in, err := report.Load(ctx, store, run, report.Readers{
		Problems: activities.ReadRows[t1.Problem], Rollouts: activities.ReadRows[t1.Rollout], Scores: activities.ReadRows[t1.Score],
		Advantages: activities.ReadRows[t1.Advantage], Evaluated: activities.ReadRows[t1.Evaluated],
	})
	if t1.KindOf(err) == t1.KindNotFound {
		return in, t1.Errorf(t1.KindNotFound, "there is no run %s in the store", run).WithHint("t1 list")
	}
	if err != nil {
		return in, err
	}
	in.Cue = tasks.Cue(in.Spec.Task)
	in.Tool, in.MadeAt = "t1 "+version, time.Now().Format(time.RFC3339)
	return in, nil
}

// writeReport replaces the file in one go, so a browser never sees half a page.
func writeReport(in report.Input, output string) error {
	next, err := os.CreateTemp(filepath.Dir(output), ".report-*")
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(next)
	err = errors.Join(report.Write(buffered, in), buffered.Flush(), next.Chmod(0o644), next.Close())
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return os.Rename(next.Name(), output)
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"t1"
	"t1/report"
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
			if err := t.writeReport(c.Context(), store, args[0], output); err != nil {
				return err
			}
			_, err = fmt.Fprintln(t.out, output)
			return err
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "report.html", "file to write")
	return c
}

// writeReport replaces the file in one go, so a browser never sees half a page.
func (t *tool) writeReport(ctx context.Context, store t1.Store, run, output string) error {
	loaded, err := report.Load(ctx, store, run)
	if err != nil {
		return err
	}
	loaded.Tool = "t1 " + version
	next, err := os.CreateTemp(filepath.Dir(output), ".report-*")
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(next)
	err = errors.Join(report.Write(buffered, loaded), buffered.Flush(), next.Chmod(0o644), next.Close())
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return os.Rename(next.Name(), output)
}

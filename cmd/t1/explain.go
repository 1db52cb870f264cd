package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"t1/activities"
)

func (t *tool) explainCommand() *cobra.Command {
	var asJSON bool
	var iteration int
	c := &cobra.Command{
		Use:   "explain RUN --iteration N",
		Short: "Show why an iteration moved the policy as it did",
		Long: `explain prints every rollout of an iteration: the problem, the response, the
verdict, the reasons of penalties, r' (reward after penalties), d (log ratio to
the anchor, nats) and A (advantage). It reads the store, so it needs no Temporal.`,
		Example: `  t1 explain countdown --iteration 12
  t1 explain countdown --iteration 12 --json | jq 'select(.penalties != [])'`,
		Args: one("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			if iteration < 1 {
				return usage(c, "--iteration is %d; iterations are counted from 1", iteration)
			}
			return t.explain(c.Context(), args[0], iteration, asJSON)
		},
	}
	jsonFlag(c, &asJSON, "cli-json.md")
	c.Flags().IntVar(&iteration, "iteration", 0, "iteration to explain, from 1, required")
	return c
}

func (t *tool) explain(ctx context.Context, run string, iteration int, asJSON bool) error {
	store, err := t.runStore(ctx, run)
	if err != nil {
		return err
	}
	rollouts, err := activities.Explain(ctx, store, run, iteration)
	if err != nil {
		return err
	}
	problem := ""
	for _, r := range rollouts {
		if asJSON {
			if r.Penalties == nil {
				r.Penalties = []string{} // a list is never null
			}
			err = printJSON(t.out, r)
		} else {
			if r.Problem != problem {
				problem = r.Problem
				fmt.Fprintf(t.out, "\n%s  %s\n", r.Problem, r.Prompt)
			}
			err = printRollout(t.out, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func printRollout(w io.Writer, r activities.Explained) error {
	verdict := "wrong"
	if r.Correct {
		verdict = "right"
	}
	if len(r.Penalties) > 0 {
		verdict += ", " + strings.Join(r.Penalties, ", ")
	}
	_, err := fmt.Fprintf(w, "  #%d  %s  r' %+g  d %+.3f  A %+.3f  %d tokens, %s\n      %s\n",
		r.Sample, verdict, r.Reward, r.KL, r.Advantage, r.Tokens, r.Finish,
		strings.ReplaceAll(strings.TrimSpace(r.Text), "\n", "\n      "))
	return err
}

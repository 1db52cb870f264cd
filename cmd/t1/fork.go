package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"t1"
	"t1/activities"
)

// forkedRun is what `t1 fork --json` prints.
type forkedRun struct {
	Run     string    `json:"run"`     // the new run
	Parent  string    `json:"parent"`  // the run whose records it shares
	At      int       `json:"at"`      // the last of them
	State   t1.Digest `json:"state"`   // after it
	Started bool      `json:"started"` // false where the fork was going already
}

func (t *tool) forkCommand() *cobra.Command {
	var request t1.ForkRequest
	var run string
	var set []string
	var wait, asJSON bool
	c := &cobra.Command{
		Use:   "fork RUN --at N --run NEW",
		Short: "Start a run that shares the first records of another",
		Long: `fork starts run NEW, whose log begins with records 0 to N of RUN, and goes on from
there with RUN's settings, but for those that --set changes. The records are
shared where they are: nothing is copied but one snapshot and one policy, so what
RUN collects later does not matter. Without --set NEW makes the same states as
RUN. What the shared records were made with cannot be changed. Settings that were
steered in RUN before record N stay so.`,
		Example: `  t1 fork countdown --at 56 --run k4 --set rl.k=4
  t1 fork countdown --at 56 --run fixed --set rl.anchor.action=fixed --set rl.iterations=30 --wait`,
		Args:        one("RUN"),
		Annotations: map[string]string{annotationExit: "With --wait: as t1 train --wait."},
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("at") || request.At < 0 {
				return usage(c, "%s needs --at N, the last record to share, from 0", c.Name())
			}
			if run == "" {
				return usage(c, "%s needs --run NEW, the name of the new run", c.Name())
			}
			var err error
			if request.Set, err = parseSet(set); err != nil {
				return err
			}
			request.Run = args[0]
			return t.fork(c.Context(), run, request, wait, asJSON)
		},
	}
	jsonFlag(c, &asJSON, "cli-json.md")
	recordFlag(c, &request.At, "at", 0, "the last one to share, required")
	c.Flags().StringVar(&run, "run", "", "name of the new run, required")
	c.Flags().StringArrayVar(&set, "set", nil, "a setting to change, PATH=VALUE such as rl.k=4; may be given again")
	c.Flags().BoolVar(&wait, "wait", false, "show progress until the run ends")
	c.MarkFlagsMutuallyExclusive("wait", "json")
	return c
}

// parseSet reads settings to change. A value is JSON, and what is none is a text.
func parseSet(given []string) (map[string]json.RawMessage, error) {
	set := map[string]json.RawMessage{}
	for _, one := range given {
		path, value, found := strings.Cut(one, "=")
		if !found || path == "" {
			return nil, t1.Errorf(t1.KindInvalid, "--set %s: no PATH=VALUE", one).WithHint("--set rl.k=4")
		}
		if _, twice := set[path]; twice {
			return nil, t1.Errorf(t1.KindInvalid, "--set names %s twice", path).WithHint("give it once")
		}
		set[path] = json.RawMessage(value)
		if !json.Valid(set[path]) {
			text, err := json.Marshal(value)
			if err != nil {
				return nil, err
			}
			set[path] = text
		}
	}
	if len(set) == 0 {
		return nil, nil
	}
	return set, nil
}

func (t *tool) fork(ctx context.Context, run string, request t1.ForkRequest, wait, asJSON bool) error {
	plan, err := t.planFork(ctx, run, request)
	if err != nil {
		return err
	}
	input, err := request.JSON()
	if err != nil {
		return err
	}
	temporal, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	started, err := startTrain(ctx, temporal, run, readSpec{json: input, spec: plan.Spec})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(t.out, forkedRun{run, request.Run, request.At, plan.Step.State, started})
	}
	t.announceRun(run, started)
	fmt.Fprintf(t.out, "it shares records 0 to %d of run %s\n", request.At, request.Run)
	if !wait {
		fmt.Fprintf(t.out, "look on with: t1 status %s\n", run)
		return nil
	}
	_, err = t.follow(ctx, temporal, run)
	if ctx.Err() != nil {
		fmt.Fprintf(t.out, "detached; the run goes on. Look on with: t1 status %s\n", run)
		return nil
	}
	return err
}

// planFork refuses at once what the run would refuse.
func (t *tool) planFork(ctx context.Context, run string, request t1.ForkRequest) (t1.ForkOutput, error) {
	if err := errors.Join(checkRunName(request.Run), checkRunName(run)); err != nil {
		return t1.ForkOutput{}, err
	}
	store, err := t.openStore(ctx)
	if err != nil {
		return t1.ForkOutput{}, err
	}
	return activities.PlanFork(ctx, store, run, request)
}

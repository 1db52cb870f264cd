package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"t1"
)

// steerCommands are the updates of Train as commands. Each does what
// `temporal workflow update execute --name NAME -w RUN` does.
func (t *tool) steerCommands() []*cobra.Command {
	return []*cobra.Command{
		t.plainUpdate(t1.UpdatePause, "Let a run rest after this step", "paused after this step",
			"pause finishes the record that is being made; then the run waits for t1 resume. It\ndoes so whatever is restarted meanwhile."),
		t.plainUpdate(t1.UpdateResume, "Let a paused run go on", "goes on",
			"resume is for a run that was paused; one that is parked goes on by t1 resolve."),
		t.plainUpdate(t1.UpdateStop, "End a run after this iteration", "stops after this iteration",
			"stop ends a run for good; what it has made stays, and t1 fork goes on from any record.\nTo let it rest only, use t1 pause."),
		t.setCommand(),
		t.resolveCommand(),
	}
}

func (t *tool) plainUpdate(name, short, done, long string) *cobra.Command {
	return &cobra.Command{
		Use:     name + " RUN",
		Short:   short,
		Long:    long,
		Example: fmt.Sprintf("  t1 %s countdown", name),
		Args:    one("RUN"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.steer(c.Context(), args[0], name, done)
		},
	}
}

func (t *tool) setCommand() *cobra.Command {
	var learningRate, temperature, beta, alpha, gapLimit float64
	var evaluateEvery int
	c := &cobra.Command{
		Use:     "set RUN",
		Short:   "Change a run's settings from its next iteration on",
		Long:    "set changes what is given and nothing else, and the log records it. All other settings\nare fixed when a run starts: t1 fork begins another run with them.",
		Example: "  t1 set countdown --learning-rate 5e-5 --beta 0",
		Args:    one("RUN"),
	}
	c.Flags().Float64Var(&learningRate, "learning-rate", 0, "peak learning rate, above 0")
	c.Flags().Float64Var(&temperature, "temperature", 0, "of sampling, above 0, at most 2")
	c.Flags().Float64Var(&beta, "beta", 0, "weight of the distance to the anchor per nat, at least 0")
	c.Flags().Float64Var(&alpha, "alpha", 0, "weight of the entropy bonus per nat, at least 0")
	c.Flags().IntVar(&evaluateEvery, "evaluate-every", 0, "iterations between evaluations; 0: only where evaluation.at of the spec says")
	c.Flags().Float64Var(&gapLimit, "gap-limit", 0, "largest mean gap of sampler and trainer, nats a token; 0 allows any")
	c.RunE = func(c *cobra.Command, args []string) error {
		var change t1.Steering
		given := map[string]func(){
			"learning-rate":  func() { change.LearningRate = &learningRate },
			"temperature":    func() { change.Temperature = &temperature },
			"beta":           func() { change.Beta = &beta },
			"alpha":          func() { change.Alpha = &alpha },
			"evaluate-every": func() { change.EvaluateEvery = &evaluateEvery },
			"gap-limit":      func() { change.GapLimit = &gapLimit },
		}
		some := false
		for flag, take := range given {
			if c.Flags().Changed(flag) {
				take()
				some = true
			}
		}
		if !some {
			return usage(c, "set needs something to set")
		}
		return t.steer(c.Context(), args[0], t1.UpdateSet, "set from the next iteration on", change)
	}
	return c
}

func (t *tool) resolveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resolve RUN retry|resample|skip|abort",
		Short:   "Say how a parked run goes on",
		Long:    "A run that kept failing waits, parked: retry does the step again and uses what\nthere is of it; resample throws away what an iteration sampled, which was not trained\non, and samples it anew; skip goes on with the next iteration, abort ends the run.\nt1 status says why it waits.",
		Example: "  t1 resolve countdown retry",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(c, "resolve needs RUN and one of retry, resample, skip, abort")
			}
			return nil
		},
		ValidArgs: []string{"retry", "resample", "skip", "abort"},
		RunE: func(c *cobra.Command, args []string) error {
			return t.steer(c.Context(), args[0], t1.UpdateResolve, args[1]+" it is", t1.Resolution{Action: args[1]})
		},
	}
}

// steer sends an update and waits until the run has taken or refused it.
func (t *tool) steer(ctx context.Context, run, update, done string, args ...any) error {
	temporal, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	handle, err := temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run, UpdateName: update, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	if err := handle.Get(ctx, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "run %s: %s\n", run, done)
	return err
}

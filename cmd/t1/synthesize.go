package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"t1"
	"t1/activities"
)

// synthesizeOptions are the flags of `t1 synthesize`.
type synthesizeOptions struct {
	name   string
	wait   bool
	asJSON bool
}

func (t *tool) synthesizeCommand() *cobra.Command {
	var o synthesizeOptions
	c := &cobra.Command{
		Use:   "synthesize SPEC",
		Short: "Make demonstrations with models behind OpenAI-compatible endpoints",
		Long: `synthesize makes the data of the supervised initialisation: attempts by several
models, a critique of each, a merge, a rewrite. It stores the spec, its prompts
and its problems under the name, and starts the work; the same again joins it,
or goes on with what a stop left. No reply that is stored is asked for again.

API keys come from the environment of the worker (of t1 up), under the names in
the spec. docs/synthesis.md has the spec, the prompts and the checks.`,
		Example: `  t1 synthesize examples/synthesis/sums.yaml --wait
  t1 synthesize status sums
  t1 synthesize stop sums`,
		Args:        one("SPEC, the file of a synthesis spec"),
		Annotations: map[string]string{annotationExit: "With --wait: 0 when it is done, was stopped, or Ctrl-C was pressed."},
		RunE:        func(c *cobra.Command, args []string) error { return t.synthesize(c.Context(), args[0], o) },
	}
	c.Flags().StringVar(&o.name, "name", "", "name of the synthesis (default: the file's name without its ending)")
	c.Flags().BoolVar(&o.wait, "wait", false, "show progress until it ends")
	c.Flags().BoolVar(&o.asJSON, "json", false, "print JSON: the last status with --wait, else what was started (docs/synthesis.md)")
	c.AddCommand(t.synthesizeStatusCommand(), t.synthesizeResolveCommand())
	for _, update := range [][3]string{
		{t1.UpdatePause, "Let a synthesis rest after the problems at work", "rests after the problems at work"},
		{t1.UpdateResume, "Let a paused synthesis go on", "goes on"},
		{t1.UpdateStop, "End a synthesis with what there is", "ends after the problems at work"},
	} {
		c.AddCommand(t.synthesizeUpdate(update[0], update[1], update[2]))
	}
	return c
}

func (t *tool) synthesizeUpdate(update, short, done string) *cobra.Command {
	return &cobra.Command{
		Use: update + " NAME", Short: short, Example: "  t1 synthesize " + update + " sums", Args: one("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.steer(c.Context(), t1.SynthesisID(args[0]), update, done)
		},
	}
}

func (t *tool) synthesizeResolveCommand() *cobra.Command {
	var budget float64
	c := &cobra.Command{
		Use:   "resolve NAME retry|skip",
		Short: "Say how a parked synthesis goes on",
		Long: "retry asks for what failed again, skip rejects the problems that failed. --budget\n" +
			"sets a new limit in the same go; 0 takes it away.",
		Example: "  t1 synthesize resolve sums retry --budget 50",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(c, "resolve needs NAME and one of retry, skip")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			in := t1.SynthesisResolution{Action: args[1]}
			if c.Flags().Changed("budget") {
				in.Budget = &budget
			}
			return t.steer(c.Context(), t1.SynthesisID(args[0]), t1.UpdateResolve, args[1]+" it is", in)
		},
	}
	c.Flags().Float64Var(&budget, "budget", 0, "new budget, in the currency of the prices; 0 means no limit")
	return c
}

func (t *tool) synthesizeStatusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status NAME", Short: "Say how far a synthesis is", Args: one("NAME"),
		Example: "  t1 synthesize status sums\n  t1 synthesize status sums --json | jq .spent.cost",
		RunE: func(c *cobra.Command, args []string) error {
			temporal, err := t.dial(c.Context())
			if err != nil {
				return err
			}
			defer temporal.Close()
			status, err := querySynthesis(c.Context(), temporal, args[0])
			if err != nil {
				return err
			}
			return t.printSynthesis(status, asJSON)
		},
	}
	jsonFlag(c, &asJSON, "synthesis.md")
	return c
}

func (t *tool) synthesize(ctx context.Context, path string, o synthesizeOptions) error {
	if o.name == "" {
		o.name = runNameOf(path)
	}
	if err := checkRunName(o.name); err != nil {
		return t1.Errorf(t1.KindInvalid, "%w", err).WithHint("--name NAME")
	}
	if err := t.keepSynthesis(ctx, path, o.name); err != nil {
		return err
	}
	temporal, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	started, err := startSynthesis(ctx, temporal, o.name)
	if err != nil {
		return err
	}
	if !o.wait {
		return t.announceSynthesis(o, started)
	}
	return t.followSynthesis(ctx, temporal, o)
}

// keepSynthesis stores what the workflow is to do.
func (t *tool) keepSynthesis(ctx context.Context, path, name string) error {
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	spec, err := t.readSynthesis(path)
	if err != nil {
		return err
	}
	prompts, err := readPrompts(path, spec.Prompts)
	if err != nil {
		return err
	}
	problems, err := readSynthesisProblems(ctx, store, path, spec.Problems)
	if err != nil {
		return err
	}
	return activities.KeepSynthesis(ctx, store, t1.Synthesis{Name: name, Spec: spec, Prompts: prompts}, problems)
}

// startSynthesis starts the workflow, or joins it where it is going; one that
// has ended starts again, and asks for what is missing only.
func startSynthesis(ctx context.Context, c client.Client, name string) (started bool, err error) {
	before, err := workflowRunID(ctx, c, t1.SynthesisID(name))
	if err != nil {
		return false, err
	}
	w, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       t1.SynthesisID(name),
		TaskQueue:                t1.QueueControl,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            "synthesis " + name,
	}, t1.WorkflowSynthesize, t1.SynthesizeInput{Name: name})
	if err != nil {
		return false, err
	}
	return w.GetRunID() != before, nil
}

// startedSynthesis is what `t1 synthesize --json` prints without --wait.
type startedSynthesis struct {
	Name     string `json:"name"`
	Workflow string `json:"workflow"` // its ID
	Started  bool   `json:"started"`  // false where it was going already
}

func (t *tool) announceSynthesis(o synthesizeOptions, started bool) error {
	if o.asJSON {
		return printJSON(t.out, startedSynthesis{o.name, t1.SynthesisID(o.name), started})
	}
	what := "is going already; joined it"
	if started {
		what = "started"
	}
	_, err := fmt.Fprintf(t.out, "synthesis %s %s\nlook on with: t1 synthesize status %s\n", o.name, what, o.name)
	return err
}

// followSynthesis shows how it goes until it ends; Ctrl-C leaves it going.
func (t *tool) followSynthesis(ctx context.Context, temporal client.Client, o synthesizeOptions) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	shown := ""
	for missed := 0; ; {
		status, err := querySynthesis(ctx, temporal, o.name)
		switch {
		case ctx.Err() != nil:
			fmt.Fprintf(t.err, "detached; it goes on. Look on again with: t1 synthesize status %s\n", o.name)
			return nil
		case err != nil:
			if missed++; missed >= 10*missesToTell {
				return err
			}
		case over(status.Phase) && status.Result != nil:
			return t.printSynthesis(status, o.asJSON)
		default:
			missed = 0
			if err := t.aliveSynthesis(ctx, temporal, o.name); err != nil {
				return err
			}
			if line := synthesisLine(status); line != shown {
				shown = line
				fmt.Fprintln(t.err, line)
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// aliveSynthesis is an error once the workflow has failed or was ended from outside.
func (t *tool) aliveSynthesis(ctx context.Context, temporal client.Client, name string) error {
	f := follower{temporal: temporal, run: t1.SynthesisID(name)}
	if err := f.alive(ctx); err != nil {
		return t1.Errorf(t1.KindInternal, "the synthesis's workflow has failed or was ended").
			WithHint("temporal workflow show -w %s; every reply is kept", t1.SynthesisID(name))
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"t1"
	"t1/activities"
)

func (t *tool) trainCommand() *cobra.Command {
	var run string
	var wait bool
	c := &cobra.Command{
		Use:   "train SPEC",
		Short: "Start a run, or go on with it",
		Long: `train checks the spec (YAML or JSON), starts the run and prints its name. A run
of that name that is going already is joined; one started with another spec is
refused, and so is a spec whose data ask what the run is evaluated on. With --wait
it shows progress until the run ends; Ctrl-C then leaves the run going. A worker
does the work: t1 up starts one.`,
		Example: `  t1 train examples/countdown.yaml
  t1 train examples/countdown.yaml --run second --wait`,
		Args:        one("SPEC, the file of a spec"),
		Annotations: map[string]string{annotationExit: "With --wait: 0 when the run is done or Ctrl-C was pressed, 1 where it was ended from outside."},
		RunE: func(c *cobra.Command, args []string) error {
			return t.train(c.Context(), args[0], run, wait)
		},
	}
	c.Flags().StringVar(&run, "run", "", "name of the run (default: the file's name without its ending)")
	c.Flags().BoolVar(&wait, "wait", false, "show progress until the run ends")
	return c
}

func (t *tool) train(ctx context.Context, path, run string, wait bool) error {
	spec, err := t.readSpec(path)
	if err != nil {
		return err
	}
	if run == "" {
		run = runNameOf(path)
	}
	if err := t.checkStart(ctx, run, spec); err != nil {
		return err
	}
	temporal, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	started, err := startTrain(ctx, temporal, run, spec)
	if err != nil {
		return err
	}
	t.announceRun(run, started)
	if !wait {
		fmt.Fprintf(t.out, "look on with: t1 status %s\n", run)
		return nil
	}
	_, err = t.follow(ctx, temporal, run)
	if ctx.Err() != nil {
		fmt.Fprintf(t.out, "detached; the run goes on. Look on again with: t1 train %s --run %s --wait\n", path, run)
		return nil
	}
	return err
}

func (t *tool) announceRun(run string, started bool) {
	if started {
		fmt.Fprintf(t.out, "run %s started\n", run)
		return
	}
	fmt.Fprintf(t.out, "run %s is going already; joined it\n", run)
}

// runNameOf is the run's name for a spec file.
func runNameOf(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// checkStart refuses what would fail later: a name no run can have, one that was
// used with another spec, or data that cannot be learnt from.
func (t *tool) checkStart(ctx context.Context, run string, spec readSpec) error {
	if err := checkRunName(run); err != nil {
		return err
	}
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	_, _, err = activities.PlanTrain(ctx, store, run, spec.spec)
	return err
}

// errEnded is the cause where a run of that name is complete.
var errEnded = errors.New("has ended already")

// startTrain starts the workflow, or joins it where it is going. started is
// false when it was there. A run that has ended is KindConflict.
func startTrain(ctx context.Context, c client.Client, run string, spec readSpec) (started bool, err error) {
	before, err := workflowRunID(ctx, c, run)
	if err != nil {
		return false, err
	}
	w, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       run,
		TaskQueue:                t1.QueueControl,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		// The answer to a run that has ended; one that is going is joined.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("%s, %d iterations", spec.spec.Task.Name, spec.spec.RL.Iterations),
	}, t1.WorkflowTrain, spec.json)
	var ended *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &ended) {
		return false, t1.Errorf(t1.KindConflict, "run %s %w", run, errEnded).
			WithHint("t1 report %s, or start another: --run NAME", run)
	}
	if err != nil {
		return false, err
	}
	return w.GetRunID() != before, nil
}

// workflowRunID is Temporal's own ID of the newest execution; empty where there
// is none.
func workflowRunID(ctx context.Context, c client.Client, run string) (string, error) {
	description, err := c.DescribeWorkflowExecution(ctx, run, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return description.GetWorkflowExecutionInfo().GetExecution().GetRunId(), nil
}

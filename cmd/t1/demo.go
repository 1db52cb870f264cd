package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"t1"
)

// demoSpec is where the demo's spec lies, here or beside the binary's directory.
const demoSpec = "examples/countdown.yaml"

func (t *tool) demoCommand() *cobra.Command {
	var file, run, output string
	var options upOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Train the example here, and write report.html",
		Long: `demo does all of it: it starts Temporal and a worker, trains ` + demoSpec + `,
shows progress, prints fine-tuning beside reinforcement learning, and writes a
report. Ctrl-C ends it; the next t1 demo goes on where the run was. A demo that
is going in another terminal is joined.`,
		Example:     "  t1 demo\n  t1 demo --run other",
		Args:        none,
		Annotations: map[string]string{annotationExit: "demo ends with 0 when the run is done, and on Ctrl-C."},
		RunE: func(c *cobra.Command, _ []string) error {
			return t.demo(c.Context(), file, run, output, options)
		},
	}
	c.Flags().StringVar(&file, "spec", "", "another spec to train (default "+demoSpec+")")
	c.Flags().StringVar(&run, "run", "", "name of the run (default: the spec's file name without its ending)")
	c.Flags().StringVarP(&output, "output", "o", "report.html", "file of the report")
	options.register(c)
	return c
}

func (t *tool) demo(ctx context.Context, file, run, output string, options upOptions) error {
	run, spec, err := t.demoRun(ctx, file, run)
	if err != nil {
		return err
	}
	err = t.beside(ctx, options, func(runCtx context.Context) error {
		phase, err := t.trainHere(runCtx, run, spec)
		if err == nil && ctx.Err() == nil {
			err = t.demoResult(ctx, run, phase, output)
		}
		return err
	})
	if ctx.Err() != nil {
		fmt.Fprintf(t.out, "stopped; nothing is lost. Go on with: t1 demo --run %s\n", run)
		return nil
	}
	return err
}

// beside does work while somebody's servers are up, see hold. Whatever ends first
// ends the other: the work's end takes the servers down, and servers that cannot
// live end the work, and their error counts.
func (t *tool) beside(ctx context.Context, options upOptions, work func(context.Context) error) error {
	upCtx, stopUp := context.WithCancel(ctx)
	defer stopUp()
	upEnded := make(chan error, 1)
	workCtx, stopWork := context.WithCancel(ctx)
	defer stopWork()
	go func() {
		defer stopWork()
		upEnded <- t.hold(upCtx, options)
	}()
	err := work(workCtx)
	stopUp()
	if upErr := <-upEnded; upErr != nil {
		return upErr
	}
	return err
}

// demoRun is the run that the demo is about.
func (t *tool) demoRun(ctx context.Context, file, run string) (string, readSpec, error) {
	var err error
	if file == "" {
		if file, err = findBeside(demoSpec); err != nil {
			return "", readSpec{}, err
		}
	}
	if run == "" {
		run = runNameOf(file)
	}
	spec, err := t.readSpec(file)
	if err != nil {
		return "", spec, err
	}
	return run, spec, t.checkStart(ctx, run, spec)
}

// hold sees to it that somebody's servers are up: ours, or those of another t1
// for as long as it lives, after which ours take over.
func (t *tool) hold(ctx context.Context, options upOptions) error {
	for told := false; ; {
		held, err := t.settings.takeLock()
		if err == nil {
			return t.up(ctx, held, options, t.announceUp)
		}
		if t1.KindOf(err) != t1.KindConflict {
			return err
		}
		if !told {
			t.notef("%v; using it", err)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// trainHere starts or joins the run as soon as the server answers, and follows
// it to its last phase.
func (t *tool) trainHere(ctx context.Context, run string, spec readSpec) (phase string, err error) {
	temporal, err := t.dialWhenUp(ctx)
	if err != nil {
		return "", err
	}
	defer temporal.Close()
	started, err := startTrain(ctx, temporal, run, spec)
	if errors.Is(err, errEnded) {
		fmt.Fprintf(t.out, "run %s is complete already; make demo RUN=other starts another\n", run)
		return t1.PhaseDone, nil
	}
	if err != nil {
		return "", err
	}
	t.announceRun(run, started)
	return t.follow(ctx, temporal, run)
}

// demoResult prints the table and writes the report.
func (t *tool) demoResult(ctx context.Context, run, phase, output string) error {
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	in, err := loadReport(ctx, store, run)
	if err != nil {
		return err
	}
	in.Phase = phase
	if err := writeReport(in, output); err != nil {
		return err
	}
	if err := printTable(t.out, in.Results); err != nil {
		return err
	}
	absolute, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "\nreport: %s\n", absolute)
	return err
}

// findBeside finds a file of the repository: here, or where make put the binary.
func findBeside(name string) (string, error) {
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	if exe, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(filepath.Dir(exe)), name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", t1.Errorf(t1.KindNotFound, "there is no %s here", name).WithHint("run t1 demo where the repository is")
}

// Command t1 trains reasoning models with the T1 recipe: the tool that people
// type at and the worker that computes, in one binary. It is the only reader of
// flags and of the environment.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// version is set by the linker: -ldflags "-X main.version=...".
var version = "dev"

// tool is one invocation: where it reads and writes, and how it is set.
type tool struct {
	settings settings
	in       io.Reader
	out      io.Writer // answers
	err      io.Writer // progress, notes and errors
}

func main() {
	ctx, stop := interruptible()
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// interruptible is cancelled by the first Ctrl-C or SIGTERM, which asks for a
// clean end; a second one ends the process where it stands. Nothing is lost
// then either: children die with their parent, and the log is crash-safe.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		// One Ctrl-C can come twice, from the terminal and from a parent.
		for first := time.Now(); time.Since(first) < 500*time.Millisecond; {
			<-signals
		}
		killChildren()
		os.Exit(exitForced)
	}()
	return ctx, cancel
}

// execute runs one command line and gives the exit status.
func execute(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	t := &tool{in: in, out: out, err: errw}
	root := t.rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	return t.fail(err)
}

func (t *tool) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "t1",
		Short: "Train reasoning models by reinforcement learning, durably",
		Long: `t1 trains a reasoning model with the T1 recipe: fine-tuning on worked examples,
reinforcement learning with a moving anchor, evaluation with inference scaling.
A run is a log: it goes on by itself when a process, or the machine, has died.`,
		Example: `  t1 demo                                  train the example and write report.html
  t1 up                                    start Temporal and a worker here
  t1 train examples/countdown.yaml --wait  train a spec and look on`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Version:           version,
		PersistentPreRunE: func(*cobra.Command, []string) error { return t.readSettings() },
	}
	root.SetVersionTemplate("t1 {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run:"},
		&cobra.Group{ID: "look", Title: "Look:"},
		&cobra.Group{ID: "steer", Title: "Steer:"},
		&cobra.Group{ID: "bring", Title: "Bring and take:"},
	)
	addGroup(root, "run", t.demoCommand(), t.upCommand(), t.trainCommand(), t.forkCommand(), t.ablateCommand(), t.workerCommand(), t.specCommand(), t.planCommand())
	addGroup(root, "look", t.listCommand(), t.statusCommand(), t.logCommand(), t.explainCommand(), t.reportCommand(), t.verifyCommand())
	addGroup(root, "steer", t.steerCommands()...)
	addGroup(root, "bring", t.dataCommand(), t.modelCommand(), t.synthesizeCommand())
	root.AddCommand(t.versionCommand())
	helpful(root)
	return root
}

func addGroup(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

func (t *tool) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(t.out, "t1 "+version)
			return err
		},
	}
}

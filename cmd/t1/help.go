package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"t1"
)

// annotationExit names exit statuses of one command beside the common ones.
const annotationExit = "exit"

// commonExits are the exit statuses any command may end with; they are
// t1.Kind.ExitCode in words.
const commonExits = `  0    done
  1    internal error, disk full, out of memory
  2    the command line, a setting or a spec is wrong
  10   a run, file or object is not there
  11   something else holds the name, the port or the directory
  12   a digest does not match, or the sampler is too far from the trainer
  13   Temporal, the worker or the store does not answer
  130  ended at once by a second Ctrl-C`

const vocabulary = `  RUN    a run's name: t1 list shows them
  SPEC   a file, YAML or JSON, that says what a run does: t1 spec default
  N      a record's sequence number in a run's log, from 0: t1 log RUN
  MODEL  an imported model's name: t1 model list`

const environment = `  T1_HOME             where data and logs are (.t1)
  T1_STORE            address of the store (file://$T1_HOME/store)
                      or s3://bucket/prefix with T1_S3_REGION, T1_S3_ENDPOINT
                      and T1_S3_PATH_STYLE=true as the server needs them
  T1_ENGINE_DIR       the engine's Python project (engine, here or beside the binary)
  T1_VLLM_PYTHON      the interpreter of an environment with vLLM (that of make setup-vllm)
  T1_VLLM_MEMORY      share of each GPU's memory for vLLM (vLLM's own default)
  T1_VLLM_SEQUENCES   responses that vLLM decodes at once (64)
  T1_VLLM_ARGUMENTS   more of the vLLM server's own, such as "--enforce-eager"
  T1_PYTHON           Python of the engine ($T1_ENGINE_DIR/.venv/bin/python)
  T1_TEMPORAL_BINARY  the temporal CLI (from PATH, else beside t1)
  T1_LOG_LEVEL        debug, info, warn or error (info)
  HF_ENDPOINT         the hub that t1 model import asks (https://huggingface.co)
  HF_TOKEN            who asks it (nobody)
  TEMPORAL_ADDRESS    a Temporal server to use in place of t1's own; also
                      TEMPORAL_NAMESPACE, TEMPORAL_TLS_... and the other
                      settings of the temporal CLI
  TEMPORAL_DEPLOYMENT_NAME  worker deployment of a worker that serves t1-control:
                      runs stay with the build that they began with (none)
  TEMPORAL_WORKER_BUILD_ID  what its build is called (t1's version)`

// recordFlag adds a flag whose value is a record of a run's log, told in the same
// words by every command; what says the default too.
func recordFlag(c *cobra.Command, into *int, name string, fallback int, what string) {
	c.Flags().IntVar(into, name, fallback, "record `N` of t1 log RUN, from 0: "+what)
	c.Flags().Lookup(name).DefValue = "0" // cobra would print the fallback as well
}

// helpful makes every page end with exit statuses and turns a wrong command
// line into an error with a next step.
func helpful(root *cobra.Command) {
	cobra.AddTemplateFunc("exits", exitStatus)
	root.SetHelpTemplate(`{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}{{exits .}}`)
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, "%v", err) })
	root.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := usage(c, "there is no command %q", args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return err.WithHint("t1 %s", near[0])
		}
		return err
	}
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

func exitStatus(c *cobra.Command) string {
	var b strings.Builder
	if !c.HasParent() {
		fmt.Fprintf(&b, "\nWords:\n%s\n\nEnvironment (and what counts where it is not set):\n%s\n", vocabulary, environment)
	}
	fmt.Fprintf(&b, "\nExit status:\n%s\n", commonExits)
	if more := c.Annotations[annotationExit]; more != "" {
		fmt.Fprintf(&b, "\n  %s\n", more)
	}
	return b.String()
}

// usage is a mistake on the command line.
func usage(c *cobra.Command, format string, args ...any) *t1.Error {
	return t1.Errorf(t1.KindInvalid, format, args...).WithHint("%s --help", c.CommandPath())
}

// none refuses arguments.
func none(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(c, "%s takes no argument, got %q", c.Name(), args[0])
	}
	return nil
}

// one asks for one argument; what names it.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usage(c, "%s needs %s", c.Name(), what)
		case len(args) > 1:
			return usage(c, "%s takes one argument, got %q as well", c.Name(), args[1])
		}
		return nil
	}
}

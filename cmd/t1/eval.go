package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"t1"
	"t1/activities"
	"t1/library"
	"t1/tasks"
)

// evalOptions are the flags of `t1 eval`.
type evalOptions struct {
	suites      []string
	at          int
	task        string
	instruction string
	compare     string
	asJSON      bool
	settings    activities.SuiteSettings
	given       func(flag string) bool // whether the user set it
}

func (t *tool) evalCommand() *cobra.Command {
	o := evalOptions{}
	c := &cobra.Command{
		Use:   "eval MODEL|RUN --suite NAME[,NAME]",
		Short: "Measure a policy on suites of imported problems",
		Long: `eval measures an imported model, or the policy of a run after a record, on suites:
greedy accuracy, and the mean of several samples, each with its 95 % interval. A
suite is an imported data set that t1 knows how to grade (math500, aime24,
gsm8k-test, omni-math-500, gpqa), or any other with --task. It runs in the workers
of t1 up, shard by shard: Ctrl-C leaves it going, the same command joins it, and
what was sampled once is never sampled again. docs/evaluation.md says what each
number is.`,
		Example: `  t1 eval smollm2 --suite gsm8k-test --samples 4
  t1 eval countdown --at 12 --suite math500,aime24 --compare smollm2
  t1 eval smollm2 --suite mine --task number --problems 100 --json | jq .greedy`,
		Args:        one("MODEL or RUN"),
		Annotations: map[string]string{annotationExit: "eval ends with 0 on Ctrl-C too: it goes on in the workers."},
		RunE: func(c *cobra.Command, args []string) error {
			if len(o.suites) == 0 {
				return usage(c, "eval needs --suite NAME")
			}
			o.given = func(flag string) bool { return c.Flags().Changed(flag) }
			return t.eval(c.Context(), args[0], o)
		},
	}
	flags, defaults := c.Flags(), t1.DefaultSpec().Evaluation
	flags.StringSliceVar(&o.suites, "suite", nil, "names of suites, required")
	recordFlag(c, &o.at, "at", library.Newest, "whose policy to take (default the newest that is published)")
	flags.StringVar(&o.task, "task", "", "who grades a data set that is no known suite: number, choice or math")
	flags.StringVar(&o.instruction, "instruction", "", "what the model is asked, with {question} in it (default: the suite's)")
	flags.StringVar(&o.compare, "compare", "", "another MODEL or RUN, or RUN@N, to measure alike and compare problem by problem")
	flags.IntVar(&o.settings.Samples, "samples", defaults.Samples, "responses a problem, beside the greedy one"+likeItsRun)
	flags.Float64Var(&o.settings.Temperature, "temperature", defaults.Temperature, "of the samples, above 0, at most 2"+likeItsRun)
	flags.Float64Var(&o.settings.TopP, "top-p", defaults.TopP, "of the samples, above 0, at most 1"+likeItsRun)
	flags.IntVar(&o.settings.MaxTokens, "max-tokens", defaultLength, "longest response, tokens"+likeItsRun)
	flags.IntVar(&o.settings.Problems, "problems", 0, "only the first so many problems (default 0, all of them)")
	flags.Int64Var(&o.settings.Seed, "seed", 1, "of the samples, at least 0"+likeItsRun)
	flags.BoolVar(&o.asJSON, "json", false, "print JSON, a line a suite (docs/evaluation.md)")
	return c
}

// likeItsRun ends the text of a flag whose default is a run's own setting.
const likeItsRun = "; for a run as in its spec"

// defaultLength is the longest response of an imported model: the paper's would
// not fit most small ones.
const defaultLength = 2048

func (t *tool) eval(ctx context.Context, name string, o evalOptions) error {
	suites, err := o.resolve()
	if err != nil {
		return err
	}
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	if o.at != library.Newest {
		name = fmt.Sprintf("%s@%d", name, o.at)
	}
	subject, err := library.FindSubject(ctx, store, name)
	if err != nil {
		return err
	}
	other := library.Subject{}
	if o.compare != "" {
		if other, err = library.FindSubject(ctx, store, o.compare); err != nil {
			return err
		}
	}
	if o.settings, err = o.settingsFor(ctx, store, subject); err != nil {
		return err
	}
	for _, suite := range suites {
		line, err := t.measure(ctx, store, subject, other, suite, o)
		if ctx.Err() != nil {
			fmt.Fprintln(t.err, "detached; it goes on. The same command joins it")
			return nil
		}
		if err != nil {
			return t1.Errorf(t1.KindOf(translate(err)), "suite %s: %w", suite.Name, err)
		}
		if err := t.printEvaluation(line, o.asJSON); err != nil {
			return err
		}
	}
	return nil
}

// resolve finds the suites; what is none, and a setting out of range, is told at once.
func (o evalOptions) resolve() ([]tasks.Suite, error) {
	var suites []tasks.Suite
	for _, name := range o.suites {
		suite, known := tasks.KnownSuite(name)
		if !known || o.task != "" {
			if o.task == "" {
				return nil, t1.Errorf(t1.KindInvalid, "%s is no suite that t1 knows; it knows %s", name, strings.Join(suiteNames(), ", ")).
					WithHint("--task number, choice or math says how an imported data set is graded")
			}
			var err error
			if suite, err = tasks.SuiteOf(name, o.task); err != nil {
				return nil, err
			}
		}
		if o.instruction != "" {
			suite.Instruction = o.instruction
		}
		suites = append(suites, suite)
	}
	return suites, o.check()
}

func suiteNames() []string {
	var names []string
	for _, suite := range tasks.Suites() {
		names = append(names, suite.Name)
	}
	return names
}

func (o evalOptions) check() error {
	s := o.settings
	for _, rule := range []struct {
		fine bool
		text string
	}{
		{o.at >= library.Newest, "--at: want the number of a record"},
		{s.Samples >= 1, "--samples: want at least 1"},
		{s.Temperature > 0 && s.Temperature <= 2, "--temperature: want above 0 and at most 2"},
		{s.TopP > 0 && s.TopP <= 1, "--top-p: want above 0 and at most 1"},
		{s.MaxTokens >= 1, "--max-tokens: want at least 1"},
		{s.Problems >= 0, "--problems: want at least 0"},
		{s.Seed >= 0, "--seed: want at least 0"},
		{o.instruction == "" || strings.Count(o.instruction, "{question}") == 1, "--instruction: want a text with {question} once"},
	} {
		if !rule.fine {
			return t1.Errorf(t1.KindInvalid, "%s", rule.text)
		}
	}
	return nil
}

// settingsFor takes what the user did not say from the spec of a run: a policy is
// measured as it is in its own run.
func (o evalOptions) settingsFor(ctx context.Context, store t1.Store, subject library.Subject) (activities.SuiteSettings, error) {
	s := o.settings
	if subject.Run == "" {
		return s, nil
	}
	var spec t1.Spec
	if err := readJSON(ctx, store, t1.SpecKey(subject.Run), &spec); err != nil {
		return s, err
	}
	e := spec.Evaluation
	for flag, take := range map[string]func(){
		"samples": func() { s.Samples = e.Samples }, "temperature": func() { s.Temperature = e.Temperature },
		"top-p": func() { s.TopP = e.TopP }, "max-tokens": func() { s.MaxTokens = e.MaxTokens }, "seed": func() { s.Seed = spec.Seed },
	} {
		if !o.given(flag) {
			take()
		}
	}
	return s, nil
}

// measure evaluates one or both on a suite.
func (t *tool) measure(ctx context.Context, store t1.Store, subject, other library.Subject, suite tasks.Suite, o evalOptions) (evaluation, error) {
	first, result, err := t.evaluate(ctx, store, subject, suite, o.settings)
	if err != nil || other.Name == "" {
		return first, err
	}
	second, against, err := t.evaluate(ctx, store, other, suite, o.settings)
	if err != nil {
		return first, err
	}
	first.Compared = &comparison{
		Name: second.Name, Seq: second.Seq, Policy: second.Policy, Greedy: second.Greedy, Sampled: second.Sampled,
		GreedyGain:  t1.PairedBootstrap(result.PerGreedy, against.PerGreedy, t1.BootstrapSeed),
		SampledGain: t1.PairedBootstrap(result.PerProblem, against.PerProblem, t1.BootstrapSeed),
	}
	return first, nil
}

// evaluate gives the outcome that is in the store, or has the workers make it.
func (t *tool) evaluate(ctx context.Context, store t1.Store, subject library.Subject, suite tasks.Suite, s activities.SuiteSettings) (evaluation, t1.Result, error) {
	in, order, err := activities.OrderSuite(ctx, store, subject, suite, s)
	if err != nil {
		return evaluation{}, t1.Result{}, err
	}
	var result t1.Result
	err = readJSON(ctx, store, t1.SuiteResultKey(in.Order), &result)
	found := err == nil
	if t1.KindOf(err) == t1.KindNotFound {
		if err = t.runEvaluation(ctx, in, subject.Name); err == nil {
			err = readJSON(ctx, store, t1.SuiteResultKey(in.Order), &result)
		}
	}
	if err != nil {
		return evaluation{}, result, err
	}
	made := evaluationOf(subject, suite, in.Order, order, result, found)
	made.Unchecked, err = library.Unchecked(ctx, store, subject, order.Problems)
	return made, result, err
}

// runEvaluation starts the workflow, or joins it where it is going, and looks on.
func (t *tool) runEvaluation(ctx context.Context, in t1.EvaluateInput, name string) error {
	temporal, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	id := t1.SuiteEvaluationID(in.Order)
	running, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                t1.QueueControl,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            fmt.Sprintf("%s on %s", name, in.Suite),
	}, t1.WorkflowEvaluate, in)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- running.Get(ctx, nil) }()
	view := t.newView()
	defer view.Close()
	pace, wait := pace{}, lookEvery
	for missed := 0; ; {
		select {
		case err := <-ended:
			return err
		case <-time.After(wait):
		}
		look, cancel := context.WithTimeout(ctx, lookTime)
		status, err := queryStatus(look, temporal, id)
		cancel()
		wait = pace.next(status)
		if err == nil {
			missed = 0
			view.Show(frameOf(status, t1.Observation{}, time.Now()))
		} else if missed++; missed >= missesToTell {
			view.Waiting(err.Error())
		}
	}
}

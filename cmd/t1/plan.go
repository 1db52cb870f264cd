package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"t1"
	"t1/examples"
	"t1/library"
	"t1/plan"
	"t1/tasks"
)

// planFlags is what the command line says beside the spec.
type planFlags struct {
	asJSON      bool
	prices      string
	instances   []string
	modelConfig string
	measured    string
	assume      []string
	resources   t1.ResourcesSpec // fields that a flag was given for; the spec has the others
}

func (t *tool) planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "plan SPEC",
		Short: "Say whether a run fits and what it costs, before it starts",
		Long: `plan works out what a run computes, keeps and costs: parameters, memory by part,
tokens, hours by phase on each machine of a price table, and money; where it does
not fit, the smallest change of resources that makes it. Nothing is started and nothing kept.
docs/plan.md has every formula, and what has been checked against real runs.`,
		Example: `  t1 plan examples/countdown.yaml
  t1 plan mine.yaml --model-config config.json --instances p5.48xlarge
  t1 plan mine.yaml --measured countdown --assume response_share=0.6`,
		Args: one("SPEC"),
		RunE: func(c *cobra.Command, args []string) error { return t.plan(c, args[0], &f) },
	}
	jsonFlag(c, &f.asJSON, "cli-json.md")
	flags := c.Flags()
	flags.StringVar(&f.prices, "prices", "", "price table (default the one built in, examples/prices.yaml)")
	flags.StringSliceVar(&f.instances, "instances", nil, "instance types of the table (default all)")
	flags.StringVar(&f.modelConfig, "model-config", "", "config.json of a model that is not imported")
	flags.StringVar(&f.measured, "measured", "", "run whose times replace the guesses for machines without a GPU")
	flags.StringArrayVar(&f.assume, "assume", nil, "NAME=VALUE, an assumption (docs/plan.md)")
	f.resourceFlags(c)
	return c
}

// resourceFlags are named as the fields of resources are.
func (f *planFlags) resourceFlags(c *cobra.Command) {
	flags, r := c.Flags(), &f.resources
	flags.IntVar(&r.Trainers, "trainers", 0, "processes that train together, one a GPU (default resources.trainers of SPEC)")
	flags.StringVar(&r.Precision, "precision", "", "of the passes: float32 or bfloat16 (default resources.precision)")
	flags.IntVar(&r.MicroTokens, "micro-tokens", 0, "packed tokens of a micro-batch (default resources.micro_tokens)")
	flags.BoolVar(&r.Recompute, "recompute", false, "compute activations again in the backward pass (default resources.recompute)")
	flags.BoolVar(&r.Offload, "offload", false, "keep optimizer and anchor in host memory (default resources.offload)")
}

// replace puts what flags were given for in the place of the spec's resources,
// by the rules of a spec.
func (f *planFlags) replace(changed func(flag string) bool, spec *t1.Spec) error {
	to, from := &spec.Resources, f.resources
	for name, set := range map[string]func(){
		"trainers":     func() { to.Trainers = from.Trainers },
		"precision":    func() { to.Precision = from.Precision },
		"micro-tokens": func() { to.MicroTokens = from.MicroTokens },
		"recompute":    func() { to.Recompute = from.Recompute },
		"offload":      func() { to.Offload = from.Offload },
	} {
		if changed(name) {
			set()
		}
	}
	if mistakes := spec.Mistakes(); len(mistakes) > 0 {
		return t1.Errorf(t1.KindInvalid, "%s", mistakes[0])
	}
	return nil
}

func (t *tool) plan(c *cobra.Command, path string, f *planFlags) error {
	read, err := t.readSpec(path)
	if err != nil {
		return err
	}
	in := plan.Input{Spec: read.spec}
	if err := f.replace(c.Flags().Changed, &in.Spec); err != nil {
		return err
	}
	if err := t.fillPlan(c.Context(), &in, f); err != nil {
		return err
	}
	made, err := plan.New(in)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(t.out, made)
	}
	return writePlan(t.out, in, made)
}

// fillPlan finds the model's shape, the data, the prices and the measured run.
func (t *tool) fillPlan(ctx context.Context, in *plan.Input, f *planFlags) error {
	given, err := assumptionsOf(f.assume)
	if err != nil {
		return err
	}
	if in.Table, err = readPrices(f.prices); err != nil {
		return err
	}
	if in.Instances, err = in.Table.Choose(f.instances); err != nil {
		return err
	}
	if err := t.planModel(ctx, in, f.modelConfig); err != nil {
		return err
	}
	counted, err := t.planData(ctx, in, in.Table.Assumptions.Over(given))
	if err != nil {
		return err
	}
	in.Assumptions = counted.Over(given)
	if f.measured != "" {
		if in.Measured, err = t.measured(ctx, f.measured); err != nil {
			return err
		}
		if there, here := in.Measured.Spec.Resources.Threads, in.Spec.Resources.Threads; there != here {
			in.Notes = append(in.Notes, fmt.Sprintf("run %s had %d threads, this one would have %d: its hours are not this one's", f.measured, there, here))
		}
		in.Notes = append(in.Notes, "machines without a GPU: hours from run "+f.measured+", lengths too; --assume replaces lengths")
	}
	for _, m := range in.Instances {
		if m.GPUs > 0 {
			in.Notes = append(in.Notes, "GPUs: formulas, checked against none; what the engine does on GPUs is written, and has never run on one")
			break
		}
	}
	return nil
}

// assumptionsOf reads NAME=VALUE; names and ranges are checked by the plan.
func assumptionsOf(given []string) (plan.Assumptions, error) {
	all := plan.Assumptions{}
	for _, text := range given {
		name, value, _ := strings.Cut(text, "=")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, t1.Errorf(t1.KindInvalid, "--assume %s: want NAME=VALUE with a number", text).WithHint("--assume response_share=0.5")
		}
		all[name] = number
	}
	return all, nil
}

// readPrices reads a price table in YAML; no path is the table built in.
func readPrices(path string) (plan.Table, error) {
	data := examples.Prices
	if path != "" {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			if errors.Is(err, os.ErrNotExist) {
				err = t1.Errorf(t1.KindNotFound, "there is no price table %s", path).WithHint("copy examples/prices.yaml")
			}
			return plan.Table{}, err
		}
	}
	var tree map[string]any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return plan.Table{}, t1.Errorf(t1.KindInvalid, "%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	inJSON, err := json.Marshal(tree)
	if err != nil {
		return plan.Table{}, t1.Errorf(t1.KindInvalid, "%s: %w", path, err)
	}
	return plan.DecodeTable(inJSON)
}

// planModel finds the shape: as stated, of a game's scratch model, or of an
// imported model.
func (t *tool) planModel(ctx context.Context, in *plan.Input, config string) error {
	switch {
	case config != "":
		data, err := t.readInput(config)
		if err != nil {
			return err
		}
		in.Model = config
		in.Shape, err = plan.ParseShape(data)
		return err
	case in.Spec.Model.Base == "":
		game, err := tasks.Game(in.Spec.Task)
		if err != nil {
			return err
		}
		in.Model, in.Shape = "scratch", plan.ScratchShape(in.Spec.Model.Scratch, len(game.Vocabulary()))
		return nil
	}
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	model, err := library.ResolveModel(ctx, store, in.Spec.Model.Base)
	if t1.KindOf(err) == t1.KindNotFound {
		return t1.Errorf(t1.KindNotFound, "there is no model named %s", in.Spec.Model.Base).WithHint("t1 plan SPEC --model-config config.json, or t1 model list")
	}
	if err != nil {
		return err
	}
	in.Model = model.Name
	in.Shape, err = storedShape(ctx, store, library.ModelKey(model.Manifest.SHA256))
	if counted := in.Shape.Parameters().Total; err == nil && counted != model.Parameters {
		return t1.Errorf(t1.KindInternal, "model %s has %d parameters, its config.json makes %d", model.Name, model.Parameters, counted)
	}
	return err
}

// storedShape reads config.json of a model or a policy in the store.
func storedShape(ctx context.Context, store t1.Store, directory string) (plan.Shape, error) {
	var config json.RawMessage
	if err := readJSON(ctx, store, directory+"/config.json", &config); err != nil {
		return plan.Shape{}, err
	}
	return plan.ParseShape(config)
}

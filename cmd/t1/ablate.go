package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"t1"
	"t1/ablation"
)

func (t *tool) ablateCommand() *cobra.Command {
	var output string
	var options upOptions
	c := &cobra.Command{
		Use:   "ablate FILE",
		Short: "Train a spec and forks of it that differ in one thing, and compare them",
		Long: `ablate reads a study (docs/ablations.md): a spec, seeds, and the settings of each
ablation. For each seed it trains the spec, forks it after fine-tuning and the
pool for every ablation, one after another, and compares the last policies, paired
by problem. It starts Temporal and a worker, or uses those that are up. What is
there already is not trained again: after Ctrl-C the same command goes on.`,
		Example: `  t1 ablate examples/ablations/countdown.yaml
  t1 ablate examples/ablations/countdown.yaml --output results/ablations`,
		Args:        one("FILE, the file of a study"),
		Annotations: map[string]string{annotationExit: "ablate ends with 0 when the table is written, and on Ctrl-C."},
		RunE: func(c *cobra.Command, args []string) error {
			return t.ablate(c.Context(), args[0], output, options)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "ablations", "what to write, without the endings .md and .json")
	options.register(c)
	return c
}

func (t *tool) ablate(ctx context.Context, file, output string, options upOptions) error {
	a, err := t.readStudy(ctx, file)
	if err != nil {
		return err
	}
	if err := a.collect(ctx); err != nil { // what is there, or why it never will be
		return err
	}
	if !a.complete() {
		err = t.beside(ctx, options, a.train)
		if ctx.Err() != nil {
			fmt.Fprintf(t.out, "stopped; nothing is lost. Go on with: t1 ablate %s\n", file)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return a.write(output)
}

// ablater is one study at work.
type ablater struct {
	tool  *tool
	store t1.Store
	name  string
	study ablation.Study
	specs []readSpec // of the base, one a seed
	ends  map[string][]ablation.End
}

// readStudy reads a study and checks all that its runs will be asked.
func (t *tool) readStudy(ctx context.Context, file string) (*ablater, error) {
	written, _, err := t.readYAML(file)
	if err != nil {
		return nil, err
	}
	a := &ablater{tool: t, name: runNameOf(file)}
	if a.study, err = ablation.Decode(written); err != nil {
		return nil, t1.Errorf(t1.KindOf(err), "%s: %w", file, err).WithHint("docs/ablations.md")
	}
	spec, err := t.readSpec(filepath.Join(filepath.Dir(file), a.study.Spec))
	if err != nil {
		return nil, err
	}
	for _, seed := range a.study.Seeds {
		base, err := a.study.BaseSpec(spec.spec, seed)
		if err != nil {
			return nil, t1.Errorf(t1.KindOf(err), "%s: %w", file, err).WithHint("t1 spec default shows every setting")
		}
		text, err := json.Marshal(base)
		if err != nil {
			return nil, err
		}
		a.specs = append(a.specs, readSpec{json: text, spec: base})
	}
	for _, v := range append(a.study.Ablations, ablation.Variant{Name: ablation.Base}) {
		for _, seed := range a.study.Seeds {
			if err := checkRunName(ablation.RunName(a.name, v.Name, seed)); err != nil {
				return nil, err
			}
		}
	}
	a.store, err = t.openStore(ctx)
	return a, err
}

// collect reads how the runs ended that have; it stops at the first that has not.
func (a *ablater) collect(ctx context.Context) error {
	a.ends = map[string][]ablation.End{}
	for i, seed := range a.study.Seeds {
		run := ablation.RunName(a.name, ablation.Base, seed)
		if err := a.tool.checkStart(ctx, run, a.specs[i]); err != nil {
			return err
		}
		there, err := a.add(ctx, ablation.Base, seed, a.specs[i].spec.RL.Iterations)
		if err != nil || !there {
			return err
		}
		for _, v := range a.study.Ablations {
			plan, _, err := a.plan(ctx, v, seed)
			if err != nil {
				return err
			}
			if there, err := a.add(ctx, v.Name, seed, plan.Spec.RL.Iterations); err != nil || !there {
				return err
			}
		}
	}
	return nil
}

func (a *ablater) add(ctx context.Context, variant string, seed int64, iterations int) (there bool, err error) {
	end, there, err := endOf(ctx, a.store, ablation.RunName(a.name, variant, seed), iterations)
	if there {
		end.Seed = seed
		a.ends[variant] = append(a.ends[variant], end)
	}
	return there, err
}

func (a *ablater) complete() bool {
	for _, v := range a.study.Ablations {
		if len(a.ends[v.Name]) < len(a.study.Seeds) {
			return false
		}
	}
	return true
}

// train makes every run that is not there, and ends with all of them read.
func (a *ablater) train(ctx context.Context) error {
	temporal, err := a.tool.dialWhenUp(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	for i, seed := range a.study.Seeds {
		run := ablation.RunName(a.name, ablation.Base, seed)
		if err := a.trainOne(ctx, temporal, run, a.specs[i]); err != nil {
			return err
		}
		for _, v := range a.study.Ablations {
			plan, input, err := a.plan(ctx, v, seed)
			if err != nil {
				return err
			}
			run := ablation.RunName(a.name, v.Name, seed)
			if err := a.trainOne(ctx, temporal, run, readSpec{json: input, spec: plan.Spec}); err != nil {
				return err
			}
		}
	}
	return a.collect(ctx)
}

// plan is the fork of a seed's base for an ablation, and the input of its run.
func (a *ablater) plan(ctx context.Context, v ablation.Variant, seed int64) (t1.ForkOutput, json.RawMessage, error) {
	base := ablation.RunName(a.name, ablation.Base, seed)
	at, err := fineTunedAt(ctx, a.store, base)
	if err != nil {
		return t1.ForkOutput{}, nil, err
	}
	request := t1.ForkRequest{ForkPoint: t1.ForkPoint{Run: base, At: at}, Set: v.Set}
	plan, err := a.tool.planFork(ctx, ablation.RunName(a.name, v.Name, seed), request)
	if err != nil {
		return plan, nil, err
	}
	input, err := request.JSON()
	return plan, input, err
}

// trainOne starts or joins a run and waits for its end, unless it has ended.
func (a *ablater) trainOne(ctx context.Context, temporal client.Client, run string, spec readSpec) error {
	if _, there, err := endOf(ctx, a.store, run, spec.spec.RL.Iterations); there || err != nil {
		return err
	}
	started, err := startTrain(ctx, temporal, run, spec)
	if err != nil {
		return err
	}
	a.tool.announceRun(run, started)
	phase, err := a.tool.follow(ctx, temporal, run)
	if err != nil {
		return err
	}
	_, there, err := endOf(ctx, a.store, run, spec.spec.RL.Iterations)
	if err == nil && !there {
		err = t1.Errorf(t1.KindConflict, "run %s is %s, but its last policy was not evaluated", run, phase).
			WithHint("copy the study to a file of another name, whose runs are new")
	}
	return err
}

// write puts the table into two files and prints it.
func (a *ablater) write(output string) error {
	table, err := ablation.Compare(a.name, a.study, a.specs[0].spec.RL.Iterations, a.ends)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(table, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(output+".json", append(data, '\n'), 0o644); err != nil {
		return err
	}
	page, err := os.Create(output + ".md")
	if err != nil {
		return err
	}
	if err := table.Markdown(page); err != nil {
		_ = page.Close()
		return err
	}
	if err := page.Close(); err != nil {
		return err
	}
	if err := table.Markdown(a.tool.out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.tool.out, "\nwritten: %s.md, %s.json\n", output, output)
	return err
}

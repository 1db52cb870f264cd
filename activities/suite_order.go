package activities

import (
	"context"
	"path"
	"strings"

	"t1"
	"t1/library"
	"t1/tasks"
)

// SuiteSettings is how a policy is sampled on a suite.
type SuiteSettings struct {
	Problems    int // from the first; 0 means all
	Samples     int // a problem, at least 1
	Temperature float64
	TopP        float64
	MaxTokens   int // longest response
	Seed        int64
}

// OrderSuite stores what is to be evaluated and answers the workflow's input. A
// suite whose problems were not imported, and a policy that is not published, are
// KindNotFound; a data set of demonstrations is KindInvalid.
func OrderSuite(ctx context.Context, store t1.Store, subject library.Subject, suite tasks.Suite, s SuiteSettings) (t1.EvaluateInput, t1.SuiteEvaluation, error) {
	set, err := suiteProblems(ctx, store, suite)
	if err != nil {
		return t1.EvaluateInput{}, t1.SuiteEvaluation{}, err
	}
	count := int(set.Counts.Kept)
	if s.Problems > count {
		return t1.EvaluateInput{}, t1.SuiteEvaluation{}, t1.Errorf(t1.KindInvalid, "%d problems are asked for, but %s has %d", s.Problems, set.Name, count)
	}
	if s.Problems > 0 {
		count = s.Problems
	}
	in := t1.EvaluateInput{
		Run: subject.Run, Model: subject.Model, Seq: subject.Seq, Label: suite.Name, Policy: subject.Policy, Summary: subject.Policy,
		Suite: suite.Name, Seed: s.Seed, Heartbeat: t1.DefaultSpec().Resources.HeartbeatTimeout,
	}
	key, err := policyKey(ctx, store, placeOf(in), in.Policy)
	if err != nil {
		return in, t1.SuiteEvaluation{}, err
	}
	manifest, err := store.Head(ctx, path.Join(key, t1.ManifestName))
	if err != nil {
		return in, t1.SuiteEvaluation{}, err
	}
	order := t1.SuiteEvaluation{
		Schema: 1, Policy: subject.Policy, Files: manifest.SHA256, Problems: set.Ref, Count: count, Task: suite.Spec(),
		Samples: s.Samples, Temperature: s.Temperature, TopP: s.TopP, MaxTokens: s.MaxTokens, Seed: s.Seed,
		Penalties: t1.DefaultSpec().RL.Penalties,
	}
	if order.Sampler, order.Precision, err = samplerOf(ctx, store, subject.Run); err != nil {
		return in, order, err
	}
	in.Order, in.Spec = order.Digest(), order.Spec()
	_, err = keepJSON(ctx, store, t1.SuiteOrderKey(in.Order), order)
	return in, order, err
}

// samplerOf says what samples a run's policies, and in which precision; of an
// imported model, which has no run, it is the engine in float32.
func samplerOf(ctx context.Context, store t1.Store, run string) (kind, precision string, err error) {
	if run == "" {
		return t1.SamplerEngine, t1.DefaultSpec().Resources.Precision, nil
	}
	spec, err := readJSON[t1.Spec](ctx, store, t1.SpecKey(run))
	if spec.Sampler.Kind == t1.SamplerVLLM {
		return spec.Sampler.Kind, spec.Sampler.VLLM.DataType, err
	}
	return spec.Sampler.Kind, spec.Resources.Precision, err
}

// suiteProblems finds a suite's data set, or says how to import it.
func suiteProblems(ctx context.Context, store t1.Store, suite tasks.Suite) (library.Dataset, error) {
	name := suite.Name
	if suite.Dataset != "" {
		name = suite.Dataset
	}
	set, err := library.Resolve(ctx, store, name)
	if t1.KindOf(err) == t1.KindNotFound {
		choices := ""
		if suite.Choices != nil {
			choices = ` --choices "` + strings.Join(suite.Choices, ",") + `"`
		}
		return set, t1.Errorf(t1.KindNotFound, "the problems of suite %s are not in the store", suite.Name).
			WithHint("t1 data import FILE --name %s --benchmark%s (docs/evaluation.md says where the file comes from)", suite.Name, choices)
	}
	if err == nil && set.Kind != library.Problems {
		return set, t1.Errorf(t1.KindInvalid, "data set %s holds %s; a suite is a set of problems", suite.Name, set.Kind)
	}
	return set, err
}

// OrderSuite stores what is to be evaluated on one of a run's suites.
func (c *Control) OrderSuite(ctx context.Context, in t1.OrderSuiteInput) (t1.EvaluateInput, error) {
	return edge(ctx, func(ctx context.Context, _ beat) (t1.EvaluateInput, error) { return c.host.orderSuite(ctx, in) })
}

// orderSuite takes the settings of the run's evaluations, and the whole suite.
func (h *Host) orderSuite(ctx context.Context, in t1.OrderSuiteInput) (t1.EvaluateInput, error) {
	spec, err := h.spec(ctx, in.Run)
	if err != nil {
		return t1.EvaluateInput{}, err
	}
	suite, err := suiteNamed(in.Suite)
	if err != nil {
		return t1.EvaluateInput{}, err
	}
	e := spec.Evaluation
	made, _, err := OrderSuite(ctx, h.Store, library.Subject{Name: in.Run, Run: in.Run, Seq: in.Seq, Policy: in.Policy}, suite, SuiteSettings{
		Samples: e.Samples, Temperature: e.Temperature, TopP: e.TopP, MaxTokens: e.MaxTokens, Seed: spec.Seed,
	})
	return made, err
}

// suiteNamed is a suite as a spec names it, with its data set's digest or without.
func suiteNamed(given string) (tasks.Suite, error) {
	name, digest, _ := strings.Cut(given, "@")
	suite, known := tasks.KnownSuite(name)
	if !known {
		var names []string
		for _, s := range tasks.Suites() {
			names = append(names, s.Name)
		}
		return suite, t1.Errorf(t1.KindInvalid, "evaluation.suites: got %q, want names of %s", name, strings.Join(names, ", "))
	}
	suite.Dataset = digest
	return suite, nil
}

// pinSuites puts the digests of data sets behind the names of suites.
func (h *Host) pinSuites(ctx context.Context, suites []string) error {
	for i, given := range suites {
		suite, err := suiteNamed(given)
		if err != nil {
			return err
		}
		set, err := suiteProblems(ctx, h.Store, suite)
		if err != nil {
			return err
		}
		suites[i] = suite.Name + "@" + set.Ref.SHA256
	}
	return nil
}

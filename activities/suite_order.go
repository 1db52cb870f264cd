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
	manifest, err := store.Head(ctx, path.Join(policyKey(placeOf(in), in.Policy), t1.ManifestName))
	if err != nil {
		return in, t1.SuiteEvaluation{}, err
	}
	order := t1.SuiteEvaluation{
		Schema: 1, Policy: subject.Policy, Files: manifest.SHA256, Problems: set.Ref, Count: count, Task: suite.Spec(),
		Samples: s.Samples, Temperature: s.Temperature, TopP: s.TopP, MaxTokens: s.MaxTokens, Seed: s.Seed,
		Penalties: t1.DefaultSpec().RL.Penalties,
	}
	in.Order, in.Spec = order.Digest(), order.Spec()
	_, err = keepJSON(ctx, store, t1.SuiteOrderKey(in.Order), order)
	return in, order, err
}

// suiteProblems finds a suite's data set, or says how to import it.
func suiteProblems(ctx context.Context, store t1.Store, suite tasks.Suite) (library.Dataset, error) {
	set, err := library.Resolve(ctx, store, suite.Name)
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

package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"t1"
	"t1/lineage"
)

// PlanTrain gives a run's spec, with digests in place of names, and whether the
// run has it already; it changes nothing. A name that another spec or a fork has
// is KindConflict, with what differs. A new run whose data are not apart is
// KindInvalid; one that began before goes on with what it has.
func PlanTrain(ctx context.Context, store t1.Store, run string, given t1.Spec) (resolved t1.Spec, there bool, err error) {
	h := &Host{Store: store}
	resolved = given
	resolved.Evaluation.Suites = slices.Clone(given.Evaluation.Suites)
	if err := h.pin(ctx, &resolved); err != nil {
		return resolved, false, err
	}
	fork, forked, err := lineage.ForkOf(ctx, store, run)
	if err != nil {
		return resolved, false, err
	}
	if forked {
		return resolved, false, t1.Errorf(t1.KindConflict, "run %q exists: it is a fork of run %s at record %d", run, fork.Run, fork.At).
			WithHint("give the new run another name, or go on with the fork: t1 fork %s --at %d --run %s", fork.Run, fork.At, run)
	}
	before, err := h.spec(ctx, run)
	if t1.KindOf(err) == t1.KindNotFound {
		if err := h.gradable(ctx, resolved.Task); err != nil {
			return resolved, false, err
		}
		return resolved, false, h.apart(ctx, resolved.Task)
	}
	if err != nil {
		return resolved, false, err
	}
	if differences := specDifferences(before, given, resolved); len(differences) > 0 {
		return resolved, true, t1.Errorf(t1.KindConflict, "run %s was started with another spec: %s", run, strings.Join(differences, "; ")).
			WithHint("give the new run another name, or steer the old one: t1 set %s --help", run)
	}
	return before, true, nil
}

// specDifferences lists the settings in which a resolved spec differs from the
// one before. Where a name was given, it is the name that means something else.
func specDifferences(before, given, resolved t1.Spec) []string {
	was, names, is := flatten(before), flatten(given), flatten(resolved)
	var out []string
	for field, old := range was {
		switch now := is[field]; {
		case now == old:
		case names[field] != now:
			out = append(out, fmt.Sprintf("%s: %s means %s now, the run has %s", field, names[field], now, old))
		default:
			out = append(out, fmt.Sprintf("%s: %s, now %s", field, old, now))
		}
	}
	slices.Sort(out)
	return out
}

// flatten gives every setting as JSON by its path; an empty list is one, however
// it came to be empty.
func flatten(spec t1.Spec) map[string]string {
	data, _ := json.Marshal(spec) // a Spec always marshals
	var tree any
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber() // a seed may be larger than a float64 holds
	_ = decoder.Decode(&tree)
	flat := map[string]string{}
	walk("", tree, flat)
	return flat
}

func walk(at string, node any, flat map[string]string) {
	object, is := node.(map[string]any)
	if !is {
		if node == nil {
			node = []any{}
		}
		data, _ := json.Marshal(node)
		flat[at] = string(data)
		return
	}
	for key, child := range object {
		walk(strings.TrimPrefix(at+"."+key, "."), child, flat)
	}
}

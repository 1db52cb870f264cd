package countdown

import (
	"strings"

	"t1"
)

// Demonstrations implements [t1.Task]: CountdownSpec.Traces of them, the i-th
// for problem i modulo their number. Each tries wrong chains, all different and
// from MinTries to MaxTries of them, evenly often; then a right one, which it
// checks before it answers. A problem with fewer wrong chains gets all it has.
// Problems that are not this task's get none.
func (t *Task) Demonstrations(seed int64, train []t1.Problem) []t1.Demonstration {
	all := make([]t1.Demonstration, t.spec.Traces)
	for at, p := range train {
		if at >= len(all) {
			break
		}
		right, wrong := t.solve(p)
		for i := at; i < len(all) && len(right) > 0; i += len(train) {
			response := t.demonstrate(t1.NewSource(seed, "countdown/demonstration", i), right, wrong)
			all[i] = t1.Demonstration{Problem: at, Response: response}
		}
	}
	return made(all)
}

// made leaves out the places of problems that have no demonstration.
func made(all []t1.Demonstration) []t1.Demonstration {
	kept := all[:0]
	for _, d := range all {
		if d.Response != "" {
			kept = append(kept, d)
		}
	}
	return kept
}

// solve parts the chains of a problem's numbers.
func (t *Task) solve(p t1.Problem) (right, wrong []chain) {
	d, ok := read(p)
	if !ok {
		return nil, nil
	}
	for _, c := range chains(d.Numbers, t.spec.MaxTarget) {
		if c.value() == d.Target {
			right = append(right, c)
		} else {
			wrong = append(wrong, c)
		}
	}
	return right, wrong
}

// demonstrate writes one response; wrong is left as it is.
func (t *Task) demonstrate(s t1.Source, right, wrong []chain) string {
	tries := t.spec.MinTries + s.Below(t.spec.MaxTries-t.spec.MinTries+1)
	solution := right[s.Below(len(right))]
	var parts []string
	for _, c := range t1.Choose(s, append([]chain(nil), wrong...), min(tries, len(wrong))) {
		parts = append(parts, "try", c.steps(), "no")
	}
	parts = append(parts, "try", solution.steps(), "yes", "check", solution.steps(), "ok", Cue, solution.expression())
	return strings.Join(parts, " ")
}

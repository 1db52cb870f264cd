package countdown

import (
	"strings"

	"t1"
)

// Demonstrations implements [t1.Task]: CountdownSpec.Traces of them, the i-th
// for problem i modulo their number. Problems that are not this task's get none.
//
// A demonstration is an honest search: whether an attempt hits is found out by
// working it out, and nothing before it depends on the solution. Demonstrations
// whose end is arranged (so many wrong tries, then the right one) teach a small
// model to write the target behind any sum; see docs/results.md.
//
// Two searchers take turns at random, since demonstrations come from many hands:
// the careful one tries what may come near the target and never the same twice;
// the careless one guesses what does not. Fine-tuning imitates both; which one
// pays is for reinforcement learning to find out.
func (t *Task) Demonstrations(seed int64, train []t1.Problem) []t1.Demonstration {
	all := make([]t1.Demonstration, t.spec.Traces)
	for at, p := range train {
		if at >= len(all) {
			break
		}
		near, far := t.part(p)
		for i := at; i < len(all) && len(near) > 0; i += len(train) {
			response := t.demonstrate(t1.NewSource(seed, "countdown/demonstration", i), near, far)
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

// guess is a chain and whether it reaches the target.
type guess struct {
	chain
	right bool
}

// part splits the chains of a problem's numbers into those that come within
// Near of the target and the others. There are none at all of a problem that is
// not solved by a chain.
func (t *Task) part(p t1.Problem) (near, far []guess) {
	d, ok := read(p)
	if !ok {
		return nil, nil
	}
	solved := false
	for _, c := range chains(d.Numbers, t.spec.MaxTarget) {
		g := guess{c, c.value() == d.Target}
		solved = solved || g.right
		if abs(c.value()-d.Target) <= t.spec.Near {
			near = append(near, g)
		} else {
			far = append(far, g)
		}
	}
	if !solved {
		return nil, nil
	}
	return near, far
}

func abs(n int) int { return max(n, -n) }

// demonstrate searches anew until a search hits within MaxTries. One will: the
// careful attempts are all different, so the right one comes.
func (t *Task) demonstrate(s t1.Source, near, far []guess) string {
	for {
		missed, solution := t.search(s, near, far)
		if len(missed)/3 <= t.spec.MaxTries {
			parts := append(missed, "try", solution.steps(), "yes", "check", solution.steps(), "ok", Cue, solution.expression())
			return strings.Join(parts, " ")
		}
	}
}

// search makes attempts until one hits, or until too many have missed. Missed
// attempts are three parts each.
func (t *Task) search(s t1.Source, near, far []guess) (missed []string, solution chain) {
	untried := t1.Choose(s, append([]guess(nil), near...), len(near))
	for len(missed)/3 <= t.spec.MaxTries {
		if len(far) > 0 && s.Below(careless) < int(t.spec.Careless*careless) {
			missed = append(missed, "guess", far[s.Below(len(far))].steps(), "no")
			continue
		}
		g := untried[0]
		if g.right {
			return missed, g.chain
		}
		untried = untried[1:]
		missed = append(missed, "try", g.steps(), "no")
	}
	return missed, solution
}

// careless is the resolution of CountdownSpec.Careless.
const careless = 1 << 20

package countdown

import (
	"strings"

	"t1"
)

// Demonstrations implements [t1.Task]: CountdownSpec.Traces of them, the i-th
// for problem i modulo their number, of the last CountdownSpec.Demonstrated.
// Problems that are not this task's get none.
//
// Two searchers take turns at random, since demonstrations come from many hands:
// the careful one tries what comes near the target and nothing twice, the
// careless one guesses. Whether an attempt hits is found out by working it out:
// the search knows no solution until its patience ends, after 0 to MaxTries
// misses, evenly often. Then it is told one, since a demonstration ends in the
// right answer (P 2.2.1).
//
// So fine-tuning teaches to work out, to compare and to search, and one bad
// habit: to claim success now and then where there is none. That thinking on
// pays better is for reinforcement learning to find out.
func (t *Task) Demonstrations(seed int64, train []t1.Problem) []t1.Demonstration {
	all := make([]t1.Demonstration, t.spec.Traces)
	first := 0
	if t.spec.Demonstrated > 0 {
		first = max(0, len(train)-t.spec.Demonstrated)
	}
	shown := train[first:]
	for at, p := range shown {
		if at >= len(all) {
			break
		}
		chains, near := t.part(p)
		for i := at; i < len(all) && len(chains) > 0; i += len(shown) {
			s := t1.NewSource(seed, "countdown/demonstration", i)
			all[i] = t1.Demonstration{Problem: first + at, Response: t.demonstrate(s, chains, near)}
			if i%summaryEvery == 0 {
				all[i] = summary(s, all[i])
			}
		}
	}
	return made(all)
}

// summaryEvery is how often a demonstration is one of summing up: inference
// scaling asks a model to answer from thinking that was cut, and the fine-tuned
// policy of so small a model does so only if it has seen it.
const summaryEvery = 8

// summary gives a demonstration's thinking up to a random word, and the cue;
// the answer is what is left to say.
func summary(s t1.Source, d t1.Demonstration) t1.Demonstration {
	thinking, answer, _ := strings.Cut(d.Response, " "+Cue+" ")
	words := strings.Split(thinking, " ")
	kept := words[:s.Below(len(words)+1)]
	d.Given, d.Response = strings.Join(append(kept, Cue), " "), answer
	return d
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

// part lists the chains of a problem's numbers, and the places of those that
// come within Near of the target. There are none of a problem that no chain solves.
func (t *Task) part(p t1.Problem) (all []attempt, near []int) {
	d, ok := read(p)
	if !ok {
		return nil, nil
	}
	solved := false
	for _, c := range chains(d.Numbers, t.spec.MaxTarget) {
		a := attempt{c, c.value() == d.Target}
		solved = solved || a.right
		if abs(c.value()-d.Target) <= t.spec.Near {
			near = append(near, len(all))
		}
		all = append(all, a)
	}
	if !solved {
		return nil, nil
	}
	return all, near
}

// attempt is a chain and whether it reaches the target.
type attempt struct {
	chain
	right bool
}

func abs(n int) int { return max(n, -n) }

// demonstrate writes one response.
func (t *Task) demonstrate(s t1.Source, all []attempt, near []int) string {
	untried := t1.Choose(s, append([]int(nil), near...), len(near))
	tried := make([]bool, len(all))
	var parts []string
	for range s.Below(t.spec.MaxTries + 1) {
		for tried[untried[0]] {
			untried = untried[1:]
		}
		verb, at := "try", untried[0] // there is one: the right ones are near, and none of them was tried
		if s.Below(resolution) < int(t.spec.Careless*resolution) {
			verb, at = "guess", s.Below(len(all))
		}
		if all[at].right {
			return finish(parts, verb, all[at].chain)
		}
		tried[at] = true
		parts = append(parts, verb, all[at].steps(), "no")
	}
	var right []chain
	for _, a := range all {
		if a.right {
			right = append(right, a.chain)
		}
	}
	return finish(parts, "try", right[s.Below(len(right))])
}

// resolution is that of CountdownSpec.Careless.
const resolution = 1 << 20

// finish ends a demonstration with the attempt that hits, its check and the answer.
func finish(missed []string, verb string, solution chain) string {
	parts := append(missed, verb, solution.steps(), "yes", "check", solution.steps(), "ok", Cue, solution.expression())
	return strings.Join(parts, " ")
}

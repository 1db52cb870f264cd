package countdown

import (
	"slices"
	"strings"

	"t1"
)

// Demonstrations implements [t1.Task]: CountdownSpec.Traces of them, the i-th
// for problem i modulo their number. Problems that are not this task's get none.
//
// Demonstrations come from many hands. All search in the same order, begin
// anywhere in it and go round, work each attempt out and say whether it hits;
// what hits is checked and answered. After MaxTries misses they answer unverified.
// But a share of them, CountdownSpec.Hasty, is by a hasty hand that does so at
// once. All answers are right, since a demonstration ends in the right answer
// (P 2.2.1).
//
// So fine-tuning teaches to work out, to compare and to search, and one bad
// habit: to answer without thinking. That thinking pays better is for
// reinforcement learning to find out.
func (t *Task) Demonstrations(seed int64, train []t1.Problem) []t1.Demonstration {
	all := make([]t1.Demonstration, t.spec.Traces)
	for at, p := range train[:min(len(train), len(all))] {
		order, right := search(p, t.spec.MaxTarget)
		for i := at; i < len(all) && len(right) > 0; i += len(train) {
			s := t1.NewSource(seed, "countdown/demonstration", i)
			if i%summaryEvery == 0 {
				all[i] = summary(s, at, demonstrate(s, order, right, t.spec.MaxTries))
			} else {
				all[i] = t1.Demonstration{Problem: at, Response: demonstrate(s, order, right, t.patience(s))}
			}
		}
	}
	return made(all)
}

// summaryEvery is how often a demonstration is one of summing up: inference
// scaling asks a model to answer from thinking that was cut, and the fine-tuned
// policy of so small a model does so only if it has seen it.
const summaryEvery = 8

// summary gives a patient hand's thinking up to a random word, and the cue; the
// answer is what is left to say.
func summary(s t1.Source, problem int, response string) t1.Demonstration {
	words := strings.Split(response, " ")
	cue := slices.Index(words, Cue)
	answer := strings.Join(words[cue+1:], " ")
	given := append(words[:s.Below(cue+1)], Cue)
	return t1.Demonstration{Problem: problem, Given: strings.Join(given, " "), Response: answer}
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

// search lists the chains of a problem's numbers in the order in which they are
// tried, and those of them that hit. What starts with the smaller of two numbers
// is left out: to add or multiply in the other order comes to the same, and
// nothing below zero may be reached. There are none of a problem that is not
// this task's.
func search(p t1.Problem, limit int) (order, right []chain) {
	d, ok := read(p)
	if !ok {
		return nil, nil
	}
	for _, c := range chains(d.Numbers, limit) {
		if c.numbers[0] < c.numbers[1] {
			continue
		}
		order = append(order, c)
		if c.value() == d.Target {
			right = append(right, c)
		}
	}
	return order, right
}

// patience is after how many misses a demonstration answers unverified.
func (t *Task) patience(s t1.Source) int {
	if s.Below(resolution) < int(t.spec.Hasty*resolution) {
		return 0
	}
	return t.spec.MaxTries
}

// resolution is that of CountdownSpec.Hasty.
const resolution = 1 << 20

// demonstrate writes one response. Where it begins in the order is random, else
// fine-tuning would learn by heart which attempt of a game hits.
func demonstrate(s t1.Source, order, right []chain, patience int) string {
	first, told := s.Below(len(order)), right[s.Below(len(right))]
	return response(slices.Concat(order[first:], order[:first]), told, patience)
}

// response makes attempts in order until one hits and is checked, or, where so
// many have missed, states the solution it is told.
func response(order []chain, told chain, patience int) string {
	var parts []string
	for _, c := range order[:min(patience, len(order))] {
		if c.value() == told.value() {
			parts = append(parts, "try", c.steps(), "yes", "check", c.steps(), "ok")
			told = c
			break
		}
		parts = append(parts, "try", c.steps(), "no")
	}
	return strings.Join(append(parts, Cue, told.expression()), " ")
}

// Package countdown is the countdown game: reach a target from some numbers,
// each used exactly once, with + - and *.
//
// A text is words with one space between, and every number, operator and bracket
// is one word. The prompt and a response that errs once:
//
//	make 14 from 8 5 1 :
//	try 5 * 1 = 5 * 8 = 40 no try 8 + 5 = 13 + 1 = 14 yes check 8 + 5 = 13 + 1 = 14 ok answer ( 8 + 5 ) + 1
//
// Demonstrations show trial and error and self-verification, what T1's
// fine-tuning teaches (arXiv 2501.11651, 2.2.1); the game itself is ours.
//
// Everything comes from the run's seed, through arithmetic that is written out
// here: no version of Go makes other problems or other demonstrations.
package countdown

import (
	"strconv"

	"t1"
)

// Cue is the word after which a response states its answer.
const Cue = "answer"

// Task is the game in one shape; make it with [New].
type Task struct {
	spec t1.CountdownSpec
}

// New is the task of a spec. A shape in which there is no game is KindInvalid;
// whether there are enough games shows in [Task.Problems].
func New(spec t1.CountdownSpec) (*Task, error) {
	for _, n := range spec.Numbers {
		if n < fewest || n > most {
			return nil, t1.Errorf(t1.KindInvalid, "task.countdown.numbers: got %d, want from %d to %d", n, fewest, most)
		}
	}
	if len(spec.Numbers) == 0 || spec.MaxNumber < 1 || spec.MaxNumber > largest || spec.MaxTarget < smallestTarget || spec.MaxTarget > largest {
		return nil, t1.Errorf(t1.KindInvalid, "task.countdown: got %v numbers up to %d and targets up to %d, want some numbers up to 1..%d and targets up to %d..%d",
			spec.Numbers, spec.MaxNumber, spec.MaxTarget, largest, smallestTarget, largest)
	}
	if spec.MaxTries < 0 || spec.Hasty < 0 || spec.Hasty > 1 {
		return nil, t1.Errorf(t1.KindInvalid, "task.countdown: got max_tries %d and hasty %g, want neither below 0 and hasty at most 1", spec.MaxTries, spec.Hasty)
	}
	if min(spec.Train, spec.HeldOut, spec.Traces) < 0 {
		return nil, t1.Errorf(t1.KindInvalid, "task.countdown: got train %d, held_out %d and traces %d, want none below 0", spec.Train, spec.HeldOut, spec.Traces)
	}
	return &Task{spec: spec}, nil
}

// What the package can handle; a spec's own rules are tighter.
const (
	fewest  = 2   // numbers in a game
	most    = 4   // numbers in a game: beyond, listing all games takes too long
	largest = 999 // number and target: the value of any answer fits 64 bits
)

// smallestTarget keeps out the targets that hardly need a search.
const smallestTarget = 5

// Vocabulary implements [t1.Task]: the words, the operators, then the numbers
// from 0 to the largest that a demonstration can need.
func (t *Task) Vocabulary() []string {
	words := []string{"make", "from", ":", "try", "no", "yes", "check", "ok", Cue, "=", "+", "-", "*", "(", ")"}
	for n := range max(t.spec.MaxNumber, t.spec.MaxTarget) + 1 {
		words = append(words, strconv.Itoa(n))
	}
	return words
}

// AnswerCue implements [t1.Task].
func (t *Task) AnswerCue() string { return Cue }

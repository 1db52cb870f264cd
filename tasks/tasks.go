// Package tasks makes what a spec's task needs: the game that is made from a
// seed, or the grader of imported problems. A new kind of problem is a folder
// below this one and a line here.
package tasks

import (
	"t1"
	"t1/tasks/choice"
	"t1/tasks/countdown"
	"t1/tasks/number"
)

// The tasks a spec may name.
const (
	Countdown = "countdown" // a game made from the seed
	Number    = "number"    // imported; the final number of a response counts
	Choice    = "choice"    // imported; the letter of a response counts
	Math      = "math"      // imported; graded by math-verify, a program
	Exec      = "exec"      // imported; graded by a program of the user's
)

// Game is the game of a spec; nil where its problems are imported. Settings that
// make none are KindInvalid.
func Game(spec t1.TaskSpec) (t1.Task, error) {
	if spec.Name != Countdown {
		return nil, nil
	}
	task, err := countdown.New(spec.Countdown)
	if err != nil {
		return nil, err // and no t1.Task that holds a nil pointer
	}
	return task, nil
}

// Grader judges the answers of a spec's task; nil where a program does, as for
// Math and Exec. A name that is no task is KindInvalid.
func Grader(spec t1.TaskSpec) (t1.Grader, error) {
	switch spec.Name {
	case Countdown:
		return Game(spec)
	case Number:
		return gradeFunc(number.Grade), nil
	case Choice:
		return gradeFunc(choice.Grade), nil
	case Math, Exec:
		return nil, nil
	}
	return nil, t1.Errorf(t1.KindInvalid, `task.name: got %q, want "countdown", "number", "choice", "math" or "exec"`, spec.Name)
}

// Cue is the text after which a response states its answer.
func Cue(spec t1.TaskSpec) string {
	if spec.Name == Countdown {
		return countdown.Cue
	}
	return spec.Data.Cue
}

// Stated is an answer as it stands in a response, behind the cue.
func Stated(spec t1.TaskSpec, answer string) string {
	if spec.Name == Countdown {
		return countdown.Cue + " " + answer // words with a space between
	}
	return spec.Data.Cue + answer
}

// Worded reports whether the texts of a spec's task are words with a space
// between, each of them one token.
func Worded(spec t1.TaskSpec) bool { return spec.Name == Countdown }

type gradeFunc func(p t1.Problem, response string) t1.Grade

func (g gradeFunc) Grade(p t1.Problem, response string) t1.Grade { return g(p, response) }

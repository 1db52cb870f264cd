// Package tasks makes the task a spec names. A new kind of problem is a folder
// below this one and a case here.
package tasks

import (
	"t1"
	"t1/tasks/countdown"
)

// New is the task of a spec. A name that is no task, or settings that make none,
// are KindInvalid.
func New(spec t1.TaskSpec) (t1.Task, error) {
	switch spec.Name {
	case "countdown":
		return countdown.New(spec.Countdown)
	}
	return nil, t1.Errorf(t1.KindInvalid, `task.name: got %q, want "countdown"`, spec.Name)
}

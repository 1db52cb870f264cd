// Package tasks makes the task a spec names. A new kind of problem is a folder
// below this one and a line here.
package tasks

import (
	"t1"
	"t1/tasks/countdown"
)

// New is the task of a spec. A name that is no task, or settings that make none,
// are KindInvalid.
func New(spec t1.TaskSpec) (t1.Task, error) {
	if spec.Name != "countdown" {
		return nil, t1.Errorf(t1.KindInvalid, `task.name: got %q, want "countdown"`, spec.Name)
	}
	task, err := countdown.New(spec.Countdown)
	if err != nil {
		return nil, err // and no t1.Task that holds a nil pointer
	}
	return task, nil
}

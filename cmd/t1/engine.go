package main

import (
	"time"

	"t1/infra/engine"
)

// engineStall is how long a call of the engine may be silent before the engine
// is taken for hung. Spec.Resources.HeartbeatTimeout is the run's own limit.
const engineStall = 2 * time.Minute

// newEngine makes the engine of this process; it starts when it is first asked.
func (t *tool) newEngine() (*engine.Process, error) {
	directory, err := t.settings.engineDir()
	if err != nil {
		return nil, err
	}
	python, err := t.settings.python()
	if err != nil {
		return nil, err
	}
	return engine.New(engine.Options{
		Python: python, Dir: directory, Log: t.settings.logPath("engine"),
		Threads: 1, Stall: engineStall, // a run's spec sets its own threads
	}), nil
}

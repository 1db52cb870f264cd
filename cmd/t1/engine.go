package main

import (
	"time"

	"t1/infra/engine"
	"t1/infra/program"
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

// verifier is the program that grades mathematics: the engine's, without its tensors.
func (t *tool) verifier() (program.Program, error) {
	directory, err := t.settings.engineDir()
	if err != nil {
		return program.Program{}, err
	}
	python, err := t.settings.python()
	if err != nil {
		return program.Program{}, err
	}
	return program.Program{
		Command: []string{python, "-m", "t1_engine.verify"}, Memory: 2 << 30,
		Environment: []string{"PYTHONPATH=" + directory, "PYTHONHASHSEED=0"}, // equal answers are equal strings, whatever process says them
	}, nil
}

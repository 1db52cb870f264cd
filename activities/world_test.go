package activities

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"t1/infra/engine"
)

// shared is what the tests of this package make once, since it takes seconds and
// nobody changes it: an engine to start, and models to import. Runs share an
// engine on any worker; a test that kills it has it started again.
var shared struct {
	mu        sync.Mutex
	engine    *engine.Process
	directory string            // of the models
	models    map[string]string // by what made them
}

// closeShared ends and removes what is shared.
func closeShared() {
	if shared.engine != nil {
		shared.engine.Close()
	}
	_ = os.RemoveAll(shared.directory)
}

// engineRoot is the directory of this checkout's engine, and its Python.
func engineRoot(t *testing.T) (root, python string) {
	t.Helper()
	root, err := filepath.Abs("../engine")
	if err != nil {
		t.Fatal(err)
	}
	python = filepath.Join(root, ".venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("no engine environment, run `make setup` first: %v", err)
	}
	return root, python
}

// newHost is a host on a fresh store, with the real engine of this checkout.
func newHost(t *testing.T) *Host {
	t.Helper()
	root, python := engineRoot(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.engine == nil {
		shared.engine = engine.New(engine.Options{Python: python, Dir: root, Threads: 1, Stall: time.Minute})
	}
	h := &Host{Store: newStore(t), Engine: shared.engine, Cache: t.TempDir(), Log: zerolog.Nop()}
	t.Cleanup(h.served.close)
	return h
}

// handed is the directory of a model that a function of engine/tests/handed.py
// makes, as whoever trained it would hand it over.
func handed(t *testing.T, function string) string {
	t.Helper()
	return modelOnce(t, function, "-c", "import sys; sys.path[:0] = ['.', 'tests']; from pathlib import Path; import handed; handed."+function+"(Path(sys.argv[1]))")
}

// converted is a handed model as t1 model import stores it.
func converted(t *testing.T, function string) string {
	t.Helper()
	return modelOnce(t, function+"-converted", "-m", "t1_engine.convert", handed(t, function))
}

// modelOnce has the engine's Python make a directory, its last argument.
func modelOnce(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	root, python := engineRoot(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if made, there := shared.models[name]; there {
		return made
	}
	if shared.directory == "" {
		directory, err := os.MkdirTemp("", "t1-activities-")
		if err != nil {
			t.Fatal(err)
		}
		shared.directory, shared.models = directory, map[string]string{}
	}
	directory := filepath.Join(shared.directory, name)
	c := exec.Command(python, append(arguments, directory)...)
	c.Dir = root
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	shared.models[name] = directory
	return directory
}

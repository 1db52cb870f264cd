package main

import (
	"encoding/json"
	"path/filepath"

	"t1/library"
)

// loaded is what transformers makes of an exported directory; see testdata/load.py.
type loaded struct {
	Parameters int64   `json:"parameters"`
	Digest     string  `json:"digest"`
	Probes     int     `json:"probes"`
	Tokens     int     `json:"tokens"`
	Agree      int     `json:"agree"`
	Gap        float64 `json:"gap"`
	Spelled    int     `json:"spelled"`
	Answer     string  `json:"answer"`
}

// load has transformers load a directory, with nothing of ours but the interpreter.
func (w *world) load(directory string, question ...string) (said loaded) {
	w.Helper()
	script := filepath.Join(root(w), "cmd", "t1", "testdata", "load.py")
	out := w.run(filepath.Join(root(w), "engine", ".venv", "bin", "python"), append([]string{script, directory}, question...)...)
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		w.Fatal(err)
	}
	return said
}

// exported runs `t1 model export`.
func (w *world) exported(args ...string) (done library.Exported) {
	w.Helper()
	if err := json.Unmarshal([]byte(w.run("t1", append([]string{"model", "export", "--json"}, args...)...)), &done); err != nil {
		w.Fatal(err)
	}
	return done
}

// leaves shows that a run's policies leave as they were trained: transformers
// answers what the trainer answered when it published them.
func (w *world) leaves(run string, at string) {
	w.Helper()
	log := w.logged(run)
	newest, earlier := w.exported(run, "newest"), w.exported(run, "--at", at, "earlier")
	if newest.Seq != log[len(log)-1].Seq || earlier.Seq >= newest.Seq || earlier.Policy == newest.Policy {
		w.Errorf("exported %+v\nand, of record %s, %+v", newest, at, earlier)
	}
	for _, done := range []library.Exported{newest, earlier} {
		said := w.load(done.Directory)
		if want := log[done.Seq].Policy; done.Policy != want || said.Digest != string(want) {
			w.Errorf("record %d has policy %s; exported is %s, and the file holds %s", done.Seq, want, done.Policy, said.Digest)
		}
		if said.Probes != 3 || said.Tokens != 3*24 || said.Agree != said.Tokens || said.Spelled != said.Probes || said.Gap > 1e-4 {
			w.Errorf("transformers answers the policy after record %d with %+v", done.Seq, said)
		}
	}
}

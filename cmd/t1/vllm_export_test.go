package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"t1/infra/vllm"
)

// serves shows that a run's exported policy is one that vLLM serves: a server of
// its own on that directory answers what the trainer answered.
func (w *world) serves(run string) {
	w.Helper()
	done := w.exported(run, "policy")
	directory := filepath.Join(w.home, done.Directory)
	server := vllm.New(vllm.Options{
		Python: filepath.Join(root(w), "infra/vllm/environment/.venv/bin/python"), Dir: w.TempDir(),
		Log: filepath.Join(w.home, "logs", "vllm-exported.log"), DataType: "float32", Length: 256, Sequences: 8, Tolerance: 1e-3,
		Arguments: []string{"--enforce-eager"},
	})
	defer server.Close()
	asIs := func(context.Context, string) error { return nil } // export has checked every byte
	if err := server.Open(w.Context(), vllm.Policy{Digest: done.Policy, Dir: directory, Verify: asIs, Probes: w.probes(directory)}, nil); err != nil {
		w.Fatalf("the exported policy: %v", err)
	}
	if server.Policy() != done.Policy || done.Policy != w.logged(run)[done.Seq].Policy {
		w.Errorf("exported %+v; %s is served", done, server.Policy())
	}
}

// probes are those beside a policy's weights.
func (w *world) probes(directory string) []vllm.Probe {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(directory, "probes.json"))
	if err != nil {
		w.Fatal(err)
	}
	var file struct{ Probes []vllm.Probe }
	if err := json.Unmarshal(data, &file); err != nil || len(file.Probes) != 3 {
		w.Fatalf("%d probes, %v", len(file.Probes), err)
	}
	return file.Probes
}

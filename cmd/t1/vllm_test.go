package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"t1"
)

// wantVLLM skips a test unless real vLLM servers are asked for.
func wantVLLM(t *testing.T) {
	t.Helper()
	if os.Getenv("T1_TEST_VLLM") != "1" {
		t.Skip("a real vLLM server takes minutes: T1_TEST_VLLM=1 asks for it")
	}
	if _, err := os.Stat(filepath.Join(root(t), "infra/vllm/environment/.venv/bin/python")); err != nil {
		t.Fatalf("no vLLM environment: run `make setup-vllm` first (%v)", err)
	}
}

// A whole run with a real vLLM server, which is killed in the middle of an
// iteration; then what it learnt is served by a server of its own. It takes
// minutes: T1_TEST_VLLM=1 asks for it, as `make test-vllm` does.
func TestVLLMTrains(t *testing.T) {
	wantVLLM(t)
	t.Setenv("T1_VLLM_ARGUMENTS", "--enforce-eager")
	t.Setenv("T1_VLLM_SEQUENCES", "8")      // fewer than an iteration's responses: its blocks are complete one after the other
	t.Setenv("VLLM_CPU_KVCACHE_SPACE", "1") // GiB
	// One core, whichever has time: vLLM would bind its threads to the first, which
	// may have none to spare.
	t.Setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")
	t.Setenv("OMP_NUM_THREADS", "1")
	w := newWorld(t)
	t.Cleanup(w.leavesNoProcess) // after t1 up has ended
	w.up()
	w.run("t1", "train", filepath.Join(root(t), "cmd/t1/testdata/vllm.yaml"), "--run", "served")
	killed := w.killVLLM("served", 2)
	status := w.until("served", "end", done)
	if len(status.Evaluations) != 2 {
		w.Errorf("%d evaluations, want 2", len(status.Evaluations))
	}
	updates := 0
	for _, line := range w.logged("served") {
		if line.Kind != t1.RecordUpdate {
			continue
		}
		updates++
		mean, most := line.Metrics[t1.MetricGapMean], line.Metrics[t1.MetricGapMax]
		t.Logf("record %d: gap %.2g nats in the mean, %.2g at most", line.Seq, mean, most)
		if !(0 < mean && mean <= most && most < 1e-3) {
			w.Errorf("record %d: the sampler is %g nats a token from the trainer, %g at most; want less than 0.001", line.Seq, mean, most)
		}
	}
	if updates != 3 {
		w.Errorf("%d updates, want 3", updates)
	}
	w.wentOn(killed)
	// Two processes served every policy: each change took weights in place.
	log, err := os.ReadFile(filepath.Join(w.home, "logs", "vllm.log"))
	if err != nil {
		w.Fatal(err)
	}
	if starts := strings.Count(string(log), "Application startup complete"); starts != 2 {
		w.Errorf("the server was started %d times, want once, and once after it was killed", starts)
	}
	if out := w.run("t1", "verify", "served"); !strings.Contains(out, "every digest is the same") {
		w.Errorf("verify: %s", out)
	}
	w.serves("served")
}

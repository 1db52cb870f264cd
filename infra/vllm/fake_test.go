package vllm

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"t1/infra/process/processtest"
)

// The tests of faults run this test binary as the interpreter with the server.
const (
	fakeMode   = "T1_TEST_VLLM_MODE"   // how it behaves
	fakeStarts = "T1_TEST_VLLM_STARTS" // directory of the stand-in
	fakeParent = "T1_TEST_VLLM_PARENT"
)

func TestMain(m *testing.M) {
	if parent := os.Getenv(fakeParent); parent != "" {
		openAndHang(parent)
	}
	if mode, fake := os.LookupEnv(fakeMode); fake {
		runFake(mode)
	}
	goleak.VerifyTestMain(m)
}

// fakeOptions is options for a server that behaves in a certain way: well where
// mode is empty, and where it ends in "once" in its first process only.
func fakeOptions(t *testing.T, mode string) Options {
	t.Helper()
	dir := t.TempDir()
	return Options{
		Python: processtest.StandIn(t, dir), Dir: filepath.Join(dir, "served"), Log: filepath.Join(dir, "log"), Start: 20 * time.Second, Stall: 5 * time.Second,
		Tolerance: 1e-4, Sequences: 8, Environment: []string{fakeMode + "=" + mode, fakeStarts + "=" + dir},
	}
}

func argument(name string) string { return os.Args[slices.Index(os.Args, name)+1] }

func runFake(mode string) {
	if strings.HasSuffix(mode, " once") && len(processtest.Starts(os.Getenv(fakeStarts))) > 1 {
		mode = ""
	}
	switch mode {
	case "exit":
		processtest.Die(1, "ValueError: no memory left for the cache")
	case "no module":
		processtest.Die(1, "ModuleNotFoundError: No module named 'vllm'")
	case "hang in start":
		processtest.Hang("loading for ever")
	}
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	if err := exec.Command("sleep", "1000").Start(); err != nil { // a process that computes
		panic(err)
	}
	listener, err := net.Listen("unix", argument("--uds"))
	if err != nil {
		panic(err)
	}
	f := &fakeServer{mode: mode, cached: map[string]toy{}, seen: map[string]int{}}
	if f.weights, err = loadToy(argument("--model")); err != nil {
		panic(err)
	}
	panic(http.Serve(listener, f))
}

// fakeServer does what vLLM does as far as we use it; its mode is its fault.
type fakeServer struct {
	mode string

	mu      sync.Mutex
	weights toy
	cached  map[string]toy // prefix cache: what first answered a prompt
	paused  bool
	tokens  int
	running int
	seen    map[string]int // times that a request came
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.mode == "dies at "+r.URL.Path+" once" {
		processtest.Die(9, "something terrible")
	}
	if f.mode == "silent once" && f.seenSampling() {
		time.Sleep(time.Hour)
	}
	switch r.URL.Path {
	case "/health":
	case "/metrics":
		f.metrics(w)
	case "/v1/models":
		fmt.Fprint(w, `{"data": [{"id": "policy", "max_model_len": 64}]}`)
	case "/v1/completions":
		if r.Header.Get("Authorization") != "Bearer "+os.Getenv("VLLM_API_KEY") {
			http.Error(w, "no key", http.StatusUnauthorized)
			return
		}
		f.completions(w, r)
	case "/pause", "/collective_rpc", "/reset_prefix_cache", "/resume":
		if os.Getenv("VLLM_SERVER_DEV_MODE") != "1" {
			http.NotFound(w, r)
			return
		}
		f.control(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (f *fakeServer) metrics(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(w, "# HELP vllm:generation_tokens_total x\nvllm:prompt_tokens_total{engine=\"0\"} 0.0\n"+
		"vllm:generation_tokens_total{engine=\"0\"} %d.0\nvllm:num_requests_running{engine=\"0\"} %d.0\n", f.tokens, f.running)
}

func (f *fakeServer) control(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.URL.Path {
	case "/pause":
		f.paused = true
	case "/resume":
		f.paused = false
	case "/reset_prefix_cache":
		clear(f.cached)
	case "/collective_rpc":
		var call struct{ Method string }
		if json.NewDecoder(r.Body).Decode(&call) != nil || call.Method != "reload_weights" || f.mode == "refuses reload" {
			http.Error(w, "no such method", http.StatusInternalServerError)
			return
		}
		if f.mode != "stale" {
			f.weights, _ = loadToy(argument("--model"))
		}
	}
}

// seenSampling says whether a request with a seed has come.
func (f *fakeServer) seenSampling() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen["sampling"] > 0
}

// begin counts a request and gives the weights that answer it and how often it came.
func (f *fakeServer) begin(in completionRequest) (m toy, times int, paused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if in.Seed != nil {
		f.seen["sampling"]++
	}
	text, _ := json.Marshal(in)
	f.seen[string(text)]++
	prompt := fmt.Sprint(in.Prompt)
	if _, there := f.cached[prompt]; !there {
		f.cached[prompt] = f.weights
	}
	m = f.cached[prompt]
	if f.mode == "wrong" {
		m[0]++
	}
	f.running++
	return m, f.seen[string(text)], f.paused
}

func (f *fakeServer) end(tokens int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens += tokens
	f.running--
}

func (f *fakeServer) completions(w http.ResponseWriter, r *http.Request) {
	var in completionRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Model != "policy" || !in.IgnoreEOS || !in.ReturnTokenIDs {
		http.Error(w, `{"error": {"message": "bad request"}}`, http.StatusBadRequest)
		return
	}
	in.MaxTokens = min(in.MaxTokens, 64-len(in.Prompt)) // as the real one does
	m, times, paused := f.begin(in)
	tokens, logprobs, finish := []int32{0}, []float32{0}, "length"
	defer func() { f.end(len(tokens)) }()
	if paused {
		http.Error(w, "paused", http.StatusServiceUnavailable)
		return
	}
	if in.Seed != nil {
		time.Sleep(2 * time.Millisecond)
		if f.fault(w, r, times) {
			return
		}
	}
	if in.LogProbs != nil {
		seed := int64(0)
		if in.Seed != nil {
			seed = *in.Seed
		}
		tokens, logprobs, finish = m.generate(in.Prompt, in.MaxTokens, in.Temperature, in.TopP, seed, in.Stop)
	}
	choice := map[string]any{"token_ids": tokens, "finish_reason": finish, "logprobs": map[string]any{"token_logprobs": logprobs}}
	if in.PromptLogProbs != nil {
		rows := []any{nil}
		for i, logprob := range m.score(in.Prompt[:1], in.Prompt[1:]) {
			rows = append(rows, map[string]any{strconv.Itoa(int(in.Prompt[i+1])): map[string]any{"logprob": logprob}})
		}
		choice["prompt_logprobs"] = rows
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{choice}})
}

// fault misbehaves in a request for a sample, and says whether it did.
func (f *fakeServer) fault(w http.ResponseWriter, r *http.Request, times int) bool {
	f.mu.Lock()
	sampled := f.seen["sampling"]
	f.mu.Unlock()
	switch {
	case f.mode == "dies once" && sampled > 10, f.mode == "dies":
		processtest.Die(9, "something terrible")
	case f.mode == "hangs once" && sampled > 10, f.mode == "waits":
		<-r.Context().Done()
	case f.mode == "500" || f.mode == "500 at first" && times < 3:
		http.Error(w, `{"error": {"message": "engine trouble"}}`, http.StatusInternalServerError)
	case f.mode == "truncated" || f.mode == "truncated at first" && times < 3:
		fmt.Fprint(w, `{"choices": [{"token_ids": [3, 4], "finish_rea`)
	case f.mode == "cut off at first" && times < 3:
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"choices"`)
	case f.mode == "no number":
		fmt.Fprint(w, `{"choices": [{"token_ids": [3], "finish_reason": "length", "logprobs": {"token_logprobs": [null]}}]}`)
	case f.mode == "too short":
		fmt.Fprint(w, `{"choices": [{"token_ids": [3], "finish_reason": "length", "logprobs": {"token_logprobs": [-1]}}]}`)
	default:
		return false
	}
	return true
}

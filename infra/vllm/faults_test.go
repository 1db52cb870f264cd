package vllm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"t1"
)

// fakeKit is a scripted server that behaves in a certain way, and policies for it.
func fakeKit(t *testing.T, mode string) kit {
	t.Helper()
	policy := func(name string, width int) Policy {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{
			"model.safetensors": "weights of " + name,
			"config.json":       fmt.Sprintf(`{"hidden_size": %d, "eos_token_id": %d}`, width, toyEnd),
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		model, _ := loadToy(dir)
		p := Policy{Digest: t1.Digest(fmt.Sprintf("%064x", name)), Dir: dir, Verify: holds("weights of " + name)}
		for i := range int32(3) {
			prompt := []int32{5 + i, 9, 11}
			tokens, logprobs, _ := model.generate(prompt, 12, 0, 1, 0, nil)
			p.Probes = append(p.Probes, Probe{prompt, tokens, logprobs})
		}
		return p
	}
	return kit{
		options: fakeOptions(t, mode), a: policy("a", 64), b: policy("b", 64), other: policy("c", 128),
		prompts: [][]int32{{4, 5, 6}, {7, 8}, {9, 10, 11, 12}}, end: toyEnd, length: 64, accuracy: 1e-5,
		score: func(_ *testing.T, p Policy, prompts, responses [][]int32) [][]float32 {
			model, _ := loadToy(p.Dir)
			var rows [][]float32
			for i := range prompts {
				rows = append(rows, model.score(prompts[i], responses[i]))
			}
			return rows
		},
	}
}

// holds verifies that a directory's weights are certain bytes.
func holds(weights string) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
		if err != nil || string(text) != weights {
			return t1.Errorf(t1.KindCorrupt, "%s: not its digest", dir)
		}
		return nil
	}
}

func TestConformanceOfFake(t *testing.T) { conformance(t, fakeKit(t, "")) }

// opened is a server with a fault that serves policy a.
func opened(t *testing.T, k kit) *Server {
	t.Helper()
	s := New(k.options)
	t.Cleanup(s.Close)
	if err := s.Open(t.Context(), k.a, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// want is what a server without a fault answers.
func want(t *testing.T, k kit, g Generation) []Response {
	t.Helper()
	k.options = fakeOptions(t, "")
	s := opened(t, k)
	defer s.Close()
	responses, _, err := gather(t.Context(), s, g)
	if err != nil {
		t.Fatal(err)
	}
	return responses
}

// What passes is survived: the responses are those of a server without a fault.
func TestSurvives(t *testing.T) {
	for _, c := range []struct {
		mode     string
		restarts int
	}{
		{"dies once", 1},
		{"hangs once", 1},
		{"silent once", 1},
		{"500 at first", 0},
		{"truncated at first", 0},
		{"cut off at first", 0},
	} {
		t.Run(c.mode, func(t *testing.T) {
			k := fakeKit(t, c.mode)
			k.options.Stall = 700 * time.Millisecond
			g := k.sampling(k.a, 8, 12)
			got, done, err := gather(t.Context(), opened(t, k), g)
			if err != nil || done.Restarts != c.restarts {
				t.Fatalf("%d restarts, want %d: %v", done.Restarts, c.restarts, err)
			}
			if !slices.EqualFunc(got, want(t, k, g), func(a, b Response) bool {
				return slices.Equal(a.Tokens, b.Tokens) && slices.Equal(a.LogProbs, b.LogProbs) && a.Policy == b.Policy
			}) {
				t.Error("the responses are others than without the fault")
			}
		})
	}
}

// What stays is told.
func TestGivesUp(t *testing.T) {
	for _, c := range []struct {
		mode string
		kind t1.Kind
		says string
	}{
		{"dies", t1.KindUnavailable, "the vLLM server ended (exit status 9); its log ends: something terrible"},
		{"500", t1.KindUnavailable, "/v1/completions: 500 Internal Server Error: engine trouble"},
		{"truncated", t1.KindUnavailable, "its answer: unexpected EOF"},
		{"no number", t1.KindNumeric, "a log-probability is missing"},
		{"too short", t1.KindInternal, `a response of 1 tokens finished with "length"`},
	} {
		t.Run(c.mode, func(t *testing.T) {
			k := fakeKit(t, c.mode)
			got, _, err := gather(t.Context(), opened(t, k), k.sampling(k.a, 4, 12))
			if len(got) > 0 || t1.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%d responses, %s: %v", len(got), t1.KindOf(err), err)
			}
		})
	}
}

// A hang is told with its reason where a restart does not help either.
func TestHang(t *testing.T) {
	k := fakeKit(t, "waits")
	k.options.Stall = 300 * time.Millisecond
	_, done, err := gather(t.Context(), opened(t, k), k.sampling(k.a, 1, 4))
	if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), "it computed no token for 300ms while requests ran") || done.Restarts != restarts {
		t.Errorf("%d restarts, %v", done.Restarts, err)
	}
}

// A server that stays idle is not taken for one that hangs.
func TestIdle(t *testing.T) {
	k := fakeKit(t, "")
	k.options.Stall = 200 * time.Millisecond
	s := opened(t, k)
	pid := s.PID()
	time.Sleep(700 * time.Millisecond)
	if s.PID() != pid || s.Policy() != k.a.Digest {
		t.Errorf("pid %d, before %d; serves %q", s.PID(), pid, s.Policy())
	}
}

// A change in place that does nothing, or fails, is healed by a fresh start.
func TestChangeInPlaceFails(t *testing.T) {
	for _, mode := range []string{"stale", "refuses reload"} {
		k := fakeKit(t, mode)
		s := opened(t, k)
		pid := s.PID()
		if err := s.Open(t.Context(), k.b, nil); err != nil || s.PID() == pid || s.Policy() != k.b.Digest {
			t.Errorf("%s: pid %d, before %d; serves %q, %v", mode, s.PID(), pid, s.Policy(), err)
		}
	}
}

// One step moves a policy by less than the tolerance: weights that did not
// change at all are found nevertheless.
func TestStaleWeightsWithinTheTolerance(t *testing.T) {
	k := fakeKit(t, "stale")
	k.options.Tolerance = 1e6
	k.b.Probes = slices.Clone(k.a.Probes)
	s := opened(t, k)
	pid := s.PID()
	if err := s.Open(t.Context(), k.b, nil); err != nil || s.PID() == pid {
		t.Errorf("the same process, which kept its weights: %d, %v", pid, err)
	}
}

// The server may die between any two steps of a change: it serves what it was
// given, by a fresh proof, or nothing.
func TestDiesInAChange(t *testing.T) {
	for _, step := range []string{"/pause", "/collective_rpc", "/reset_prefix_cache", "/resume"} {
		k := fakeKit(t, "dies at "+step+" once")
		s := opened(t, k)
		if err := s.Open(t.Context(), k.b, nil); err != nil || s.Policy() != k.b.Digest {
			t.Errorf("%s: serves %q, %v", step, s.Policy(), err)
		}
		got, _, err := gather(t.Context(), s, k.sampling(k.b, 2, 4))
		if err != nil || !slices.EqualFunc(got, wantOf(t, k, k.b), sameTokens) {
			t.Errorf("%s: %v, %v", step, got, err)
		}
	}
}

func wantOf(t *testing.T, k kit, p Policy) []Response {
	t.Helper()
	g := k.sampling(p, 2, 4)
	k.a = p
	return want(t, k, g)
}

// A caller may give up between any two steps: nothing is served until the next
// proof.
func TestGivenUpInAChange(t *testing.T) {
	k := fakeKit(t, "")
	for after := range 4 {
		s := opened(t, k)
		ctx, cancel := context.WithCancel(t.Context())
		stages := 0
		err := s.Open(ctx, k.b, func(string) {
			if stages++; stages > after {
				cancel()
			}
		})
		cancel()
		for _, p := range []Policy{k.a, k.b} {
			_, _, sampled := gather(t.Context(), s, k.sampling(p, 1, 2))
			if served := s.Policy() == p.Digest; (sampled == nil) != served {
				t.Errorf("after %d stages (%v): serves %q, and sampling says %v", after, err, s.Policy(), sampled)
			}
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after %d stages: %v", after, err)
		}
		s.Close()
	}
}

func TestWrongWeights(t *testing.T) {
	k := fakeKit(t, "wrong")
	s := New(k.options)
	defer s.Close()
	err := s.Open(t.Context(), k.a, nil)
	if t1.KindOf(err) != t1.KindStateMismatch || !strings.Contains(err.Error(), "nats from the trainer's, allowed are 0.0001") || t1.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
	if _, _, err := gather(t.Context(), s, k.sampling(k.a, 1, 1)); t1.KindOf(err) != t1.KindStateMismatch || s.Policy() != "" {
		t.Errorf("serves %q, %v", s.Policy(), err)
	}
}

// Callers with different wishes at the same time: each gets the policy it asked
// for, or a refusal, never a response of another.
func TestManyCallers(t *testing.T) {
	k := fakeKit(t, "")
	s := opened(t, k)
	expect := map[t1.Digest][]Response{k.a.Digest: want(t, k, k.sampling(k.a, 2, 4)), k.b.Digest: wantOf(t, k, k.b)}
	var wg sync.WaitGroup
	for i := range 12 {
		p := []Policy{k.a, k.b}[i%2]
		wg.Go(func() {
			if err := s.Open(t.Context(), p, nil); err != nil {
				t.Error(err)
			}
			got, _, err := gather(t.Context(), s, k.sampling(p, 2, 4))
			if t1.KindOf(err) == t1.KindStateMismatch {
				return
			}
			if err != nil || !slices.EqualFunc(got, expect[p.Digest], sameTokens) {
				t.Errorf("policy %s: %v, %v", p.Digest, got, err)
			}
		})
	}
	wg.Wait()
}

func TestBadInput(t *testing.T) {
	k := fakeKit(t, "")
	s := opened(t, k)
	for name, change := range map[string]func(*Policy){
		"no digest":        func(p *Policy) { p.Digest = "" },
		"a path as digest": func(p *Policy) { p.Digest = "../../etc" },
		"no verification":  func(p *Policy) { p.Verify = nil },
		"no probe":         func(p *Policy) { p.Probes = nil },
		"half a probe":     func(p *Policy) { p.Probes = []Probe{{k.prompts[0], []int32{1, 2}, []float32{-1}}} },
		"a directory in it": func(p *Policy) {
			p.Dir = t.TempDir()
			os.Mkdir(filepath.Join(p.Dir, "sub"), 0o700)
		},
		"a link in it": func(p *Policy) {
			p.Dir = t.TempDir()
			os.Symlink("/etc/passwd", filepath.Join(p.Dir, "config.json"))
		},
	} {
		p := k.b
		change(&p)
		if err := s.Open(t.Context(), p, nil); t1.KindOf(err) != t1.KindInvalid || s.Policy() != k.a.Digest {
			t.Errorf("%s: serves %q, %v", name, s.Policy(), err)
		}
	}
	gone := k.b
	gone.Dir = "/nowhere"
	if err := s.Open(t.Context(), gone, nil); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("no directory: %v", err)
	}
	for name, change := range map[string]func(*Generation){
		"no prompt":   func(g *Generation) { g.Prompts = nil },
		"no sample":   func(g *Generation) { g.Prompts[0].Samples = 0 },
		"empty":       func(g *Generation) { g.Prompts[0].Tokens = nil },
		"top-p":       func(g *Generation) { g.TopP = 0 },
		"temperature": func(g *Generation) { g.Temperature = -1 },
		"tokens":      func(g *Generation) { g.MaxTokens = 0 },
	} {
		g := k.sampling(k.a, 1, 1)
		change(&g)
		if _, _, err := gather(t.Context(), s, g); t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A model may end a response with any of several tokens, or with none.
func TestEnds(t *testing.T) {
	for config, want := range map[string][]int32{
		`{"eos_token_id": 2}`: {2}, `{"eos_token_id": [2, 0]}`: {2, 0}, `{"eos_token_id": 0}`: {0}, `{"eos_token_id": null}`: nil, `{}`: nil,
	} {
		got, err := (&life{config: []byte(config)}).ends()
		if !slices.Equal(got, want) || (want == nil) != (t1.KindOf(err) == t1.KindInvalid) {
			t.Errorf("%s: %v, %v", config, got, err)
		}
	}
}

// Progress comes while responses are still being computed.
func TestProgress(t *testing.T) {
	k := fakeKit(t, "")
	var last [3]int64
	done, err := opened(t, k).Generate(t.Context(), k.sampling(k.a, 4, 8), func(Response) {}, func(done, total, tokens int64) {
		if done < last[0] || tokens < last[2] || total != 12 {
			t.Errorf("%d of %d, %d tokens after %v", done, total, tokens, last)
		}
		last = [3]int64{done, total, tokens}
	})
	if err != nil || last[0] != 12 || last[2] < done.Tokens || done.Tokens == 0 {
		t.Errorf("%v, %+v, %v", last, done, err)
	}
}

// A response whose last allowed token ends it has ended, whatever the server
// looks at first.
func TestEndAtTheLimit(t *testing.T) {
	asked := completionRequest{MaxTokens: 2, Stop: []int32{1, 7}}
	for _, c := range []struct {
		tokens, finish string
		want           string // empty where it is refused
	}{
		{"[3, 7]", "length", t1.FinishStop},
		{"[3, 7]", "stop", t1.FinishStop},
		{"[3, 4]", "length", t1.FinishLength},
		{"[7]", "stop", t1.FinishStop},
		{"[3, 4]", "stop", ""},
		{"[3]", "length", ""},
		{"[3, 4]", "abort", ""},
		{"[3, 4, 5]", "length", ""},
	} {
		var reply completionReply
		logprobs := strings.NewReplacer("3", "-1", "4", "-2", "5", "-2", "7", "-3").Replace(c.tokens)
		text := fmt.Sprintf(`{"choices": [{"token_ids": %s, "finish_reason": %q, "logprobs": {"token_logprobs": %s}}]}`, c.tokens, c.finish, logprobs)
		if err := json.Unmarshal([]byte(text), &reply); err != nil {
			t.Fatal(err)
		}
		got, err := reply.check(asked)
		if (err == nil) != (c.want != "") || err == nil && got.finish != c.want {
			t.Errorf("%s %s: %q, %v", c.tokens, c.finish, got.finish, err)
		}
	}
}

package vllm

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"t1"
	"t1/infra/process/processtest"
)

// kit is a server to test and policies for it.
type kit struct {
	options  Options
	a, b     Policy // of one shape
	other    Policy // of another
	prompts  [][]int32
	end      int32
	length   int     // of the server: prompt and response together
	accuracy float64 // of log-probabilities, nats
	// score gives the trainer's log-probabilities of responses.
	score func(t *testing.T, p Policy, prompts, responses [][]int32) [][]float32
}

// conformance is what a server must do, the real one and the scripted one. Its
// parts share one server, in order: a start of the real one takes long.
func conformance(t *testing.T, k kit) {
	s := New(k.options)
	t.Cleanup(s.Close)
	open := func(t *testing.T, p Policy) {
		t.Helper()
		if err := s.Open(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
	}
	// ask gives the responses by prompt, then sample.
	ask := func(t *testing.T, g Generation) []Response {
		t.Helper()
		responses, _, err := gather(t.Context(), s, g)
		if err != nil {
			t.Fatal(err)
		}
		return responses
	}
	refused := func(t *testing.T, p Policy) {
		t.Helper()
		if _, _, err := gather(t.Context(), s, k.sampling(p, 1, 1)); t1.KindOf(err) != t1.KindStateMismatch {
			t.Errorf("sampled from an unproven policy: %v", err)
		}
	}

	t.Run("nothing is served before a proof", func(t *testing.T) { refused(t, k.a) })

	t.Run("starts and proves", func(t *testing.T) {
		began, stages := time.Now(), []string{}
		if err := s.Open(t.Context(), k.a, func(what string) { stages = append(stages, what) }); err != nil {
			t.Fatal(err)
		}
		t.Logf("start and proof: %.1f s, %d stages, the last: %s", time.Since(began).Seconds(), len(stages), stages[len(stages)-1])
		if s.Policy() != k.a.Digest || s.PID() == 0 {
			t.Errorf("serves %q, pid %d", s.Policy(), s.PID())
		}
		refused(t, k.b)
	})

	t.Run("greedy is the trainer's", func(t *testing.T) {
		for _, probe := range k.a.Probes {
			got := ask(t, Generation{Policy: k.a.Digest, Prompts: []Prompt{{probe.Prompt, 7, 1}}, TopP: 1, MaxTokens: len(probe.Tokens)})[0]
			n := len(got.Tokens) // may end earlier: a probe does not stop at an end of sequence
			if !slices.Equal(got.Tokens, probe.Tokens[:n]) || worst(got.LogProbs, probe.LogProbs[:n]) > k.accuracy {
				t.Errorf("prompt %v: %v %v, the trainer has %v %v", probe.Prompt, got.Tokens, got.LogProbs, probe.Tokens, probe.LogProbs)
			}
		}
	})

	t.Run("log-probabilities are those at temperature 1", func(t *testing.T) {
		g := k.sampling(k.a, 4, 16)
		g.Temperature, g.TopP = 1.2, 0.95
		rows := ask(t, g)
		var prompts, responses [][]int32
		for _, r := range rows {
			prompts, responses = append(prompts, g.Prompts[r.Prompt].Tokens), append(responses, r.Tokens)
		}
		var gap float64
		for i, want := range k.score(t, k.a, prompts, responses) {
			gap = max(gap, worst(rows[i].LogProbs, want))
		}
		t.Logf("largest gap of %d responses: %.2g nats", len(rows), gap)
		if gap > k.accuracy {
			t.Errorf("largest gap to the trainer %g nats", gap)
		}
	})

	t.Run("responses", func(t *testing.T) {
		g := k.sampling(k.a, 16, 24)
		finishes := map[string]int{}
		for i, r := range ask(t, g) {
			if r.Prompt != i/16 || r.Sample != i%16 || r.Policy != k.a.Digest || len(r.LogProbs) != len(r.Tokens) {
				t.Fatalf("response %d: %+v", i, r)
			}
			end := slices.Index(r.Tokens, k.end)
			if r.Finish == t1.FinishStop && end != len(r.Tokens)-1 || r.Finish == t1.FinishLength && (end >= 0 || len(r.Tokens) != 24) {
				t.Errorf("%q: %v", r.Finish, r.Tokens)
			}
			finishes[r.Finish]++
		}
		if finishes[t1.FinishStop] == 0 || finishes[t1.FinishLength] == 0 {
			t.Errorf("a test of both ends needs both: %v", finishes)
		}
	})

	t.Run("a sample's randomness is its own", func(t *testing.T) {
		whole := ask(t, k.sampling(k.a, 8, 12))
		if again := ask(t, k.sampling(k.a, 8, 12)); !slices.EqualFunc(whole, again, sameTokens) {
			t.Error("the same request has other responses")
		}
		alone := k.sampling(k.a, 3, 12)
		alone.Prompts = alone.Prompts[1:2]
		for i, r := range ask(t, alone) {
			if !sameTokens(r, whole[8+i]) {
				t.Errorf("sample %d alone: %v, in company %v", i, r.Tokens, whole[8+i].Tokens)
			}
		}
		next := k.sampling(k.a, 8, 12)
		for i := range next.Prompts {
			next.Prompts[i].Seed++
		}
		for i, r := range ask(t, next)[:7] { // no sample of a seed is one of the next seed
			if len(r.Tokens) > 4 && slices.Equal(r.Tokens, whole[i+1].Tokens) {
				t.Errorf("sample %d of the next seed is sample %d of this", i, i+1)
			}
		}
	})

	t.Run("too long a request", func(t *testing.T) {
		if _, _, err := gather(t.Context(), s, k.sampling(k.a, 1, k.length)); t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("got %v", err)
		}
		ask(t, k.sampling(k.a, 1, 4))
	})

	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		pid, g := s.PID(), k.sampling(k.a, 64, k.length-16)
		_, err := s.Generate(ctx, g, func(Response) { cancel() }, nil)
		if !errors.Is(err, context.Canceled) || s.PID() != pid {
			t.Errorf("got %v; pid %d, before %d", err, s.PID(), pid)
		}
		for range 200 { // the server stops work that nobody waits for
			if s.running().runningRequests(t) == 0 {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Errorf("%d requests still run", s.running().runningRequests(t))
	})

	t.Run("weights change in place", func(t *testing.T) {
		g := k.sampling(k.a, 4, 8)
		first, pid := ask(t, g), s.PID()
		began := time.Now()
		if err := s.Open(t.Context(), k.b, func(what string) {
			if strings.Contains(what, "weights") && s.Policy() != "" {
				t.Errorf("while %s it still serves %s", what, s.Policy())
			}
		}); err != nil {
			t.Fatal(err)
		}
		t.Logf("change and proof: %.2f s", time.Since(began).Seconds())
		refused(t, k.a)
		second := k.sampling(k.b, 4, 8)
		if slices.EqualFunc(first, ask(t, second), sameTokens) {
			t.Error("both policies answer the same")
		}
		open(t, k.a)
		if back := ask(t, g); !slices.EqualFunc(first, back, sameTokens) || s.PID() != pid {
			t.Errorf("after the change back: pid %d, before %d; %v, before %v", s.PID(), pid, back, first)
		}
		if left, _ := filepath.Glob(filepath.Join(k.options.Dir, "*")); len(left) != 2 { // the link and its target
			t.Errorf("copies left: %v", left)
		}
	})

	t.Run("a corrupt file changes nothing", func(t *testing.T) {
		pid, corrupt := s.PID(), k.b
		corrupt.Verify = func(_ context.Context, dir string) error {
			return t1.Errorf(t1.KindCorrupt, "%s: not its digest", dir)
		}
		if err := s.Open(t.Context(), corrupt, nil); t1.KindOf(err) != t1.KindCorrupt {
			t.Errorf("got %v", err)
		}
		if s.Policy() != k.a.Digest || s.PID() != pid {
			t.Errorf("serves %q, pid %d, before %d", s.Policy(), s.PID(), pid)
		}
		ask(t, k.sampling(k.a, 1, 4))
	})

	t.Run("a killed server is replaced and the generation goes on", func(t *testing.T) {
		g := k.sampling(k.a, 8, 12)
		want, killed := ask(t, g), false
		var got []Response
		done, err := s.Generate(t.Context(), g, func(r Response) {
			got = append(got, r)
			if !killed {
				killed = true
				s.running().Kill()
			}
		}, nil)
		sortResponses(got)
		if err != nil || done.Restarts != 1 || !slices.EqualFunc(got, want, sameTokens) {
			t.Errorf("%d of %d responses, %d restarts, %v", len(got), len(want), done.Restarts, err)
		}
	})

	t.Run("another shape needs a start", func(t *testing.T) {
		pid := s.PID()
		open(t, k.other)
		ask(t, k.sampling(k.other, 2, 4))
		if s.PID() == pid {
			t.Error("the same process serves another shape")
		}
	})

	t.Run("what the trainer does not recognise is not served", func(t *testing.T) {
		impostor := k.a
		impostor.Dir = k.b.Dir
		impostor.Verify = func(context.Context, string) error { return nil }
		err := s.Open(t.Context(), impostor, nil)
		if t1.KindOf(err) != t1.KindStateMismatch || !strings.Contains(err.Error(), "nats from the trainer's") {
			t.Errorf("got %v", err)
		}
		t.Log(err)
		refused(t, impostor)
	})

	t.Run("nobody else reaches it", func(t *testing.T) {
		open(t, k.b)
		directory := s.running().Directory()
		info, err := os.Stat(directory)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the socket's directory: %v, %v", info.Mode(), err)
		}
		for _, address := range listening(t, groupOf(s)) {
			if !strings.HasPrefix(address, "127.") && !strings.HasPrefix(address, "[::1]") {
				t.Errorf("the server listens on %s", address)
			}
		}
		stranger := newClient(filepath.Join(directory, socketName), "guess")
		defer stranger.close()
		if err := stranger.post(t.Context(), "/v1/completions", completionRequest{}, nil); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("without the key: %v", err)
		}
	})

	t.Run("ends with everything it started", func(t *testing.T) {
		directory, group := s.running().Directory(), groupOf(s)
		s.Close()
		processtest.WantNoGroup(t, group)
		if _, err := os.Stat(directory); !os.IsNotExist(err) {
			t.Errorf("the socket's directory: %v", err)
		}
		if err := s.Open(t.Context(), k.a, nil); t1.KindOf(err) != t1.KindPreempted {
			t.Errorf("opened after the close: %v", err)
		}
	})
}

// sampling asks every prompt of a kit.
func (k kit) sampling(p Policy, samples, tokens int) Generation {
	g := Generation{Policy: p.Digest, Temperature: 1, TopP: 1, MaxTokens: tokens}
	for i, prompt := range k.prompts {
		g.Prompts = append(g.Prompts, Prompt{prompt, uint64(100 * i), samples})
	}
	return g
}

// gather collects a generation's responses, by prompt, then sample.
func gather(ctx context.Context, s *Server, g Generation) ([]Response, Generated, error) {
	var got []Response
	done, err := s.Generate(ctx, g, func(r Response) { got = append(got, r) }, nil)
	sortResponses(got)
	return got, done, err
}

func sortResponses(responses []Response) {
	slices.SortFunc(responses, func(a, b Response) int {
		if a.Prompt != b.Prompt {
			return a.Prompt - b.Prompt
		}
		return a.Sample - b.Sample
	})
}

func sameTokens(a, b Response) bool {
	return slices.Equal(a.Tokens, b.Tokens)
}

// worst is the largest difference of two lists, infinite where they differ in length.
func worst(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var gap float64
	for i := range a {
		gap = max(gap, math.Abs(float64(a[i])-float64(b[i])))
	}
	return gap
}

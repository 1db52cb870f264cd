package activities

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"t1"
)

// served is tinySpec with a vLLM sampler and a limit to its gap.
func served(gapLimit string) string {
	return strings.TrimSuffix(strings.TrimSpace(tinySpec), "}") + `, "sampler": {"kind": "vllm", "gap_limit": ` + gapLimit + `, "vllm": {"max_model_len": 256}}}`
}

func TestARunSamplesWithVLLM(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	seen := withFake(t, h, "")
	s := beginWith(t, h, "run", served("0"))
	fineTuned := s.head.Policy
	s.choosePool()
	in := s.rollouts(1)
	rows, err := readAll[t1.Rollout](ctx, h.Store, in.Rollouts, unheard)
	if err != nil || len(rows) != 16 {
		t.Fatalf("%d rollouts, %v; want 16", len(rows), err)
	}
	client, err := h.engine(ctx, "run", unheard)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		texts, err := client.Decode(ctx, [][]int32{t1.WithoutEnd(r.Tokens, r.Finish)})
		if err != nil || r.Text != texts[0] || r.Policy != fineTuned || int(r.Sample) != i%4 {
			t.Fatalf("rollout %d: %+v, %v; want the text %q", i, r, err, texts)
		}
	}
	step, err := h.update(ctx, in, unheard)
	if err != nil || step.Metrics[t1.MetricGapMean] < 0.1 || step.Metrics[t1.MetricGapShare] == 0 {
		t.Fatalf("update: %+v, %v; want noise to be far from the trainer", step, err)
	}
	s.head = step
	s.rollouts(2)

	spec, err := h.spec(ctx, "run")
	if err != nil {
		t.Fatal(err)
	}
	shard := t1.EvaluateShardInput{To: 4, Evaluation: t1.EvaluateInput{
		Run: "run", Seq: step.Seq, Label: "1", Policy: step.Policy, Summary: fineTuned, Suite: "held_out", Spec: spec.Evaluation, Seed: 1,
	}}
	out, err := h.evaluateShard(ctx, shard, unheard)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := ReadRows[t1.Evaluated](ctx, h.Store, out.Shard)
	if err != nil || len(answers) != 12 || slices.ContainsFunc(answers, func(a t1.Evaluated) bool { return a.Policy != step.Policy }) {
		t.Errorf("%d answers, %v; want 12 by policy %.12s", len(answers), err, step.Policy)
	}
	if now := h.served.server.Policy(); now != fineTuned {
		t.Errorf("the server serves %.12s in the end, want the summary model %.12s", now, fineTuned)
	}
	if n := times(t, seen, "start"); n != 1 {
		t.Errorf("the server was started %d times for two policies, want once", n)
	}

	h.served.server.Kill()
	again, err := h.sample(ctx, t1.SampleInput{
		Run: "run", Iteration: 1, Policy: fineTuned, Problems: t1.DrawBatch(1, 1, s.pool, 4), Samples: 4, BlockPrompts: 2, MaxTokens: 24, Seed: 1,
	}, unheard)
	if err != nil || again.Found != 2 || !slices.Equal(again.Blocks, in.Rollouts) || times(t, seen, "start") != 1 {
		t.Errorf("a second attempt: %+v, %v, %d starts; want both blocks found and no server", again, err, times(t, seen, "start"))
	}
}

func TestASamplerTooFarAwayIsNotLearntFrom(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	withFake(t, h, "")
	s := beginWith(t, h, "run", served("0.1"))
	s.choosePool()
	in := s.rollouts(1)
	_, err := h.update(ctx, in, unheard)
	if t1.KindOf(err) != t1.KindSamplerGap || t1.KindOf(err).Retryable() || !strings.Contains(err.Error(), "allowed are 0.1") {
		t.Fatalf("got %v; want the rollouts refused, with the limit", err)
	}
	for _, way := range []string{"t1 resolve run resample", "t1 set run --gap-limit", "t1 resolve run skip"} {
		if hint := t1.HintOf(err); !strings.Contains(hint, way) {
			t.Errorf("hint %q; want %q", hint, way)
		}
	}
	client, err := h.engine(ctx, "run", unheard)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := client.State(ctx); err != nil || state.Digest != s.head.State {
		t.Errorf("the engine holds %.12s, %v; want the state before, %.12s", state.Digest, err, s.head.State)
	}
	if _, _, err := readRecord(ctx, h.Store, "run", in.Seq); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("a record was made: %v", err)
	}

	s.resampled(in)
	in.GapLimit = new(float64)
	*in.GapLimit = 1e3
	step, err := h.update(ctx, in, unheard)
	if err != nil {
		t.Fatalf("with a limit of its own: %v", err)
	}
	record, _, err := readRecord(ctx, h.Store, "run", step.Seq)
	if err != nil || record.Update.GapLimit == nil || *record.Update.GapLimit != 1e3 {
		t.Errorf("the record does not say which limit was allowed: %+v, %v", record.Update, err)
	}
	if _, err := h.discard(ctx, t1.DiscardInput{Run: "run", Iteration: 1, Seq: step.Seq}, unheard); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("what a record rests on was discarded: %v", err)
	}
	if _, err := readAll[t1.Rollout](ctx, h.Store, in.Rollouts, unheard); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// resampled discards an iteration and samples it anew.
func (s *short) resampled(in t1.UpdateInput) {
	s.t.Helper()
	ctx, h := context.Background(), s.Host
	count := func() (n int) {
		for _, err := range h.Store.List(ctx, t1.RunKey(in.Run)+"/") {
			if err != nil {
				s.t.Fatal(err)
			}
			n++
		}
		return n
	}
	before := count()
	gone, err := h.discard(ctx, t1.DiscardInput{Run: in.Run, Iteration: in.Iteration, Seq: in.Seq}, unheard)
	if err != nil || gone.Objects != len(in.Rollouts)+1 || gone.Bytes == 0 || count() != before-gone.Objects {
		s.t.Errorf("discarded %+v, %v; want %d blocks and the scores, and nothing else", gone, err, len(in.Rollouts))
	}
	if _, err := h.Store.Head(ctx, in.Rollouts[0].Key); t1.KindOf(err) != t1.KindNotFound {
		s.t.Errorf("%s is there: %v", in.Rollouts[0].Key, err)
	}
	if again := s.rollouts(in.Iteration); !slices.Equal(again.Rollouts, in.Rollouts) || again.Scores != in.Scores {
		s.t.Errorf("the same sampler samples otherwise:\n%+v\n%+v", again, in)
	}
	if again, err := h.discard(ctx, t1.DiscardInput{Run: in.Run, Iteration: in.Iteration + 1, Seq: in.Seq}, unheard); err != nil || again.Objects != 0 {
		s.t.Errorf("nothing to discard: %+v, %v", again, err)
	}
	if _, err := h.discard(ctx, t1.DiscardInput{Run: in.Run, Iteration: t1.PoolIteration, Seq: in.Seq}, unheard); t1.KindOf(err) != t1.KindInvalid {
		s.t.Errorf("the pool's rollouts were discarded: %v", err)
	}
}

func TestAnUnprovenServerDoesNotSample(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	s := beginWith(t, h, "run", served("0"))
	in := t1.SampleInput{
		Run: "run", Iteration: t1.PoolIteration, Policy: s.head.Policy, To: 4, Samples: 2, Temperature: 1, TopP: 1, MaxTokens: 24, BlockPrompts: 4, Seed: 1,
	}
	_, err := h.sample(ctx, in, unheard)
	if t1.KindOf(err) != t1.KindNotFound || !strings.Contains(t1.HintOf(err), "T1_VLLM_PYTHON") {
		t.Errorf("without vLLM: %v; want the next step", err)
	}
	seen := withFake(t, h, "wrong")
	_, err = h.sample(ctx, in, unheard)
	if t1.KindOf(err) != t1.KindSamplerGap || !strings.Contains(err.Error(), string(s.head.Policy)) || t1.HintOf(err) == "" {
		t.Errorf("a server that answers otherwise: %v; want it refused, with a next step", err)
	}
	if n := times(t, seen, "response"); n != 0 {
		t.Errorf("it was asked for %d responses", n)
	}
	if _, err := h.Store.Head(ctx, t1.BlockKey("run", t1.PoolIteration, 0, 0)); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("a block was written: %v", err)
	}
}

// slow is a store that keeps the first block waiting until all is sampled.
type slow struct {
	t1.Store
	sampled func() bool
	waited  chan bool // whether all was
}

func (s *slow) Create(ctx context.Context, key string, r io.Reader) (t1.Ref, error) {
	if strings.HasPrefix(key, t1.RunKey("run")+"/rollouts/") && s.waited != nil {
		all := false
		for began := time.Now(); !all && time.Since(began) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
			all = s.sampled()
		}
		s.waited <- all
		s.waited = nil
	}
	return s.Store.Create(ctx, key, r)
}

func TestTheServerSamplesOnWhileABlockIsWritten(t *testing.T) {
	h := newHost(t)
	seen := withFake(t, h, "")
	s := beginWith(t, h, "run", served("0"))
	waited := make(chan bool, 1)
	h.Store = &slow{h.Store, func() bool { return times(t, seen, "response") == 40 }, waited}
	out, err := h.sample(context.Background(), t1.SampleInput{
		Run: "run", Iteration: t1.PoolIteration, Policy: s.head.Policy, To: 20, Samples: 2, Temperature: 1, TopP: 1, MaxTokens: 24, BlockPrompts: 4, Seed: 1,
	}, unheard)
	if err != nil || len(out.Blocks) != 5 || slices.Contains(out.Blocks, t1.Ref{}) {
		t.Fatalf("%+v, %v; want five blocks", out, err)
	}
	if !<-waited {
		t.Error("while the first block was written, the last was not sampled")
	}
}

func TestProbesArePublished(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	s := beginWith(t, h, "run", served("0"))
	key := t1.PolicyKey("run", s.head.Policy)
	manifest, err := readJSON[t1.Manifest](ctx, h.Store, path.Join(key, t1.ManifestName))
	if err != nil || !slices.ContainsFunc(manifest.Files, func(f t1.Ref) bool { return f.Key == probesName }) {
		t.Fatalf("manifest %+v, %v; want %s in it", manifest, err, probesName)
	}
	data, err := h.data(ctx, "run")
	if err != nil {
		t.Fatal(err)
	}
	problems, err := h.problemSet(ctx, data.Train)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takeInto(h); err != nil {
		t.Fatal(err)
	}
	p, discard, err := h.policyToServe(ctx, "run", s.head.Policy, unheard)
	if err != nil || len(p.Probes) != 3 {
		t.Fatalf("%d probes, %v; want 3", len(p.Probes), err)
	}
	for i, probe := range p.Probes {
		if !slices.Equal(probe.Prompt, problems[i].Tokens) || len(probe.Tokens) != 24 || len(probe.LogProbs) != 24 {
			t.Errorf("probe %d: %+v; want the run's prompt %v and 24 tokens", i, probe, problems[i].Tokens)
		}
	}

	// A copy that is damaged, or holds what nobody named, is not served.
	if err := p.Verify(ctx, p.Dir); err != nil {
		t.Errorf("a whole copy: %v", err)
	}
	stray := filepath.Join(p.Dir, "extra.json")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, p.Verify(ctx, p.Dir), "extra.json")
	if err := os.WriteFile(filepath.Join(p.Dir, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(stray); err != nil {
		t.Fatal(err)
	}
	refused(t, p.Verify(ctx, p.Dir), "config.json")
	discard()
	if p, _, err = h.policyToServe(ctx, "run", s.head.Policy, unheard); err != nil || p.Verify(ctx, p.Dir) != nil {
		t.Errorf("fetched again: %v", err)
	}

	// A policy that was published before there were probes says so.
	manifest.Files = slices.DeleteFunc(manifest.Files, func(f t1.Ref) bool { return f.Key == probesName })
	for _, name := range []string{t1.ManifestName, probesName} {
		if err := h.Store.Delete(ctx, path.Join(key, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := keepJSON(ctx, h.Store, path.Join(key, t1.ManifestName), manifest); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.policyToServe(ctx, "run", s.head.Policy, unheard); t1.KindOf(err) != t1.KindNotFound || !strings.Contains(err.Error(), probesName) || t1.HintOf(err) == "" {
		t.Errorf("without probes: %v; want what is missing and the next step", err)
	}
}

// takeInto gives a host its directory for policies, as the first start does.
func takeInto(h *Host) (dir string, err error) {
	if h.served.slot, err = takeSlot(h.Cache); err != nil {
		return "", err
	}
	return h.served.slot.directory, nil
}

// An attempt that dies between the files and the manifest leaves files behind.
// The next one makes the same, and where another machine rounds its probes
// otherwise, takes the first's.
func TestPublishAgain(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	s := begin(t, h, "run")
	key := t1.PolicyKey("run", s.head.Policy)
	manifest := path.Join(key, t1.ManifestName)
	client, err := h.engine(ctx, "run", unheard)
	if err != nil {
		t.Fatal(err)
	}
	again := func() t1.Manifest {
		if err := h.Store.Delete(ctx, manifest); err != nil {
			t.Fatal(err)
		}
		if err := h.publish(ctx, client, "run", s.head.Policy, unheard); err != nil {
			t.Fatal(err)
		}
		made, err := readJSON[t1.Manifest](ctx, h.Store, manifest)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	first, err := readJSON[t1.Manifest](ctx, h.Store, manifest)
	if err != nil {
		t.Fatal(err)
	}
	if got := again(); !slices.Equal(got.Files, first.Files) {
		t.Errorf("published again: %+v, before %+v", got.Files, first.Files)
	}
	if err := h.Store.Delete(ctx, path.Join(key, probesName)); err != nil {
		t.Fatal(err)
	}
	rounded := []byte(`{"schema": 1, "probes": []}`)
	if _, err := keep(ctx, h.Store, path.Join(key, probesName), rounded); err != nil {
		t.Fatal(err)
	}
	got := again()
	i := slices.IndexFunc(got.Files, func(f t1.Ref) bool { return f.Key == probesName })
	if i < 0 || got.Files[i].SHA256 != digestOf(rounded) {
		t.Errorf("published after another machine: %+v; want its probes", got.Files)
	}
}

func TestTurns(t *testing.T) {
	ctx := context.Background()
	var all turns
	a, b := turn{policy: "a"}, turn{policy: "b"}
	opens := make(chan t1.Digest, 10)
	take := func(w turn) func() {
		leave, err := all.take(ctx, w, unheard, func() error { opens <- w.policy; return nil })
		if err != nil {
			t.Error(err)
		}
		return leave
	}
	first, second := take(a), take(a)
	third := make(chan func())
	go func() { third <- take(b) }()
	first()
	select {
	case <-third:
		t.Fatal("another policy came in while the first was in use")
	case <-time.After(50 * time.Millisecond):
	}
	second()
	(<-third)()
	if got := len(opens); got != 2 || <-opens != "a" || <-opens != "b" {
		t.Errorf("%d opened, want a for two users, then b", got)
	}

	// What fails to open frees the turn, and a caller that gives up takes none.
	broken := errors.New("broken")
	if _, err := all.take(ctx, a, unheard, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	leave := take(b)
	given, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := all.take(given, a, unheard, func() error { t.Error("opened"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	leave()
	take(a)()
}

func TestSlots(t *testing.T) {
	cache := t.TempDir()
	first, err := takeSlot(cache)
	if err != nil {
		t.Fatal(err)
	}
	second, err := takeSlot(cache)
	if err != nil || second.directory == first.directory {
		t.Fatalf("%+v and %+v, %v; want two", first, second, err)
	}
	first.release()
	if third, err := takeSlot(cache); err != nil || third.directory != first.directory {
		t.Errorf("%+v, %v; want %s again", third, err, first.directory)
	}
}

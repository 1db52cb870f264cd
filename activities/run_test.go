package activities

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"t1"
	"t1/infra/dir"
)

// The tests of this file do the work of a run with the real engine and a real
// store, without Temporal: what an activity leaves behind is what counts.

// tinySpec is a run of seconds: a model of 30,000 parameters that learns nothing.
const tinySpec = `{
	"task": {"countdown": {"train": 60, "held_out": 20, "traces": 64, "max_tries": 2}},
	"model": {"scratch": {"hidden_size": 32, "intermediate_size": 64, "layers": 2, "heads": 2, "kv_heads": 1}},
	"sft": {"epochs": 1, "batch_size": 16, "steps_per_record": 2},
	"pool": {"problems": 20, "samples": 4, "pass_rate": [-1, 2]},
	"rl": {"iterations": 4, "prompts": 4, "k": 4, "max_tokens": 24, "block_prompts": 2},
	"snapshot_every": 2,
	"evaluation": {"problems": 8, "samples": 2, "shard_problems": 4, "max_tokens": 24, "scaling": {"caps": [4, 8], "summary_tokens": 8}},
	"resources": {"threads": 1}
}`

// newStore is a fresh store.
func newStore(t *testing.T) t1.Store {
	t.Helper()
	store, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// short drives a run by hand, as the Train workflow does.
type short struct {
	*Host
	t    *testing.T
	run  string
	head t1.Step
	pool int
	k    int // responses a prompt; 0 is 4
}

func begin(t *testing.T, h *Host, run string) *short { return beginWith(t, h, run, tinySpec) }

func beginWith(t *testing.T, h *Host, run, spec string) *short {
	t.Helper()
	ctx := context.Background()
	if _, err := h.resolveSpec(ctx, t1.ResolveInput{Run: run, Spec: json.RawMessage(spec)}); err != nil {
		t.Fatal(err)
	}
	prepared, err := h.prepare(ctx, t1.PrepareInput{Run: run}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	s := &short{Host: h, t: t, run: run, head: prepared.Step}
	for from := 0; from < 4; from += 2 {
		s.head = s.fineTune(from)
	}
	return s
}

func (s *short) fineTune(from int) t1.Step {
	s.t.Helper()
	step, err := s.Host.fineTune(context.Background(), t1.FineTuneInput{
		Run: s.run, Seq: s.head.Seq + 1, Parent: s.head.State, From: from, To: from + 2, Total: 4,
	}, unheard)
	if err != nil {
		s.t.Fatal(err)
	}
	return step
}

func (s *short) choosePool() {
	s.t.Helper()
	ctx := context.Background()
	out, err := s.sample(ctx, t1.SampleInput{
		Run: s.run, Iteration: t1.PoolIteration, Policy: s.head.Policy, To: 20, Samples: 4, Temperature: 1, TopP: 1,
		MaxTokens: 24, BlockPrompts: 10, Seed: 1,
	}, unheard)
	if err != nil {
		s.t.Fatal(err)
	}
	selected, err := s.selectPool(ctx, t1.SelectPoolInput{Run: s.run, Policy: s.head.Policy, Blocks: out.Blocks}, unheard)
	if err != nil {
		s.t.Fatal(err)
	}
	s.pool = selected.Size
}

// rollouts samples and scores iteration n.
func (s *short) rollouts(n int) t1.UpdateInput {
	s.t.Helper()
	ctx := context.Background()
	out, err := s.sample(ctx, t1.SampleInput{
		Run: s.run, Iteration: n, Policy: s.head.Policy, Problems: t1.DrawBatch(1, n, s.pool, 4), Samples: cmp.Or(s.k, 4),
		Temperature: 1.2, TopP: 0.95, MaxTokens: 24, BlockPrompts: 2, Seed: 1,
	}, unheard)
	if err != nil {
		s.t.Fatal(err)
	}
	scored, err := s.score(ctx, t1.ScoreInput{Run: s.run, Iteration: n, Blocks: out.Blocks}, unheard)
	if err != nil {
		s.t.Fatal(err)
	}
	rl := t1.DefaultSpec().RL
	return t1.UpdateInput{
		Run: s.run, Seq: s.head.Seq + 1, Iteration: n, Parent: s.head.State, Rollouts: out.Blocks, Scores: scored.Scores, Metrics: scored.Metrics,
		Hyper: t1.Hyper{
			LearningRate: 1e-3, Beta: rl.Beta, Alpha: rl.Alpha, ClipRatio: rl.ClipRatio, Aggregation: rl.Aggregation,
			Temperature: 1.2, TopP: 0.95, Optimizer: rl.Optimizer,
		},
		Anchor: t1.AnchorMove{Action: "ema", Coefficient: 0.9},
	}
}

func (s *short) iterate(n int) {
	s.t.Helper()
	step, err := s.update(context.Background(), s.rollouts(n), unheard)
	if err != nil {
		s.t.Fatal(err)
	}
	s.head = step
}

func TestARunSurvivesItsEngineAndItsSnapshots(t *testing.T) {
	survives(t, tinySpec)
}

// Two processes divide the model, compute in bfloat16, and cut every prompt.
func TestARunOfTwoTrainersSurvives(t *testing.T) {
	survives(t, strings.Replace(tinySpec, `"threads": 1`,
		`"threads": 1, "trainers": 2, "precision": "bfloat16", "offload": true, "recompute": true, "micro_tokens": 64`, 1))
}

func survives(t *testing.T, spec string) {
	ctx := context.Background()
	h := newHost(t)
	undisturbed := beginWith(t, h, "undisturbed", spec)
	undisturbed.choosePool()
	for n := 1; n <= 3; n++ {
		undisturbed.iterate(n)
	}

	disturbed := beginWith(t, h, "disturbed", spec)
	if _, err := h.snapshot(ctx, t1.SnapshotInput{Run: "disturbed", Seq: disturbed.head.Seq, State: disturbed.head.State}, unheard); err != nil {
		t.Fatal(err)
	}
	disturbed.choosePool()
	disturbed.iterate(1)
	h.Engine.Kill()
	disturbed.iterate(2) // sampled from the published policy, updated after a replay from the snapshot
	in := disturbed.rollouts(3)
	h.Engine.Kill()
	step, err := h.update(ctx, in, unheard)
	if err != nil {
		t.Fatal(err)
	}
	if step.Replayed != 2 {
		t.Errorf("replayed %d records after the snapshot, want 2", step.Replayed)
	}
	if step.State != undisturbed.head.State {
		t.Errorf("the disturbed run ended in %.12s, the undisturbed one in %.12s", step.State, undisturbed.head.State)
	}
	again, err := h.update(ctx, in, unheard)
	if err != nil || !again.Found || again.State != step.State {
		t.Errorf("the same update again: %+v, %v; want what is in the log", again, err)
	}

	var seen []Verified
	if err := Verify(ctx, h, "disturbed", 0, -1, func(v Verified) { seen = append(seen, v) }); err != nil {
		t.Errorf("verify: %v", err)
	}
	if len(seen) != 6 {
		t.Errorf("verified %d records, want 6", len(seen))
	}
	explained, err := Explain(ctx, h.Store, "disturbed", 3)
	if err != nil || len(explained) != 16 {
		t.Fatalf("explain: %d rollouts, %v; want 16", len(explained), err)
	}
	var sum float64
	for _, e := range explained[:4] {
		sum += e.Advantage
	}
	if sum > 1e-9 || sum < -1e-9 {
		t.Errorf("advantages of one prompt sum to %g, want 0", sum)
	}
}

func TestASecondAttemptSamplesNothingAgain(t *testing.T) {
	h := newHost(t)
	s := begin(t, h, "run")
	s.choosePool()
	first := s.rollouts(1)
	h.Engine.Kill()
	out, err := h.sample(context.Background(), t1.SampleInput{
		Run: "run", Iteration: 1, Policy: s.head.Policy, Problems: t1.DrawBatch(1, 1, s.pool, 4), Samples: 4, BlockPrompts: 2, MaxTokens: 24, Seed: 1,
	}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	if out.Found != 2 || out.Tokens != 0 {
		t.Errorf("second attempt: %+v; want both blocks found, no token sampled", out)
	}
	if h.Engine.PID() != 0 {
		t.Error("a second attempt at complete work started the engine")
	}
	for i, ref := range out.Blocks {
		if ref != first.Rollouts[i] {
			t.Errorf("block %d: %+v, before %+v", i, ref, first.Rollouts[i])
		}
	}
}

// damage flips one byte in the middle of an object.
func damage(t *testing.T, h *Host, key string) {
	t.Helper()
	ctx := context.Background()
	data, err := readNamed(ctx, h.Store, key)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := h.Store.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.Create(ctx, key, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsNamedAndRefused(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	s := begin(t, h, "run")
	snapshot := t1.SnapshotInput{Run: "run", Seq: s.head.Seq, State: s.head.State}
	if _, err := h.snapshot(ctx, snapshot, unheard); err != nil {
		t.Fatal(err)
	}
	s.choosePool()
	in := s.rollouts(1)

	damage(t, h, in.Rollouts[0].Key)
	_, err := h.update(ctx, in, unheard)
	refused(t, err, in.Rollouts[0].Key)
	if _, _, err := readRecord(ctx, h.Store, "run", in.Seq); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("a record was made of a damaged block: %v", err)
	}
	damage(t, h, in.Rollouts[0].Key) // the flip again: the object is whole

	damage(t, h, t1.SnapshotKey("run", s.head.Seq)+"/state.safetensors")
	h.Engine.Kill()
	_, err = h.update(ctx, in, unheard)
	refused(t, err, t1.SnapshotKey("run", s.head.Seq))
	if t1.HintOf(err) == "" {
		t.Error("a damaged snapshot is refused without a next step")
	}
}

func refused(t *testing.T, err error, key string) {
	t.Helper()
	if t1.KindOf(err) != t1.KindCorrupt || !strings.Contains(err.Error(), key) {
		t.Errorf("got %v; want it refused as corrupt, naming %s", err, key)
	}
}

func TestEvaluation(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	s := begin(t, h, "run")
	spec, err := h.spec(ctx, "run")
	if err != nil {
		t.Fatal(err)
	}
	in := t1.EvaluateInput{
		Run: "run", Seq: s.head.Seq, Label: "sft", Policy: s.head.Policy, Summary: s.head.Policy, Suite: "held_out", Spec: spec.Evaluation, Seed: 1,
	}
	sum := t1.SummarizeInput{Evaluation: in}
	for shard := range 2 {
		out, err := h.evaluateShard(ctx, t1.EvaluateShardInput{Evaluation: in, Shard: shard, From: shard * 4, To: shard*4 + 4}, unheard)
		if err != nil {
			t.Fatal(err)
		}
		sum.Shards, sum.Cuts = append(sum.Shards, out.Shard), append(sum.Cuts, out.Cuts)
	}
	summary, err := h.summarize(ctx, sum, unheard)
	if err != nil {
		t.Fatal(err)
	}
	result, err := readJSON[t1.Result](ctx, h.Store, summary.Result.Key)
	if err != nil {
		t.Fatal(err)
	}
	if result.Problems != 8 || len(result.PerProblem) != 8 || result.Greedy.N != 8 {
		t.Errorf("problems %d, per problem %d, greedy over %d; want 8 each", result.Problems, len(result.PerProblem), result.Greedy.N)
	}
	if len(result.Fractions) != 10 || len(result.Caps) != 2 || result.NoThinking == nil {
		t.Errorf("%d fractions, %d caps, control %v; want 10, 2 and one", len(result.Fractions), len(result.Caps), result.NoThinking)
	}
	for i := 1; i < len(result.Fractions); i++ {
		if result.Fractions[i].Kept.Mean < result.Fractions[i-1].Kept.Mean {
			t.Errorf("cut %d keeps %g tokens, the one before %g", i, result.Fractions[i].Kept.Mean, result.Fractions[i-1].Kept.Mean)
		}
	}
	h.Engine.Kill()
	if _, err := h.evaluateShard(ctx, t1.EvaluateShardInput{Evaluation: in, From: 0, To: 4}, unheard); err != nil || h.Engine.PID() != 0 {
		t.Errorf("an evaluation again: %v, engine %d; want no engine started", err, h.Engine.PID())
	}
}

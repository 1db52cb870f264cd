package workflows

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"go.temporal.io/sdk/temporal"

	"t1"
)

// world is a small honest store and engine: it implements every activity, finds
// what it made before, and its states are a hash chain over all inputs, so that
// a lost, repeated or reordered step shows in the last digest.
type world struct {
	mu sync.Mutex

	spec   t1.Spec
	traces int
	pool   int                                 // problems the selection keeps
	fail   func(activity string, in any) error // nil, or asked before each activity

	forked     t1.ForkOutput // what a fork takes over
	steps      map[int]t1.Step
	kinds      map[int]string
	calls      map[string]int
	samples    []t1.SampleInput
	updates    []t1.UpdateInput // each record's, once
	snapshots  []int
	collected  []t1.CollectInput
	summarized []t1.EvaluateInput
	ordered    []t1.OrderSuiteInput
	discarded  []t1.DiscardInput
}

func newWorld(spec t1.Spec) *world {
	w := &world{}
	w.begin(spec)
	return w
}

// begin forgets everything and takes another spec.
func (w *world) begin(spec t1.Spec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spec, w.traces, w.pool, w.fail = spec, 100, 40, nil
	w.steps, w.kinds, w.calls = map[int]t1.Step{}, map[int]string{}, map[string]int{}
	w.samples, w.updates, w.snapshots, w.collected, w.summarized, w.ordered, w.discarded = nil, nil, nil, nil, nil, nil, nil
}

// smallSpec has 2 supervised records of 2 steps and n iterations.
func smallSpec(n int) t1.Spec {
	s := t1.DefaultSpec()
	s.SFT.Epochs, s.SFT.BatchSize, s.SFT.StepsPerRecord = 1, 25, 2
	s.Pool.Problems, s.RL.Iterations, s.RL.Shards, s.SnapshotEvery = 100, n, 4, 1000
	s.Evaluation.At, s.Evaluation.Problems, s.Evaluation.ShardProblem = []float64{1}, 70, 10
	return s
}

func (w *world) enter(activity string, in any) error {
	w.calls[activity]++
	if w.fail == nil {
		return nil
	}
	return w.fail(activity, in)
}

// failing makes what package activities would make of an error of this kind.
func failing(kind t1.Kind, message, hint string) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: !kind.Retryable()}
	if hint != "" {
		options.Details = []any{hint}
	}
	return temporal.NewApplicationErrorWithOptions(message, string(kind), options)
}

func hash(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func ref(key string, of ...any) t1.Ref { return t1.Ref{Key: key, SHA256: hash(key, of), Bytes: 123456} }

// record makes record seq, or finds it. The parent must be the newest state.
func (w *world) record(kind string, seq int, parent t1.Digest, in any) (t1.Step, bool, error) {
	if step, ok := w.steps[seq]; ok {
		step.Found = true
		return step, false, nil
	}
	if seq != len(w.steps) || seq > 0 && w.steps[seq-1].State != parent {
		return t1.Step{}, false, failing(t1.KindConflict, fmt.Sprintf("record %d does not follow the log", seq), "")
	}
	state := t1.Digest(hash(parent, in))
	w.kinds[seq] = kind
	w.steps[seq] = t1.Step{Seq: seq, State: state, Policy: t1.Digest(hash("policy", state)), Metrics: metrics(seq), Seconds: 12.25, Tokens: 123456}
	return w.steps[seq], true, nil
}

// metrics is as many numbers as a real update reports.
func metrics(seq int) map[string]float64 {
	m := map[string]float64{t1.MetricReward: -0.12345678901 * float64(seq), t1.MetricAccuracy: 0.123456789012, t1.MetricLength: 1234.5678901}
	for _, name := range strings.Fields("loss grad_norm entropy kl_mean kl_max ratio_mean ratio_max clip_share learning_rate tokens " +
		"advantage_std logprob_gap penalized penalty_repetition penalty_over_length penalty_foreign_script penalty_nonsense anchor_distance") {
		m[name] = 0.000123456789012
	}
	return m
}

func (w *world) ResolveSpec(_ context.Context, in t1.ResolveInput) (t1.Spec, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spec, w.enter("ResolveSpec", in)
}

func (w *world) Prepare(_ context.Context, in t1.PrepareInput) (out t1.PrepareOutput, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Prepare", in); err != nil {
		return out, err
	}
	out.Data.Counts.Traces = w.traces
	out.Step, _, err = w.record(t1.RecordInit, 0, "", in)
	return out, err
}

func (w *world) Fork(_ context.Context, in t1.ForkInput) (t1.ForkOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.forked, w.enter("Fork", in)
}

func (w *world) Adopt(_ context.Context, in t1.AdoptInput) (t1.AdoptOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return t1.AdoptOutput{}, w.enter("Adopt", in)
}

func (w *world) FineTune(_ context.Context, in t1.FineTuneInput) (t1.Step, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("FineTune", in); err != nil {
		return t1.Step{}, err
	}
	step, _, err := w.record(t1.RecordSFT, in.Seq, in.Parent, in)
	return step, err
}

func (w *world) Update(_ context.Context, in t1.UpdateInput) (t1.Step, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Update", in); err != nil {
		return t1.Step{}, err
	}
	step, made, err := w.record(t1.RecordUpdate, in.Seq, in.Parent, in)
	if made {
		w.updates = append(w.updates, in)
	}
	return step, err
}

func (w *world) Snapshot(_ context.Context, in t1.SnapshotInput) (t1.SnapshotOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Snapshot", in); err != nil {
		return t1.SnapshotOutput{}, err
	}
	if w.steps[in.Seq].State != in.State {
		return t1.SnapshotOutput{}, failing(t1.KindStateMismatch, "not this record's state", "")
	}
	w.snapshots = append(w.snapshots, in.Seq)
	return t1.SnapshotOutput{Manifest: ref(t1.SnapshotKey(in.Run, in.Seq)), Bytes: 1 << 30, Seconds: 1}, nil
}

func (w *world) Sample(_ context.Context, in t1.SampleInput) (t1.SampleOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Sample", in); err != nil {
		return t1.SampleOutput{}, err
	}
	w.samples = append(w.samples, in)
	out := t1.SampleOutput{Responses: 512, Tokens: 123456, Seconds: 10 + float64(in.Shard), EngineSeconds: 9.5}
	for b := range ceilDiv(max(len(in.Problems), in.To-in.From), in.BlockPrompts) {
		out.Blocks = append(out.Blocks, ref(t1.BlockKey(in.Run, in.Iteration, in.Shard, b), in))
	}
	return out, nil
}

func (w *world) EvaluateShard(_ context.Context, in t1.EvaluateShardInput) (t1.EvaluateShardOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("EvaluateShard", in); err != nil {
		return t1.EvaluateShardOutput{}, err
	}
	key := t1.EvalKey(in.Evaluation.Run, in.Evaluation.Policy, in.Evaluation.Suite)
	return t1.EvaluateShardOutput{
		Shard: ref(fmt.Sprintf("%s/s%02d.parquet", key, in.Shard), in.From, in.To), Cuts: ref(fmt.Sprintf("%s/c%02d.parquet", key, in.Shard)), Seconds: 0.1,
	}, nil
}

func (w *world) Summarize(_ context.Context, in t1.SummarizeInput) (t1.EvaluationSummary, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Summarize", in); err != nil {
		return t1.EvaluationSummary{}, err
	}
	e := in.Evaluation
	w.summarized = append(w.summarized, e)
	numbers := t1.Interval{Mean: 0.123456789012345, Low: 0.098765432109876, High: 0.156789012345678, N: 512}
	return t1.EvaluationSummary{
		Label: e.Label, Seq: e.Seq, Policy: e.Policy, Result: ref(t1.EvalKey(e.Run, e.Policy, e.Suite)+"/result.json", in.Shards),
		Greedy: numbers, Sampled: numbers, Length: 1234.567890123, Over: 0.012345678901,
	}, nil
}

func (w *world) OrderSuite(_ context.Context, in t1.OrderSuiteInput) (t1.EvaluateInput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("OrderSuite", in); err != nil {
		return t1.EvaluateInput{}, err
	}
	w.ordered = append(w.ordered, in)
	spec := t1.EvaluationSpec{Problems: 40, ShardProblem: 32}
	return t1.EvaluateInput{Run: in.Run, Seq: in.Seq, Label: in.Suite, Policy: in.Policy, Suite: in.Suite, Order: hash(in), Spec: spec}, nil
}

func (w *world) Collect(_ context.Context, in t1.CollectInput) (t1.CollectOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Collect", in); err != nil {
		return t1.CollectOutput{}, err
	}
	w.collected = append(w.collected, in)
	return t1.CollectOutput{Objects: 3, Bytes: 1 << 30}, nil
}

func (w *world) Discard(_ context.Context, in t1.DiscardInput) (t1.CollectOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Discard", in); err != nil {
		return t1.CollectOutput{}, err
	}
	w.discarded = append(w.discarded, in)
	return t1.CollectOutput{Objects: 9, Bytes: 1 << 20}, nil
}

func (w *world) Score(_ context.Context, in t1.ScoreInput) (t1.ScoreOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("Score", in); err != nil {
		return t1.ScoreOutput{}, err
	}
	scores := metrics(0)
	return t1.ScoreOutput{Scores: ref(t1.ScoresKey(in.Run, in.Iteration), in.Blocks), Metrics: scores, Seconds: 2.5}, nil
}

func (w *world) SelectPool(_ context.Context, in t1.SelectPoolInput) (t1.SelectPoolOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter("SelectPool", in); err != nil {
		return t1.SelectPoolOutput{}, err
	}
	return t1.SelectPoolOutput{Pool: ref(t1.PoolKey(in.Run), in.Blocks), Size: w.pool}, nil
}

var (
	_ t1.Control = (*world)(nil)
	_ t1.Trainer = (*world)(nil)
	_ t1.Sampler = (*world)(nil)
	_ t1.Scorer  = (*world)(nil)
)

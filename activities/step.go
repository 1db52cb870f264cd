package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"t1"
	"t1/infra/engine"
)

// differences names what two environment fingerprints do not share.
func differences(a, b map[string]string) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if a[key] != b[key] {
			out = append(out, fmt.Sprintf("%s %s, here %s", key, a[key], b[key]))
		}
	}
	return strings.Join(out, "; ")
}

// found answers a record that is there already, if it is.
func (h *Host) found(ctx context.Context, run string, seq int) (t1.Step, bool, error) {
	record, _, err := readRecord(ctx, h.Store, run, seq)
	if t1.KindOf(err) == t1.KindNotFound {
		return t1.Step{}, false, nil
	}
	if err != nil {
		return t1.Step{}, false, err
	}
	step := stepOf(record)
	step.Found = true
	return step, true, nil
}

func stepOf(record t1.Record) t1.Step {
	return t1.Step{
		Seq: record.Seq, State: record.Result, Policy: record.Policy, Metrics: record.Metrics, Tokens: int64(record.Metrics["tokens"]),
	}
}

// attempt is one try at making a record: what it has measured so far.
type attempt struct {
	start   time.Time
	seconds map[string]float64
	tokens  map[string]int64
	tensors map[string]string // of the state after it, whole digests

	gapLimit float64 // see t1.SamplerSpec
}

func newAttempt() *attempt {
	return &attempt{start: time.Now(), seconds: map[string]float64{}, tokens: map[string]int64{}}
}

// lap notes how long a phase took that began at start.
func (a *attempt) lap(phase string, start time.Time) { a.seconds[phase] += time.Since(start).Seconds() }

// compute brings the engine to the record's parent and does the record's work.
func (h *Host) compute(ctx context.Context, record t1.Record, a *attempt, beat beat) (*engine.Client, engine.StepResult, int, error) {
	client, err := h.engine(ctx, record.Run, beat)
	if err != nil {
		return nil, engine.StepResult{}, 0, err
	}
	start := time.Now()
	replayed, err := h.restore(ctx, client, record.Run, record.Seq-1, record.Parent, beat)
	a.lap("restore", start)
	if err != nil {
		return nil, engine.StepResult{}, replayed, err
	}
	start = time.Now()
	result, err := h.perform(ctx, client, record, a.gapLimit, beat)
	a.lap("compute", start)
	a.seconds["engine_compute"] = result.Seconds
	a.tokens["compute"], a.tensors = result.Tokens, result.Tensors
	return client, result, replayed, err
}

// commit completes a record with what the engine made, publishes the policy if
// asked, and writes the record and, beside the log, what was measured.
func (h *Host) commit(ctx context.Context, client *engine.Client, record t1.Record, result engine.StepResult, publish bool, a *attempt, beat beat) (t1.Step, error) {
	about, err := client.Describe(ctx)
	if err != nil {
		return t1.Step{}, err
	}
	record.Schema, record.Environment = 1, about.Environment
	record.Result, record.Policy = result.Digest, result.Policy
	record.Metrics = mergeMetrics(record.Metrics, result.Metrics)
	if publish {
		start := time.Now()
		if err := h.publish(ctx, client, record.Run, result.Policy, beat); err != nil {
			return t1.Step{}, err
		}
		a.lap("publish", start)
	}
	if err := appendRecord(ctx, h.Store, record); err != nil {
		return t1.Step{}, err
	}
	step := stepOf(record)
	step.Seconds = time.Since(a.start).Seconds()
	return step, nil
}

func mergeMetrics(all ...map[string]float64) map[string]float64 {
	merged := map[string]float64{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

// observe keeps what an attempt measured. It is no part of the log: a failure
// to keep it costs a figure in a report, so it is logged and nothing more.
func (h *Host) observe(ctx context.Context, run string, seq, replayed int, a *attempt) {
	observation := t1.Observation{
		Seq: seq, FinishedAt: time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		Seconds: a.seconds, Tokens: a.tokens, Replayed: replayed, Tensors: shortened(a.tensors),
	}
	a.seconds["activity"] = time.Since(a.start).Seconds()
	if _, err := keepJSON(ctx, h.Store, t1.ObservedKey(run, seq), observation); err != nil {
		h.Log.Warn().Err(err).Str("run", run).Int("seq", seq).Msg("measurements not kept")
	}
}

package activities

import (
	"context"
	"time"

	"t1"
)

// Trainer serves t1.Trainer.
type Trainer struct{ host *Host }

// NewTrainer serves the trainer's queue on a host with an engine.
func NewTrainer(host *Host) *Trainer { return &Trainer{host} }

var _ t1.Trainer = (*Trainer)(nil)

// FineTune makes one sft record. The last one publishes the policy.
func (t *Trainer) FineTune(ctx context.Context, in t1.FineTuneInput) (t1.Step, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.Step, error) { return t.host.fineTune(ctx, in, beat) })
}

func (h *Host) fineTune(ctx context.Context, in t1.FineTuneInput, beat beat) (t1.Step, error) {
	if step, there, err := h.found(ctx, in.Run, in.Seq); there || err != nil {
		return step, err
	}
	a := newAttempt()
	record, err := h.fineTuneRecord(ctx, in)
	if err != nil {
		return t1.Step{}, err
	}
	client, result, replayed, err := h.compute(ctx, record, a, beat)
	if err != nil {
		return t1.Step{}, err
	}
	step, err := h.commit(ctx, client, record, result, in.To == in.Total, a, beat)
	if err != nil {
		return t1.Step{}, err
	}
	step.Replayed = replayed
	h.observe(ctx, in.Run, in.Seq, replayed, a)
	return step, nil
}

func (h *Host) fineTuneRecord(ctx context.Context, in t1.FineTuneInput) (t1.Record, error) {
	spec, err := h.spec(ctx, in.Run)
	if err != nil {
		return t1.Record{}, err
	}
	data, err := h.data(ctx, in.Run)
	if err != nil {
		return t1.Record{}, err
	}
	previous, err := parentOf(ctx, h.Store, in.Run, in.Seq, in.Parent)
	return t1.Record{
		Run: in.Run, Seq: in.Seq, Kind: t1.RecordSFT, Previous: previous, Parent: in.Parent,
		SFT: &t1.SFTStep{
			Traces: data.Traces, Seed: spec.Seed, BatchSize: spec.SFT.BatchSize,
			From: in.From, To: in.To, Total: in.Total, Optimizer: spec.SFT.Optimizer,
		},
	}, err
}

// Update makes one update record: the optimizer step, the anchor's move, the
// published policy, what became of each rollout.
func (t *Trainer) Update(ctx context.Context, in t1.UpdateInput) (t1.Step, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.Step, error) { return t.host.update(ctx, in, beat) })
}

func (h *Host) update(ctx context.Context, in t1.UpdateInput, beat beat) (t1.Step, error) {
	if step, there, err := h.found(ctx, in.Run, in.Seq); there || err != nil {
		return step, err
	}
	spec, err := h.spec(ctx, in.Run)
	if err != nil {
		return t1.Step{}, err
	}
	a := newAttempt()
	a.gapLimit = spec.Sampler.GapLimit
	if in.GapLimit != nil {
		a.gapLimit = *in.GapLimit
	}
	record, scores, err := h.updateRecord(ctx, in)
	if err != nil {
		return t1.Step{}, err
	}
	client, result, replayed, err := h.compute(ctx, record, a, beat)
	if err != nil {
		return t1.Step{}, hintAtGap(in, err)
	}
	advantages, err := advantageRows(scores, result.Rollouts)
	if err != nil {
		return t1.Step{}, err
	}
	record.Update.Advantages, err = keepRows(ctx, h.Store, t1.AdvantagesKey(in.Run, in.Iteration), advantages)
	if err != nil {
		return t1.Step{}, err
	}
	step, err := h.commit(ctx, client, record, result, true, a, beat)
	if err != nil {
		return t1.Step{}, err
	}
	step.Replayed = replayed
	a.include(in.Observed)
	h.observe(ctx, in.Run, in.Seq, replayed, a)
	return step, nil
}

// hintAtGap says what to do about rollouts that were not trained on.
func hintAtGap(in t1.UpdateInput, err error) error {
	if t1.KindOf(err) != t1.KindSamplerGap {
		return err
	}
	return t1.Errorf(t1.KindSamplerGap, "iteration %d was not trained on: %w", in.Iteration, err).
		WithHint("t1 resolve %s resample once sampler and trainer agree (docs/vllm.md), which samples it anew; or t1 set %s --gap-limit NATS, then t1 resolve %s retry; or t1 resolve %s skip, which leaves it out",
			in.Run, in.Run, in.Run, in.Run)
}

// updateRecord is the record without its outcome, and the scores it rests on.
func (h *Host) updateRecord(ctx context.Context, in t1.UpdateInput) (t1.Record, []t1.Score, error) {
	scores, err := ReadRows[t1.Score](ctx, h.Store, in.Scores)
	if err != nil {
		return t1.Record{}, nil, err
	}
	previous, err := parentOf(ctx, h.Store, in.Run, in.Seq, in.Parent)
	return t1.Record{
		Run: in.Run, Seq: in.Seq, Kind: t1.RecordUpdate, Previous: previous, Parent: in.Parent,
		Update: &t1.UpdateStep{
			Iteration: in.Iteration, Rollouts: in.Rollouts, Scores: in.Scores, Hyper: in.Hyper, Anchor: in.Anchor,
			GapLimit: in.GapLimit,
		},
		Metrics: in.Metrics,
	}, scores, err
}

// advantageRows joins what the engine made of the rollouts with their names.
func advantageRows(scores []t1.Score, made []t1.Advantage) ([]t1.Advantage, error) {
	if len(scores) != len(made) {
		return nil, t1.Errorf(t1.KindInternal, "the engine answered %d advantages for %d rollouts", len(made), len(scores))
	}
	for i := range made {
		made[i].Problem, made[i].Sample = scores[i].Problem, scores[i].Sample
	}
	return made, nil
}

// include adds what the activities before the update measured.
func (a *attempt) include(o t1.IterationTimings) {
	a.seconds["sample"], a.seconds["engine_sample"] = o.SampleSeconds, o.EngineSample
	a.seconds["score"] = o.ScoreSeconds
	a.tokens["sample"] = o.SampleTokens
}

// Snapshot keeps the whole state after a record.
func (t *Trainer) Snapshot(ctx context.Context, in t1.SnapshotInput) (t1.SnapshotOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.SnapshotOutput, error) { return t.host.snapshot(ctx, in, beat) })
}

func (h *Host) snapshot(ctx context.Context, in t1.SnapshotInput, beat beat) (t1.SnapshotOutput, error) {
	start := time.Now()
	key := t1.SnapshotKey(in.Run, in.Seq)
	if out, there, err := h.foundSnapshot(ctx, key); there || err != nil {
		return out, err
	}
	client, err := h.engine(ctx, in.Run, beat)
	if err != nil {
		return t1.SnapshotOutput{}, err
	}
	if _, err := h.restore(ctx, client, in.Run, in.Seq, in.State, beat); err != nil {
		return t1.SnapshotOutput{}, err
	}
	directory, remove, err := h.scratch()
	if err != nil {
		return t1.SnapshotOutput{}, err
	}
	defer remove()
	if err := asking(client, beat, func() error { return client.Snapshot(ctx, directory, in.State) }); err != nil {
		return t1.SnapshotOutput{}, err
	}
	if _, err := uploadDirectory(ctx, h.Store, key, directory, in.State, beat); err != nil {
		return t1.SnapshotOutput{}, err
	}
	out, _, err := h.foundSnapshot(ctx, key)
	out.Seconds = time.Since(start).Seconds()
	return out, err
}

// foundSnapshot describes a complete snapshot, if it is there.
func (h *Host) foundSnapshot(ctx context.Context, key string) (t1.SnapshotOutput, bool, error) {
	ref, err := h.Store.Head(ctx, key+"/"+t1.ManifestName)
	if t1.KindOf(err) == t1.KindNotFound {
		return t1.SnapshotOutput{}, false, nil
	}
	if err != nil {
		return t1.SnapshotOutput{}, false, err
	}
	manifest, err := readJSON[t1.Manifest](ctx, h.Store, ref.Key)
	out := t1.SnapshotOutput{Manifest: ref}
	for _, file := range manifest.Files {
		out.Bytes += file.Bytes
	}
	return out, true, err
}

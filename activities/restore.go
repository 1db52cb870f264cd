package activities

import (
	"context"
	"maps"
	"path"

	"t1"
	"t1/infra/engine"
	"t1/lineage"
)

// restore brings the engine to the state after record seq of a run: at once
// where it holds that state, else from the nearest earlier state there is (what
// the engine holds, or a snapshot) by replaying the records after it. It
// answers how many records were replayed.
func (h *Host) restore(ctx context.Context, client *engine.Client, run string, seq int, want t1.Digest, beat beat) (int, error) {
	h.restoring.Lock()
	defer h.restoring.Unlock()
	held, err := client.State(ctx)
	if err != nil {
		return 0, err
	}
	if held.Digest == want {
		return 0, nil
	}
	pending, err := h.rewind(ctx, client, run, seq, held.Digest, beat)
	if err != nil {
		return 0, err
	}
	for i, record := range pending {
		beat(int64(i), int64(len(pending)), 0)
		if _, err := h.replay(ctx, client, record, beat); err != nil {
			return i, err
		}
	}
	return len(pending), nil
}

// rewind walks the log back from record seq to a state that can be had without
// replay, opens it, and answers the records that come after it, in order.
func (h *Host) rewind(ctx context.Context, client *engine.Client, run string, seq int, held t1.Digest, beat beat) ([]t1.Record, error) {
	line, err := lineage.Read(ctx, h.Store, run)
	if err != nil {
		return nil, err
	}
	var pending []t1.Record
	for n := seq; n >= 0; n-- {
		record, _, err := readRecord(ctx, h.Store, run, n)
		if err != nil {
			return nil, err
		}
		if record.Result == held {
			break
		}
		opened, err := h.openNearest(ctx, client, line.Holders(n), n, record.Result, beat)
		if err != nil {
			return nil, err
		}
		if opened {
			break
		}
		pending = append([]t1.Record{record}, pending...)
	}
	return pending, nil
}

// openNearest loads the snapshot after record seq that one of the runs keeps
// whose logs have that record.
func (h *Host) openNearest(ctx context.Context, client *engine.Client, runs []string, seq int, want t1.Digest, beat beat) (opened bool, err error) {
	for _, run := range runs {
		if opened, err = h.openSnapshot(ctx, client, run, seq, want, beat); opened || err != nil {
			break
		}
	}
	return opened, err
}

// openSnapshot loads the snapshot after record seq, if there is one.
func (h *Host) openSnapshot(ctx context.Context, client *engine.Client, run string, seq int, want t1.Digest, beat beat) (bool, error) {
	key := t1.SnapshotKey(run, seq)
	if _, err := h.Store.Head(ctx, path.Join(key, t1.ManifestName)); err != nil {
		if t1.KindOf(err) == t1.KindNotFound {
			return false, nil
		}
		return false, err
	}
	directory, remove, err := h.scratch()
	if err != nil {
		return false, err
	}
	defer remove()
	manifest, err := downloadDirectory(ctx, h.Store, key, directory, beat)
	if t1.KindOf(err) == t1.KindNotFound && h.gone(ctx, key) {
		return false, nil // its run has collected it while a fork was reading
	}
	if err != nil {
		return false, refuseSnapshot(key, err)
	}
	if manifest.Digest != want {
		return false, t1.Errorf(t1.KindCorrupt, "snapshot %s holds state %.12s, the log says %.12s", key, manifest.Digest, want)
	}
	err = asking(client, beat, func() error {
		_, err := client.OpenSnapshot(ctx, directory, want)
		return err
	})
	return true, refuseSnapshot(key, err)
}

// gone reports whether an artifact that was there is no more: its manifest goes first.
func (h *Host) gone(ctx context.Context, key string) bool {
	_, err := h.Store.Head(ctx, path.Join(key, t1.ManifestName))
	return t1.KindOf(err) == t1.KindNotFound
}

func refuseSnapshot(key string, err error) error {
	if t1.KindOf(err) != t1.KindCorrupt {
		return err
	}
	return t1.Errorf(t1.KindCorrupt, "snapshot %s is damaged and was refused: %w", key, err).
		WithHint("delete the objects under %s: the run then replays from an earlier snapshot", key)
}

// replay does a record's work again and checks that it ends in the same state.
// It answers what the engine made.
func (h *Host) replay(ctx context.Context, client *engine.Client, record t1.Record, beat beat) (engine.StepResult, error) {
	result, err := h.perform(ctx, client, record, anyGap, beat)
	if err != nil {
		return result, err
	}
	if result.Digest == record.Result {
		return result, nil
	}
	return result, h.diverged(ctx, client, record, result)
}

func (h *Host) diverged(ctx context.Context, client *engine.Client, record t1.Record, got engine.StepResult) error {
	about, err := client.Describe(ctx)
	if err != nil {
		return err
	}
	if !maps.Equal(about.Environment, record.Environment) {
		return t1.Errorf(t1.KindConflict, "record %d of run %s was computed in another environment (%s): replay gives other bits here", record.Seq, record.Run, differences(record.Environment, about.Environment)).
			WithHint("replay it where it was computed, or start a new run")
	}
	return t1.Errorf(t1.KindCorrupt, "record %d of run %s replays to state %.12s, but the log says %.12s: %s", record.Seq, record.Run, got.Digest, record.Result, h.where(ctx, record, got))
}

// anyGap is the limit of work that is done again: it was within it the first time.
const anyGap = 0

// perform sends a record's work to the engine, which holds the parent state. An
// update whose sampler is farther from the trainer than gapLimit is not done.
func (h *Host) perform(ctx context.Context, client *engine.Client, record t1.Record, gapLimit float64, beat beat) (engine.StepResult, error) {
	switch record.Kind {
	case t1.RecordInit:
		state, err := h.open(ctx, client, *record.Init, beat)
		return engine.StepResult{Digest: state.Digest, Policy: state.Policy, Metrics: map[string]float64{"parameters": float64(state.Parameters)}}, err
	case t1.RecordSFT:
		traces, err := h.fetch(ctx, record.SFT.Traces, beat)
		if err != nil {
			return engine.StepResult{}, err
		}
		return client.FineTune(ctx, record.Parent, traces, *record.SFT, beat)
	case t1.RecordUpdate:
		return h.performUpdate(ctx, client, record, gapLimit, beat)
	}
	return engine.StepResult{}, t1.Errorf(t1.KindInvalid, "record %d of run %s is of kind %q, which this t1 does not know", record.Seq, record.Run, record.Kind)
}

// open makes the base model the engine's state.
func (h *Host) open(ctx context.Context, client *engine.Client, step t1.InitStep, beat beat) (engine.State, error) {
	if step.Base != "" {
		return h.openModel(ctx, client, step.Base, beat)
	}
	return client.OpenScratch(ctx, step)
}

func (h *Host) performUpdate(ctx context.Context, client *engine.Client, record t1.Record, gapLimit float64, beat beat) (engine.StepResult, error) {
	blocks, err := h.fetchAll(ctx, record.Update.Rollouts, beat)
	if err != nil {
		return engine.StepResult{}, err
	}
	scores, err := h.fetch(ctx, record.Update.Scores, beat)
	if err != nil {
		return engine.StepResult{}, err
	}
	return client.Update(ctx, record.Parent, blocks, scores, record.Update.Hyper, record.Update.Anchor, gapLimit, beat)
}

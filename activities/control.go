package activities

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"t1"
)

// Control serves t1.Control.
type Control struct{ host *Host }

// NewControl serves the control queue; it needs no engine.
func NewControl(host *Host) *Control { return &Control{host} }

var _ t1.Control = (*Control)(nil)

// ResolveSpec decodes a spec strictly and keeps it with every default written out.
func (c *Control) ResolveSpec(ctx context.Context, in t1.ResolveInput) (t1.Spec, error) {
	return edge(ctx, func(ctx context.Context, _ beat) (t1.Spec, error) { return c.host.resolveSpec(ctx, in) })
}

func (h *Host) resolveSpec(ctx context.Context, in t1.ResolveInput) (t1.Spec, error) {
	spec, mistakes := t1.DecodeSpec(in.Spec)
	if len(mistakes) > 0 {
		return spec, t1.MistakesError(mistakes)
	}
	resolved, there, err := PlanTrain(ctx, h.Store, in.Run, spec)
	if err != nil || there {
		return resolved, err
	}
	_, err = keepJSON(ctx, h.Store, t1.SpecKey(in.Run), resolved)
	return resolved, err
}

// Collect deletes snapshots and policies that no rule keeps.
func (c *Control) Collect(ctx context.Context, in t1.CollectInput) (t1.CollectOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.CollectOutput, error) { return c.host.collect(ctx, in, beat) })
}

func (h *Host) collect(ctx context.Context, in t1.CollectInput, beat beat) (t1.CollectOutput, error) {
	keep := map[string]bool{}
	for _, digest := range in.Keep {
		keep[string(digest)] = true
	}
	for seq := max(0, in.Seq-1); seq <= in.Seq; seq++ { // an attempt at the newest record may still sample from the one before
		record, _, err := readRecord(ctx, h.Store, in.Run, seq)
		if err != nil {
			return t1.CollectOutput{}, err
		}
		keep[string(record.Policy)] = true
	}
	var out t1.CollectOutput
	if err := h.deleteUnless(ctx, t1.RunKey(in.Run)+"/policy", keep, &out, beat); err != nil {
		return out, err
	}
	snapshots, err := h.keptSnapshots(ctx, in.Run, max(1, in.Newest))
	if err != nil {
		return out, err
	}
	return out, h.deleteUnless(ctx, t1.SnapshotsKey(in.Run), snapshots, &out, beat)
}

// keptSnapshots names the complete snapshots of a run that stay: the newest n,
// and the one after its own fine-tuning, where most forks begin.
func (h *Host) keptSnapshots(ctx context.Context, run string, n int) (map[string]bool, error) {
	var names []string
	for ref, err := range h.Store.List(ctx, t1.SnapshotsKey(run)+"/") {
		if err != nil {
			return nil, err
		}
		if path.Base(ref.Key) == t1.ManifestName {
			names = append(names, path.Base(path.Dir(ref.Key)))
		}
	}
	slices.Sort(names)
	kept := map[string]bool{}
	for i, name := range names {
		fineTuned, err := h.endsFineTuning(ctx, run, name)
		if err != nil {
			return nil, err
		}
		if fineTuned || i >= len(names)-n {
			kept[name] = true
		}
	}
	return kept, nil
}

// endsFineTuning reports whether a run made the last record of its fine-tuning,
// and a snapshot is of the state after that.
func (h *Host) endsFineTuning(ctx context.Context, run, snapshot string) (bool, error) {
	seq, err := strconv.Atoi(snapshot)
	if err != nil {
		return false, nil // not one of ours
	}
	record, _, err := readRecord(ctx, h.Store, run, seq)
	if err != nil {
		return false, err
	}
	return record.Run == run && record.SFT != nil && record.SFT.To == record.SFT.Total, nil
}

// deleteUnless removes the directories below key that are not kept, manifests
// first: an artifact is gone before its files are.
func (h *Host) deleteUnless(ctx context.Context, key string, kept map[string]bool, out *t1.CollectOutput, beat beat) error {
	var manifests, files []t1.Ref
	for ref, err := range h.Store.List(ctx, key+"/") {
		if err != nil {
			return err
		}
		beat(int64(out.Objects), 0, 0)
		name, _, _ := strings.Cut(strings.TrimPrefix(ref.Key, key+"/"), "/")
		switch {
		case kept[name]:
		case path.Base(ref.Key) == t1.ManifestName:
			manifests = append(manifests, ref)
		default:
			files = append(files, ref)
		}
	}
	for _, ref := range append(manifests, files...) {
		if err := h.Store.Delete(ctx, ref.Key); err != nil {
			return err
		}
		out.Objects++
		out.Bytes += ref.Bytes
		beat(int64(out.Objects), 0, 0)
	}
	return nil
}

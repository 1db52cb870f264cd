package activities

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"t1"
	"t1/lineage"
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
	if err := h.pin(ctx, &spec); err != nil {
		return spec, err
	}
	fork, forked, err := lineage.ForkOf(ctx, h.Store, in.Run)
	if err != nil {
		return spec, err
	}
	if forked {
		return spec, t1.Errorf(t1.KindConflict, "run %q exists: it is a fork of run %s at record %d", in.Run, fork.Run, fork.At).
			WithHint("give the new run another name, or go on with the fork: t1 fork %s --at %d --run %s", fork.Run, fork.At, in.Run)
	}
	_, err = keepJSON(ctx, h.Store, t1.SpecKey(in.Run), spec)
	if t1.KindOf(err) == t1.KindConflict {
		return spec, h.otherSpec(ctx, in.Run, spec)
	}
	return spec, err
}

// otherSpec says how a spec differs from the one the run has.
func (h *Host) otherSpec(ctx context.Context, run string, spec t1.Spec) error {
	there, err := h.spec(ctx, run)
	if err != nil {
		return err
	}
	return t1.Errorf(t1.KindConflict, "run %q exists with another spec: %s", run, strings.Join(specDifferences(there, spec), "; ")).
		WithHint("give the new run another name, or use the update `set` to steer the old one")
}

// specDifferences lists the settings that differ, as "path: old, now new".
func specDifferences(a, b t1.Spec) []string {
	fa, fb := flatten(a), flatten(b)
	var out []string
	for key, old := range fa {
		if fb[key] != old {
			out = append(out, key+": "+old+", now "+fb[key])
		}
	}
	slices.Sort(out)
	return out
}

func flatten(v any) map[string]string {
	data, _ := json.Marshal(v) // a Spec always marshals
	var tree any
	_ = json.Unmarshal(data, &tree)
	flat := map[string]string{}
	walk("", tree, flat)
	return flat
}

func walk(at string, node any, flat map[string]string) {
	object, is := node.(map[string]any)
	if !is {
		data, _ := json.Marshal(node)
		flat[at] = string(data)
		return
	}
	for key, child := range object {
		walk(strings.TrimPrefix(at+"."+key, "."), child, flat)
	}
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
	snapshots, err := h.newestSnapshots(ctx, in.Run, max(1, in.Newest))
	if err != nil {
		return out, err
	}
	return out, h.deleteUnless(ctx, t1.SnapshotsKey(in.Run), snapshots, &out, beat)
}

// newestSnapshots names the last n complete snapshots of a run.
func (h *Host) newestSnapshots(ctx context.Context, run string, n int) (map[string]bool, error) {
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
	newest := map[string]bool{}
	for _, name := range names[max(0, len(names)-n):] {
		newest[name] = true
	}
	return newest, nil
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

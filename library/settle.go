package library

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"t1"
)

// settle stores what was read, or says why not: first the rows, under their
// digest, then the name.
func (in *intake) settle(ctx context.Context, store t1.Store) error {
	d := &in.report.Dataset
	if err := refusal(in.ImportOptions, d.Counts); err != nil {
		return err
	}
	if d.Counts.Kept == 0 {
		return t1.Errorf(t1.KindInvalid, "no row of %s is left to store (%d read)", d.Source, d.Counts.Read).
			WithHint("look at the reasons above; --map says which field holds what")
	}
	ref, err := in.rows.finish()
	if err != nil {
		return err
	}
	ref.Key = t1.DatasetKey(ref.SHA256)
	d.Ref = ref
	before, version, err := newestName[Dataset](ctx, store, datasetNames, in.Name)
	if err != nil {
		return err
	}
	if version > 0 && d.repeats(before) {
		*d = before
		return nil
	}
	if !in.Replace {
		if err := d.mayBeNamed(ctx, store, before, version); err != nil {
			return err
		}
	}
	if err := in.rows.store(ctx, store, ref); err != nil {
		return err
	}
	return in.name(ctx, store, version+1)
}

// name gives the stored rows their name. Where another attempt at the same was
// faster, there is nothing left to do.
func (in *intake) name(ctx context.Context, store t1.Store, version int) error {
	d := &in.report.Dataset
	d.Version = version
	err := putName(ctx, store, DatasetNameKey(in.Name, version), d)
	if t1.KindOf(err) == t1.KindConflict {
		if faster, _, failed := newestName[Dataset](ctx, store, datasetNames, in.Name); failed == nil && d.repeats(faster) {
			*d = faster
			return nil
		}
	}
	if err == nil {
		in.report.Stored, in.report.Unchecked = true, unchecked(*d, in.stored)
	}
	return err
}

// sameAs reports whether two sets are the same, whatever they were compared with.
func (d *Dataset) sameAs(other Dataset) bool {
	return d.Ref == other.Ref && d.Kind == other.Kind && d.Benchmark == other.Benchmark
}

// repeats reports whether storing a set after another would add nothing.
func (d *Dataset) repeats(before Dataset) bool {
	return d.sameAs(before) && slices.Equal(d.Against, before.Against)
}

// mayBeNamed refuses a name that another set has, or that waits for the set that
// a synthesis of that name is going to make.
func (d *Dataset) mayBeNamed(ctx context.Context, store t1.Store, before Dataset, version int) error {
	if version > 0 {
		if d.sameAs(before) {
			return nil
		}
		return taken("data set", d.Name, "data")
	}
	_, err := store.Head(ctx, t1.SynthesisOrderKey(d.Name))
	switch {
	case t1.KindOf(err) == t1.KindNotFound:
		return nil
	case err == nil:
		return t1.Errorf(t1.KindConflict, "%s is the name of a synthesis, which will give it to what it makes", d.Name).
			WithHint("t1 synthesize status %s; give this set another name", d.Name)
	}
	return err
}

// refusal is the error where a reason held whose rows are refused.
func refusal(o ImportOptions, counts Counts) error {
	actions := newSift(o, "", nil).actions
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(counts.Found)) {
		if actions[reason] == Refuse {
			why = append(why, fmt.Sprintf("%s: %d", reason, counts.Found[reason]))
		}
	}
	if why == nil {
		return nil
	}
	return t1.Errorf(t1.KindInvalid, "rows are refused (%s); nothing was stored", strings.Join(why, ", ")).
		WithHint("repair the source, or leave such rows out: --duplicates drop, --empty drop, --overlap drop")
}

// unchecked names the sets that might hold a benchmark's questions: stored
// before it, never compared with it.
func unchecked(benchmark Dataset, stored []Dataset) []string {
	names := []string{}
	for _, d := range stored {
		known := slices.Contains(d.Against, Checked{benchmark.Name, benchmark.Ref.SHA256})
		if benchmark.Benchmark && !d.Benchmark && !known && d.Name != benchmark.Name {
			names = append(names, d.Name)
		}
	}
	return names
}

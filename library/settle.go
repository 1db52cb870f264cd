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
func settle(ctx context.Context, store t1.Store, rows rowFile, stored []Dataset, o ImportOptions, report *Report) error {
	d := &report.Dataset
	if err := refusal(o, d.Counts); err != nil {
		return err
	}
	if d.Counts.Kept == 0 {
		return t1.Errorf(t1.KindInvalid, "no row of %s is left to store (%d read)", d.Source, d.Counts.Read).
			WithHint("look at the reasons above; --map says which field holds what")
	}
	ref, err := rows.finish()
	if err != nil {
		return err
	}
	ref.Key = t1.DatasetKey(ref.SHA256)
	d.Ref = ref
	before, version, err := newestName[Dataset](ctx, store, datasetNames, o.Name)
	if err != nil {
		return err
	}
	same := version > 0 && before.Ref == ref && before.Kind == d.Kind && before.Benchmark == d.Benchmark
	switch {
	case same && slices.Equal(before.Against, d.Against):
		*d = before
		return nil
	case version > 0 && !same && !o.Replace:
		return taken("data set", o.Name, "data")
	}
	if err := rows.store(ctx, store, ref); err != nil {
		return err
	}
	d.Version = version + 1
	if err := putName(ctx, store, DatasetNameKey(o.Name, d.Version), d); err != nil {
		return err
	}
	report.Stored, report.Unchecked = true, unchecked(*d, stored)
	return nil
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

package library

import (
	"context"
	"strings"

	"t1"
)

// KeepDemonstrations makes a stored data set of demonstrations that t1 made,
// exactly as [Import] makes one of a file: the same reasons to leave a row out,
// the same comparison with benchmarks, the same name record, whose Source is
// source. It may be called again for the same work: the same rows, compared with
// the same benchmarks, add nothing. Where no row is left nothing is stored, and
// that is no error: the report's Dataset has version 0. Its counts are of these
// rows.
func KeepDemonstrations(ctx context.Context, store t1.Store, rows []Demonstration, source string, o ImportOptions) (Report, error) {
	o.Kind = Demonstrations
	in, err := begin(ctx, store, source, o)
	if err != nil {
		return Report{}, err
	}
	defer in.rows.remove()
	for i, row := range rows {
		made := item{number: int64(i + 1), id: row.Problem, question: strings.TrimSpace(row.Prompt), result: strings.TrimSpace(row.Response)}
		if err := in.take(made); err != nil {
			return Report{}, err
		}
	}
	counts := in.report.Dataset.Counts
	if counts.Kept == 0 {
		return in.report, nil
	}
	err = in.settle(ctx, store)
	in.report.Dataset.Counts = counts // not those of an earlier set of the same rows
	return in.report, err
}

// CheckFree returns nil where a data set of a source may get a name: nothing has
// it, or what has it came from the same source. Else it is KindConflict.
func CheckFree(ctx context.Context, store t1.Store, name, source string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	before, version, err := newestName[Dataset](ctx, store, datasetNames, name)
	if err != nil || version == 0 || before.Source == source {
		return err
	}
	return t1.Errorf(t1.KindConflict, "there is a data set named %s already, from %s", name, before.Source).
		WithHint("t1 data show %s; give this one another name: --name NAME", name)
}

// OpenBenchmarks reads every stored benchmark.
func OpenBenchmarks(ctx context.Context, store t1.Store) (*Benchmarks, error) {
	stored, err := Datasets(ctx, store)
	if err != nil {
		return nil, err
	}
	return ImportOptions{}.benchmarks(ctx, store, stored, &Report{})
}

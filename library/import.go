package library

import (
	"context"
	"path/filepath"
	"slices"

	"t1"
)

// ImportOptions says what to make of a file.
type ImportOptions struct {
	Name       string            // see [CheckName]
	Kind       Kind              // empty: Problems
	Map        map[string]string // part of a row (id, question, answer; for demonstrations response) to field of the source; nil: by the usual names
	Choices    []string          // fields of the source that hold the wrong answers of a multiple-choice question; nil: it is none
	Benchmark  bool              // a set to evaluate on: other imports are compared with it
	Against    []string          // names of sets to compare with, beside the benchmarks
	Duplicates Action            // Drop or Refuse; empty: Drop, of a benchmark Refuse
	Empty      Action            // likewise
	Overlap    Action            // Drop, Refuse or Keep; empty: as Duplicates
	Replace    bool              // a name that is taken gets a new version
	CreatedBy  string            // version of t1
	Scratch    string            // directory for a temporary file of the data set's size; empty: the system's
}

// Import makes a stored data set of a file: JSON Lines, gzipped or not, or
// Parquet. It streams: memory is bounded by the longest row, some 150 bytes a
// row to know duplicates by, and the benchmarks. The same file and options make
// the same bytes.
//
// A row that cannot be read ends the import: KindInvalid names file and line.
// Rows that were to be refused are KindInvalid too, after all rows were read. A
// name that is taken by other content is KindConflict. In all these cases
// nothing is stored under the name. A report comes with an error only once all
// rows were read.
func Import(ctx context.Context, store t1.Store, path string, o ImportOptions) (Report, error) {
	in, err := begin(ctx, store, filepath.Base(path), o)
	if err != nil {
		return Report{}, err
	}
	defer in.rows.remove()
	file, err := openSource(path)
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = file.Close() }()
	if err := in.pour(ctx, file); err != nil {
		return Report{}, err
	}
	err = in.settle(ctx, store)
	return in.report, err
}

// intake is a data set on its way in.
type intake struct {
	ImportOptions
	stored []Dataset // what was there before
	sift   *sift
	rows   rowFile
	report Report
}

// begin makes ready for rows; the intake's rows are to be removed.
func begin(ctx context.Context, store t1.Store, source string, o ImportOptions) (*intake, error) {
	in := &intake{ImportOptions: o.withDefaults()}
	o = in.ImportOptions
	in.report = Report{Dataset: Dataset{
		Schema: 1, Name: o.Name, Kind: o.Kind, Fields: map[string]string{}, Benchmark: o.Benchmark, Source: source, CreatedBy: o.CreatedBy,
		Counts: Counts{Found: map[Reason]int64{}}, Against: []Checked{},
	}, Examples: []Example{}, Unchecked: []string{}}
	if err := o.check(); err != nil {
		return nil, err
	}
	var err error
	if in.stored, err = Datasets(ctx, store); err != nil {
		return nil, err
	}
	benchmarks, err := o.benchmarks(ctx, store, in.stored, &in.report)
	if err != nil {
		return nil, err
	}
	in.sift = newSift(o, "row", benchmarks)
	in.rows, err = newRowFile(o.Kind, o.Scratch)
	return in, err
}

func (o ImportOptions) withDefaults() ImportOptions {
	strict := Drop
	if o.Benchmark { // one without some of its rows is another benchmark
		strict = Refuse
	}
	if o.Kind == "" {
		o.Kind = Problems
	}
	for _, action := range []*Action{&o.Duplicates, &o.Empty, &o.Overlap} {
		if *action == "" {
			*action = strict
		}
	}
	return o
}

func (o ImportOptions) check() error {
	if err := CheckName(o.Name); err != nil {
		return err
	}
	if o.Kind != Problems && o.Kind != Demonstrations {
		return t1.Errorf(t1.KindInvalid, "--kind is %q; allowed are %s and %s", o.Kind, Problems, Demonstrations)
	}
	if o.Benchmark && o.Kind != Problems {
		return t1.Errorf(t1.KindInvalid, "a benchmark is a set of problems, not of %s", o.Kind)
	}
	if len(o.Choices) > mostChoices || o.Choices != nil && o.Kind != Problems {
		return t1.Errorf(t1.KindInvalid, "--choices names %d fields; allowed are at most %d, of problems", len(o.Choices), mostChoices)
	}
	for flag, action := range map[string]Action{"--duplicates": o.Duplicates, "--empty": o.Empty} {
		if action != Drop && action != Refuse {
			return t1.Errorf(t1.KindInvalid, "%s is %q; allowed are %s and %s", flag, action, Drop, Refuse)
		}
	}
	if o.Overlap != Drop && o.Overlap != Refuse && o.Overlap != Keep {
		return t1.Errorf(t1.KindInvalid, "--overlap is %q; allowed are %s, %s and %s", o.Overlap, Drop, Refuse, Keep)
	}
	return nil
}

// benchmarks reads the sets that questions are compared with, and notes them.
func (o ImportOptions) benchmarks(ctx context.Context, store t1.Store, stored []Dataset, report *Report) (*Benchmarks, error) {
	var sets []Dataset
	for _, d := range stored {
		if d.Benchmark && !o.Benchmark || slices.Contains(o.Against, d.Name) {
			sets = append(sets, d)
		}
	}
	for _, name := range o.Against {
		if !slices.ContainsFunc(sets, func(d Dataset) bool { return d.Name == name }) {
			_, err := Resolve(ctx, store, name)
			return nil, err
		}
	}
	benchmarks := &Benchmarks{}
	for _, d := range sets {
		problems, err := ReadProblems(ctx, store, d)
		if err != nil {
			return nil, err
		}
		benchmarks.Add(d.Name, problems)
		report.Dataset.Against = append(report.Dataset.Against, Checked{d.Name, d.Ref.SHA256})
	}
	return benchmarks, nil
}

// pour takes a source's rows, but for those to be left out.
func (in *intake) pour(ctx context.Context, from *source) error {
	in.sift.unit = from.unit
	d := &in.report.Dataset
	for row, err := range from.rows {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && d.Counts.Read == 0 {
			d.Fields, err = fieldMap(in.Kind, in.Map, row)
		}
		if err != nil {
			return err
		}
		item, err := itemOf(in.Kind, d.Fields, in.Choices, row)
		if err != nil {
			return t1.Errorf(t1.KindInvalid, "%s: %v", from.place(row.number), err).
				WithHint("repair that %s or name another field with --map; nothing was stored", from.unit)
		}
		if err := in.take(item); err != nil {
			return err
		}
	}
	return nil
}

// take counts a row, and adds it unless it is to be left out.
func (in *intake) take(row item) error {
	counts := &in.report.Dataset.Counts
	counts.Read++
	if found := in.sift.look(row); found.Reason != "" {
		in.report.note(found)
		if found.Action != Keep {
			return nil
		}
	}
	counts.Kept++
	return in.rows.add(row)
}

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"t1"
	"t1/library"
)

func (t *tool) dataCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "data",
		Short: "Import problems and demonstrations, and look at them",
		Long: `data keeps problems to learn from and to be evaluated on, and demonstrations,
under names: task.data of a spec names them. docs/data.md has the details.`,
		Example: `  t1 data import gsm8k-train.jsonl --name gsm8k
  t1 data list`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.dataImportCommand(), t.dataListCommand(), t.dataShowCommand())
	return c
}

func (t *tool) dataImportCommand() *cobra.Command {
	o := library.ImportOptions{CreatedBy: version}
	var asJSON bool
	c := &cobra.Command{
		Use:   "import FILE --name NAME",
		Short: "Store a file of problems or demonstrations under a name",
		Long: `import reads JSON Lines (gzipped or not) or Parquet, a row at a time. It leaves
out empty rows and duplicates, and problems that a stored benchmark asks: those
that share 13 words in a row with one, or are equal to one. What was found is
said with examples; "refuse" stores nothing where something is found. Of a
benchmark itself nothing is left out: there, "refuse" is the default.
docs/data.md has the details.`,
		Example: `  t1 data import gsm8k-test.jsonl --name gsm8k-test --benchmark
  t1 data import gsm8k-train.jsonl --name gsm8k
  t1 data import own.parquet --name own --map question=task,answer=result
  t1 data import gpqa.jsonl --name gpqa --benchmark --choices "Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3"
  t1 data import worked.jsonl.gz --name worked --kind demonstrations`,
		Args:        one("FILE"),
		Annotations: map[string]string{annotationExit: "import ends with 2 where the file has a broken row, or rows are refused, and 11\n  where the name has other content: --replace gives it a new version."},
		RunE: func(c *cobra.Command, args []string) error {
			if o.Name == "" {
				return usage(c, "%s needs --name NAME", c.Name())
			}
			return t.dataImport(c.Context(), args[0], o, asJSON)
		},
	}
	flags := c.Flags()
	jsonFlag(c, &asJSON, "data.md")
	flags.StringVar(&o.Name, "name", "", "name of the data set, required")
	flags.StringVar((*string)(&o.Kind), "kind", string(library.Problems), "problems or demonstrations")
	flags.StringToStringVar(&o.Map, "map", nil, "which field holds what: id=F,question=F,answer=F; response=F of demonstrations\n(default: the usual names)")
	flags.Lookup("map").DefValue = "" // cobra would print [] as well
	flags.StringSliceVar(&o.Choices, "choices", nil, "fields with the wrong answers of a multiple-choice question: the options get letters\nin an order that the id fixes, and the letter is the answer")
	flags.BoolVar(&o.Benchmark, "benchmark", false, "this set is to evaluate on: what is imported later is compared with it")
	flags.StringSliceVar(&o.Against, "against", nil, "names of more sets to compare with")
	flags.StringVar((*string)(&o.Duplicates), "duplicates", "", "drop or refuse rows that are there twice (default drop, with --benchmark refuse)")
	flags.StringVar((*string)(&o.Empty), "empty", "", "drop or refuse rows without question or answer (default drop, with --benchmark refuse)")
	flags.StringVar((*string)(&o.Overlap), "overlap", "", "drop, refuse or keep what a benchmark asks (default drop, with --benchmark refuse)")
	flags.BoolVar(&o.Replace, "replace", false, "give a name that is taken a new version")
	return c
}

func (t *tool) dataImport(ctx context.Context, path string, o library.ImportOptions, asJSON bool) error {
	if err := t.settings.makeHome(); err != nil {
		return err
	}
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	o.Scratch = t.settings.cacheDir()
	report, err := library.Import(ctx, store, path, o)
	if ctx.Err() != nil {
		return interrupted()
	}
	if asJSON && report.Dataset.Counts.Read > 0 {
		if failed := printJSON(t.out, report); failed != nil {
			return failed
		}
		return err
	}
	t.describeImport(report)
	if err == nil {
		t.describeStored(report)
	}
	return err
}

func interrupted() error {
	return t1.Errorf(t1.KindPreempted, "interrupted; nothing was stored under the name").WithHint("import again")
}

// describeImport says what was found among the rows.
func (t *tool) describeImport(r library.Report) {
	counts := r.Dataset.Counts
	if counts.Read == 0 {
		return
	}
	fmt.Fprintf(t.out, "%d rows read, %d kept\n", counts.Read, counts.Kept)
	for _, reason := range slices.Sorted(maps.Keys(counts.Found)) {
		fmt.Fprintf(t.out, "%s: %d\n", strings.ReplaceAll(string(reason), "_", " "), counts.Found[reason])
		for _, e := range r.Examples {
			if e.Reason == reason {
				fmt.Fprintf(t.out, "  row %d %s: %s\n", e.Row, e.ID, e.Detail)
			}
		}
	}
}

func (t *tool) describeStored(r library.Report) {
	d := r.Dataset
	var against []string
	for _, checked := range d.Against {
		against = append(against, checked.Name)
	}
	switch {
	case against != nil:
		fmt.Fprintf(t.out, "compared with %s\n", strings.Join(against, ", "))
	case !d.Benchmark:
		fmt.Fprintln(t.err, "no benchmark is stored: nothing to compare with\nTry: t1 data import FILE --name NAME --benchmark, then import this again")
	}
	if len(r.Unchecked) > 0 {
		fmt.Fprintf(t.err, "imported before this benchmark, and not compared with it: %s\nTry: import them again, with --replace, or start their synthesis again\n", strings.Join(r.Unchecked, ", "))
	}
	if !r.Stored {
		fmt.Fprintf(t.out, "%s is there already, the same\n", d.Name)
		return
	}
	fmt.Fprintf(t.out, "%s stored: %d %s, %s\n", d.Name, d.Counts.Kept, d.Kind, d.Ref.Key)
}

func (t *tool) dataListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the data sets in the store",
		Example: "  t1 data list\n  t1 data list --json | jq -r .name",
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			store, err := t.openStore(c.Context())
			if err != nil {
				return err
			}
			sets, err := library.Datasets(c.Context(), store)
			if err != nil {
				return err
			}
			if len(sets) == 0 && !asJSON {
				fmt.Fprintf(t.err, "no data sets in %s\nTry: t1 data import FILE --name NAME\n", t.settings.Store)
			}
			return printRows(t.out, sets, asJSON, func(w io.Writer, d library.Dataset) {
				mark := ""
				if d.Benchmark {
					mark = "benchmark"
				}
				fmt.Fprintf(w, "%s\t%d %s\t%s\t%.12s\t%s\n", d.Name, d.Counts.Kept, d.Kind, d.Source, d.Ref.SHA256, mark)
			})
		},
	}
	jsonFlag(c, &asJSON, "data.md")
	return c
}

// printRows prints a line each: JSON, or a row of a table.
func printRows[T any](out io.Writer, rows []T, asJSON bool, row func(io.Writer, T)) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		if !asJSON {
			row(w, r)
		} else if err := printJSON(out, r); err != nil {
			return err
		}
	}
	return w.Flush()
}

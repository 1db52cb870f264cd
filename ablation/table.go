package ablation

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"t1"
)

// End is how a run ended.
type End struct {
	Run    string
	Seed   int64
	Result t1.Result // of its last policy
	Tokens float64   // response tokens that its own updates were made of
}

// Table compares every ablation with the base.
type Table struct {
	Study      string `json:"study"`
	Iterations int    `json:"iterations"`
	Problems   int    `json:"problems"`
	Rows       []Row  `json:"rows"` // the base first
}

// Row is one ablation over all seeds; shares are from 0 to 1.
type Row struct {
	Name         string      `json:"name"`
	Set          []string    `json:"set"`           // what differs from the base
	Runs         []Run       `json:"runs"`          // one a seed
	Sampled      float64     `json:"sampled"`       // accuracy of the samples, mean over the seeds
	Greedy       float64     `json:"greedy"`        // mean over the seeds
	OverLength   float64     `json:"over_length"`   // mean over the seeds
	Length       float64     `json:"length"`        // tokens a sampled response, mean over the seeds
	Tokens       float64     `json:"tokens"`        // trained on, mean over the seeds
	GainProblems t1.Interval `json:"gain_problems"` // over the base, sampled, paired by problem, all seeds' problems together
	GainSeeds    t1.Interval `json:"gain_seeds"`    // the same, paired by seed: N is the seeds
}

// Run is one ablation of one seed.
type Run struct {
	Run        string      `json:"run"`
	Seed       int64       `json:"seed"`
	Sampled    t1.Interval `json:"sampled"`
	Greedy     t1.Interval `json:"greedy"`
	OverLength float64     `json:"over_length"`
	Length     float64     `json:"length"`
	Tokens     float64     `json:"tokens"`
	Gain       t1.Interval `json:"gain"` // over the seed's base, paired by problem; of the base all 0
}

// Compare makes the table. ends holds, for the base and each ablation, one end a
// seed, in the order of the seeds.
func Compare(study string, s Study, iterations int, ends map[string][]End) (Table, error) {
	base := ends[Base]
	table := Table{Study: study, Iterations: iterations, Rows: []Row{rowOf(Base, nil, base, base)}}
	if len(base) > 0 {
		table.Problems = base[0].Result.Problems
	}
	for _, v := range s.Ablations {
		row := rowOf(v.Name, settings(v.Set), ends[v.Name], base)
		for i, run := range row.Runs {
			if run.Gain.N != len(base[i].Result.PerProblem) {
				return table, t1.Errorf(t1.KindInvalid, "run %s was evaluated on %d problems, run %s on %d: they have no pairs",
					run.Run, len(ends[v.Name][i].Result.PerProblem), base[i].Run, len(base[i].Result.PerProblem))
			}
		}
		table.Rows = append(table.Rows, row)
	}
	return table, nil
}

func rowOf(name string, set []string, ends, base []End) Row {
	row := Row{Name: name, Set: set}
	if set == nil {
		row.Set = []string{}
	}
	share := 1 / float64(max(1, len(ends)))
	var ours, theirs, gains []float64
	for i, end := range ends {
		r := end.Result
		run := Run{
			Run: end.Run, Seed: end.Seed, Sampled: r.Sampled, Greedy: r.Greedy, OverLength: r.OverLength.Mean, Length: r.Length.Mean, Tokens: end.Tokens,
		}
		if name != Base {
			run.Gain = t1.PairedBootstrap(r.PerProblem, base[i].Result.PerProblem, t1.BootstrapSeed)
			ours, theirs = slices.Concat(ours, r.PerProblem), slices.Concat(theirs, base[i].Result.PerProblem)
			gains = append(gains, run.Gain.Mean)
		}
		row.Runs = append(row.Runs, run)
		row.Sampled += r.Sampled.Mean * share
		row.Greedy += r.Greedy.Mean * share
		row.OverLength += r.OverLength.Mean * share
		row.Length += r.Length.Mean * share
		row.Tokens += end.Tokens * share
	}
	row.GainProblems, row.GainSeeds = t1.PairedBootstrap(ours, theirs, t1.BootstrapSeed), t1.MeanInterval(gains)
	return row
}

// Markdown writes the table for a document.
func (t Table) Markdown(w io.Writer) error {
	var b strings.Builder
	seeds := 0
	if len(t.Rows) > 0 {
		seeds = len(t.Rows[0].Runs)
	}
	fmt.Fprintf(&b, "# Ablations: %s\n\n", t.Study)
	fmt.Fprintf(&b, "%d iterations from the same fine-tuned state and pool, %d held-out problems a seed, %d seeds. Accuracy is sampled, %%;\n", t.Iterations, t.Problems, seeds)
	b.WriteString("gains are points over the base of the same seed, with 95 % intervals: over the problems of all seeds, paired by problem\n")
	b.WriteString("(the seeds as they are), and over the seeds (what another seed might give). Prompts are equal, compute is not: see the tokens.\n\n")
	b.WriteString("| ablation | settings | sampled | greedy | gain, over problems | gain, over seeds | over length, % | length | tokens trained on |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range t.Rows {
		set := ""
		if len(r.Set) > 0 {
			set = "`" + strings.Join(r.Set, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %.1f | %.1f | %s | %s | %.1f | %.0f | %.0f |\n",
			r.Name, set, 100*r.Sampled, 100*r.Greedy, points(r.GainProblems), points(r.GainSeeds), 100*r.OverLength, r.Length, r.Tokens)
	}
	b.WriteString("\nEach seed, sampled, and its gain over problems:\n\n| ablation |")
	for _, run := range t.Rows[0].Runs {
		fmt.Fprintf(&b, " seed %d |", run.Seed)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", seeds) + "\n")
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "| %s |", r.Name)
		for _, run := range r.Runs {
			fmt.Fprintf(&b, " %s |", strings.TrimSpace(fmt.Sprintf("%.1f %s", 100*run.Sampled.Mean, points(run.Gain))))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// points writes a difference of shares; empty where there is none. One value
// alone has no interval.
func points(i t1.Interval) string {
	switch i.N {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%+.1f", 100*i.Mean)
	}
	return fmt.Sprintf("%+.1f [%+.1f, %+.1f]", 100*i.Mean, 100*i.Low, 100*i.High)
}

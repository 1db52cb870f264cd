// Command t1bench reads finished runs and prints the figures of docs/results.md:
// what reinforcement learning gained, and what orchestration costs. `make bench`
// runs it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"t1"
	"t1/activities"
	"t1/infra/dir"
)

func main() {
	directory := flag.String("store", ".t1/store", "directory of the store")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: t1bench [-store DIR] RUN ...")
		os.Exit(2)
	}
	if err := figures(context.Background(), os.Stdout, *directory, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "t1bench:", err)
		os.Exit(t1.KindOf(err).ExitCode())
	}
}

func figures(ctx context.Context, w io.Writer, directory string, names []string) error {
	store, err := dir.New(directory)
	if err != nil {
		return err
	}
	var runs []run
	for _, name := range names {
		r, err := load(ctx, store, name)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	learning(w, runs)
	scaling(w, runs)
	orchestration(w, runs)
	return nil
}

// run is what a finished run left behind.
type run struct {
	name     string
	spec     t1.Spec
	log      []t1.Record
	observed map[int]t1.Observation
	results  []t1.Result // the SFT policy first, then by record
}

func load(ctx context.Context, store t1.Store, name string) (run, error) {
	r := run{name: name, observed: map[int]t1.Observation{}}
	var err error
	if r.log, err = activities.ReadLog(ctx, store, name); err != nil {
		return r, err
	}
	if err := read(ctx, store, t1.SpecKey(name), &r.spec); err != nil {
		return r, err
	}
	for _, record := range r.log {
		var o t1.Observation
		if err := read(ctx, store, t1.ObservedKey(name, record.Seq), &o); err == nil {
			r.observed[record.Seq] = o
		}
	}
	for ref, err := range store.List(ctx, t1.RunKey(name)+"/eval/") {
		if err != nil {
			return r, err
		}
		if !strings.HasSuffix(ref.Key, "/result.json") {
			continue
		}
		var result t1.Result
		if err := read(ctx, store, ref.Key, &result); err != nil {
			return r, err
		}
		r.results = append(r.results, result)
	}
	slices.SortFunc(r.results, func(a, b t1.Result) int { return a.Seq - b.Seq })
	if len(r.results) < 2 {
		return r, t1.Errorf(t1.KindNotFound, "run %s has %d evaluations; the figures need the SFT policy's and the last one's", name, len(r.results))
	}
	return r, nil
}

func read(ctx context.Context, store t1.Store, key string, v any) error {
	object, err := store.OpenRange(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	return json.NewDecoder(object).Decode(v)
}

func (r run) sft() t1.Result  { return r.results[0] }
func (r run) last() t1.Result { return r.results[len(r.results)-1] }

// learning is the gain of reinforcement learning, run by run.
func learning(w io.Writer, runs []run) {
	fmt.Fprintf(w, "### Learning\n\n%d held-out games, %d samples each at temperature %g; 95 %% intervals over games; the gain is paired.\n\n",
		runs[0].last().Problems, runs[0].last().Samples, runs[0].last().Temperature)
	fmt.Fprintln(w, "| run | seed | SFT sampled | RL sampled | gain, points | greedy SFT → RL | over-length SFT → RL | length SFT → RL |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, r := range runs {
		a, b := r.sft(), r.last()
		gain := t1.PairedBootstrap(b.PerProblem, a.PerProblem, t1.BootstrapSeed)
		fmt.Fprintf(w, "| %s | %d | %s | %s | **%+.1f** [%.1f, %.1f] | %.1f → %.1f | %.1f → %.1f %% | %.0f → %.0f |\n", r.name, r.spec.Seed,
			percent(a.Sampled), percent(b.Sampled), 100*gain.Mean, 100*gain.Low, 100*gain.High, 100*a.Greedy.Mean, 100*b.Greedy.Mean,
			100*a.OverLength.Mean, 100*b.OverLength.Mean, a.Length.Mean, b.Length.Mean)
	}
	fmt.Fprintln(w)
}

func percent(i t1.Interval) string {
	return fmt.Sprintf("%.1f [%.1f, %.1f]", 100*i.Mean, 100*i.Low, 100*i.High)
}

// scaling is the accuracy of answers from cut thinking.
func scaling(w io.Writer, runs []run) {
	fmt.Fprintln(w, "### Inference scaling: accuracy, %, with the share of the thinking kept")
	fmt.Fprint(w, "\n| run, policy | none |")
	for _, p := range runs[0].last().Fractions {
		fmt.Fprintf(w, " %.0f %% |", 100*p.Fraction)
	}
	fmt.Fprintln(w, "\n|"+strings.Repeat("---|", 2+len(runs[0].last().Fractions)))
	for _, r := range runs {
		for _, result := range r.results {
			fmt.Fprintf(w, "| %s, %s |", r.name, result.Label)
			if result.NoThinking != nil {
				fmt.Fprintf(w, " %.1f |", 100*result.NoThinking.Accuracy.Mean)
			}
			for _, p := range result.Fractions {
				fmt.Fprintf(w, " %.1f |", 100*p.Accuracy.Mean)
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

// orchestration is an iteration's wall time less the engine's own work, from
// the end of one update to the end of the next, where nothing but an iteration
// lies between: no snapshot, no evaluation.
func orchestration(w io.Writer, runs []run) {
	fmt.Fprintln(w, "### Orchestration: an iteration's wall time less the engine's own work\n\n| run | iterations | iteration, s | engine, s | rest, s, median | rest, s, 90th percentile | rest, share |\n|---|---|---|---|---|---|---|")
	for _, r := range runs {
		var wall, engine, rest []float64
		for _, record := range r.log {
			if !r.alone(record) {
				continue
			}
			o, before := r.observed[record.Seq], r.observed[record.Seq-1]
			took := finished(o).Sub(finished(before)).Seconds()
			own := o.Seconds["engine_sample"] + o.Seconds["engine_compute"]
			wall, engine, rest = append(wall, took), append(engine, own), append(rest, took-own)
		}
		if len(rest) == 0 {
			continue
		}
		fmt.Fprintf(w, "| %s | %d | %.2f | %.2f | %.3f | %.3f | %.1f %% |\n", r.name, len(rest), quantile(wall, 0.5), quantile(engine, 0.5),
			quantile(rest, 0.5), quantile(rest, 0.9), 100*sum(rest)/sum(wall))
	}
}

// alone reports whether only an iteration's own work lies between a record and
// the one before.
func (r run) alone(record t1.Record) bool {
	if record.Kind != t1.RecordUpdate || record.Update.Iteration == 1 {
		return false
	}
	before := record.Seq - 1
	_, there := r.observed[record.Seq]
	_, thereBefore := r.observed[before]
	evaluated := slices.ContainsFunc(r.results, func(e t1.Result) bool { return e.Seq == before })
	return there && thereBefore && !evaluated && (before+1)%r.spec.SnapshotEvery != 0 && before%r.spec.SnapshotEvery != 0
}

func finished(o t1.Observation) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, o.FinishedAt) // what we wrote ourselves
	return at
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

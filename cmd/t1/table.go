package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"t1"
)

// printTable prints the fine-tuned policy beside the newest one.
func printTable(out io.Writer, results []t1.Result) error {
	sft, rl := firstAndLast(results)
	if sft == nil || rl == nil {
		_, err := fmt.Fprintln(out, "there are no two evaluations to compare yet")
		return err
	}
	return writeTable(out, *sft, *rl)
}

// firstAndLast picks the evaluations of the lowest and the highest record; nil
// where there are not two.
func firstAndLast(results []t1.Result) (first, last *t1.Result) {
	for i, r := range results {
		if first == nil || r.Seq < first.Seq {
			first = &results[i]
		}
		if last == nil || r.Seq > last.Seq {
			last = &results[i]
		}
	}
	if first == last {
		return nil, nil
	}
	return first, last
}

func writeTable(out io.Writer, sft, rl t1.Result) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	row := func(cells ...any) { _, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", cells...) } // a tabwriter fails in Flush
	row(fmt.Sprintf("\n%d held-out problems", rl.Problems), "SFT", "RL, "+rl.Label+" iterations")
	row("accuracy, sampled", percent(sft.Sampled), percent(rl.Sampled))
	row("accuracy, greedy", percent(sft.Greedy), percent(rl.Greedy))
	row(fmt.Sprintf("pass@%d", rl.Samples), percent(sft.PassAt[rl.Samples]), percent(rl.PassAt[rl.Samples]))
	row(fmt.Sprintf("maj@%d", rl.Samples), percent(sft.MajorityAt[rl.Samples]), percent(rl.MajorityAt[rl.Samples]))
	row("over length", percent(sft.OverLength), percent(rl.OverLength))
	row("tokens a response", plain(sft.Length), plain(rl.Length))
	if err := w.Flush(); err != nil {
		return err
	}
	if len(sft.PerProblem) != len(rl.PerProblem) {
		return nil
	}
	gain := t1.PairedBootstrap(rl.PerProblem, sft.PerProblem, t1.BootstrapSeed)
	_, err := fmt.Fprintf(out, "RL over SFT, sampled, paired by problem: %+.1f points [%+.1f, %+.1f]; intervals are 95 %%\n",
		100*gain.Mean, 100*gain.Low, 100*gain.High)
	return err
}

func plain(i t1.Interval) string { return fmt.Sprintf("%.0f [%.0f, %.0f]", i.Mean, i.Low, i.High) }

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"t1/plan"
)

// writePlan prints a plan on one screen.
func writePlan(out io.Writer, in plan.Input, p plan.Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	n := p.Parameters
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // a tabwriter fails in Flush
	line("model\t%s: %s parameters (%d): embeddings %s, attention %s, feed-forward %s", p.Model, short(n.Total), n.Total, short(n.Embedding+n.Head), short(n.Attention), short(n.MLP))
	rl := in.Spec.RL
	line("run\t%d demonstrations x %d, %d iterations x %d prompts x %d responses of %.0f of %d tokens", in.Counts.Demonstrations, in.Spec.SFT.Epochs,
		rl.Iterations, rl.Prompts, rl.K, p.Assumptions["response_share"]*float64(rl.MaxTokens), rl.MaxTokens)
	line("store\t%s after the run, %s at most: policies %s, snapshots %s, rollouts %s; up %s, down %s", size(p.Storage.Total), size(p.Storage.Peak),
		size(p.Storage.Policies), size(p.Storage.Snapshots), size(p.Storage.Rollouts), size(p.Storage.Uploaded), size(p.Storage.Downloaded))
	line("")
	line("phase\ttokens\tFLOPs")
	for _, work := range p.Work {
		if work.Tokens > 0 {
			line("%s\t%s\t%.2g", work.Phase, short(int64(work.Tokens)), work.FLOPs)
		}
	}
	line("")
	writeFits(w, p)
	if err := w.Flush(); err != nil {
		return err
	}
	return writeFootnotes(out, p)
}

// writeFits is a line for each instance type: memory of a device, hours, money.
func writeFits(w io.Writer, p plan.Plan) {
	_, _ = fmt.Fprintf(w, "instance\tfits\ttrainer\tsampler\thost\t%s\thours\ton demand\tspot\n", strings.Join(hourHeads, "\t"))
	for _, f := range p.Instances {
		fits := "yes"
		if !f.Fits {
			fits = "no"
		}
		cells := []string{f.Instance, fits, size(f.Trainer.Total), size(f.Sampler.Total), size(f.Host.Peak)}
		for _, phase := range plan.Phases {
			cells = append(cells, hoursOf(f.Hours[phase]))
		}
		cells = append(cells, hoursOf(f.Total), money(f.OnDemand, p), money(f.Spot, p))
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
}

// hourHeads stand over the hours of plan.Phases.
var hourHeads = []string{"sft h", "pool", "sample", "score", "update", "eval", "publish"}

// writeFootnotes says what does not fit, what would, and what to believe.
func writeFootnotes(out io.Writer, p plan.Plan) error {
	var b strings.Builder
	b.WriteString("\n")
	for _, f := range p.Instances {
		if !f.Fits {
			fmt.Fprintf(&b, "%s: %s\n", f.Instance, verdict(f))
		}
	}
	b.WriteString("trainer and sampler are the first device's at the peak, as asked for; hours and money are with the change where one is needed\n")
	fmt.Fprintf(&b, "prices as of %s: %s\n", p.Prices.AsOf, p.Prices.Source)
	for _, note := range p.Notes {
		b.WriteString(note + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// verdict says what does not fit, and what would.
func verdict(f plan.Fit) string {
	lacks := make([]string, len(f.Lacks))
	for i, l := range f.Lacks {
		lacks[i] = fmt.Sprintf("%s %s of %s, most of it %s", l.Part, size(l.Need), size(l.Has), l.Most)
		if l.Part == plan.GPUs {
			lacks[i] = fmt.Sprintf("%.0f GPUs of %.0f, for %s", l.Need, l.Has, l.Most)
		}
	}
	text := "needs " + strings.Join(lacks, "; ")
	if len(f.Change) == 0 {
		return text + ". No change of resources makes it fit"
	}
	return text + ". It fits with " + strings.Join(f.Change, " ")
}

// size writes bytes as people do, with decimal prefixes as disks and clouds have them.
func size(bytes float64) string {
	for _, unit := range []struct {
		name string
		of   float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if bytes >= unit.of {
			return fmt.Sprintf("%.3g %s", bytes/unit.of, unit.name)
		}
	}
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f B", bytes)
}

func hoursOf(h float64) string {
	switch {
	case h == 0:
		return "–"
	case h < 0.01:
		return "<0.01"
	case h < 10:
		return fmt.Sprintf("%.2f", h)
	}
	return fmt.Sprintf("%.0f", h)
}

func money(amount float64, p plan.Plan) string {
	if amount == 0 {
		return "–"
	}
	if amount < 100 {
		return fmt.Sprintf("%.2f %s", amount, p.Prices.Currency)
	}
	return fmt.Sprintf("%.0f %s", amount, p.Prices.Currency)
}

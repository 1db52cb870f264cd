package report

import (
	"fmt"
	"strings"

	"t1"
)

// progress says what a run still lacks; empty where it is complete.
func progress(in Input) string {
	done, asked := iterations(in.Records), in.Spec.RL.Iterations
	var missing []string
	if steps, total := supervised(in.Records); steps < total {
		missing = append(missing, fmt.Sprintf("%s of %s", count(steps), plural(total, "SFT step", "SFT steps")))
	} else if total == 0 {
		missing = append(missing, "no SFT step yet")
	}
	if done < asked {
		missing = append(missing, fmt.Sprintf("%s of %s", count(done), plural(asked, "RL iteration", "RL iterations")))
	}
	if n := len(checkpoints(in)); n < evaluationsAsked(in.Spec) {
		missing = append(missing, fmt.Sprintf("%s of %s", count(n), plural(evaluationsAsked(in.Spec), "evaluation", "evaluations")))
	}
	if len(missing) == 0 {
		return ""
	}
	return state(in.Phase) + ": " + strings.Join(missing, ", ") + ". This page shows what there is so far."
}

// state begins the sentence about a run that is not complete.
func state(phase string) string {
	switch phase {
	case t1.PhaseStopped:
		return "This run was stopped before it was complete"
	case t1.PhaseParked:
		return "This run waits for a person"
	case t1.PhasePaused:
		return "This run is paused"
	case "":
		return "This run is not complete"
	}
	return "This run is not complete (phase " + phase + ")"
}

// iterations is how many updates the log holds.
func iterations(log []t1.Record) int {
	n := 0
	for _, r := range log {
		if r.Update != nil {
			n = max(n, r.Update.Iteration)
		}
	}
	return n
}

// supervised is how many SFT steps are done, and how many there will be.
func supervised(log []t1.Record) (done, total int) {
	for _, r := range log {
		if r.SFT != nil {
			done, total = max(done, r.SFT.To), r.SFT.Total
		}
	}
	return done, total
}

// evaluationsAsked counts the evaluations that the shares of a spec ask for, and
// the fine-tuned policy's.
func evaluationsAsked(s t1.Spec) int {
	if s.RL.Iterations == 0 {
		return 1
	}
	return 1 + len(s.Evaluation.At)
}

// notes are remarks that the data itself asks for.
func notes(in Input) []string {
	var out []string
	if len(in.Records) == 0 {
		return []string{"The log is empty."}
	}
	if rate := in.Spec.Pool.PassRate; len(rate) == 2 && (rate[0] != 0 || rate[1] != 0.3) {
		out = append(out, fmt.Sprintf("The pool keeps pass rates in the open interval (%s, %s); the paper keeps (0, 0.3).", exact(rate[0]), exact(rate[1])))
	}
	if p := in.Pool; p != nil {
		out = append(out, fmt.Sprintf("Pool: %s of %s kept.", count(len(p.Problems)), plural(p.Tried, "problem tried", "problems tried")))
	}
	replayed := 0
	for _, o := range in.Observations {
		replayed += o.Replayed
	}
	if replayed > 0 {
		out = append(out, fmt.Sprintf("Recovery replayed %s from the log; none was sampled again.", plural(replayed, "record", "records")))
	}
	return append(out, steered(in.Records)...)
}

// steered tells which numbers a person changed while the run was going.
func steered(log []t1.Record) []string {
	var out []string
	var last *t1.UpdateStep
	for _, r := range log {
		if r.Update == nil {
			continue
		}
		if last != nil {
			if changes := changed(last.Hyper, r.Update.Hyper); changes != "" {
				out = append(out, fmt.Sprintf("Steered before iteration %d: %s.", r.Update.Iteration, changes))
			}
		}
		last = r.Update
	}
	return out
}

func changed(a, b t1.Hyper) string {
	var parts []string
	for _, v := range []struct {
		name     string
		from, to float64
	}{
		{"learning rate", a.Optimizer.LearningRate, b.Optimizer.LearningRate}, {"temperature", a.Temperature, b.Temperature},
		{"beta", a.Beta, b.Beta}, {"alpha", a.Alpha, b.Alpha},
	} {
		if v.from != v.to {
			parts = append(parts, fmt.Sprintf("%s from %s to %s", v.name, exact(v.from), exact(v.to)))
		}
	}
	return strings.Join(parts, ", ")
}

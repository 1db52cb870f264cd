package report

import (
	"fmt"
	"math"
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
	if n, asked := evaluations(in); n < asked {
		missing = append(missing, fmt.Sprintf("%s of %s", count(n), plural(asked, "evaluation", "evaluations")))
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
	case t1.PhaseDone:
		return "This run ended with work left out"
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

// evaluations counts those that the shares of a spec ask for, the fine-tuned
// policy's included, and how many of them there are.
func evaluations(in Input) (done, asked int) {
	want := map[int]bool{0: true}
	for _, share := range in.Spec.Evaluation.At {
		if n := in.Spec.RL.Iterations; n > 0 && share > 0 {
			want[max(1, int(math.Round(share*float64(n))))] = true
		}
	}
	for _, c := range checkpoints(in) {
		if want[c.Iteration] {
			done++
		}
	}
	return done, len(want)
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
	return append(out, steered(in)...)
}

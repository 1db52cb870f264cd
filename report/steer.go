package report

import (
	"fmt"
	"math"
	"strings"

	"t1"
)

// steered tells which numbers a person changed while the run was going.
func steered(in Input) []string {
	var out []string
	var last *t1.UpdateStep
	for _, r := range in.Records {
		if r.Update == nil {
			continue
		}
		if last != nil {
			if changes := changed(in.Spec, *last, *r.Update); changes != "" {
				out = append(out, fmt.Sprintf("Steered before iteration %d: %s.", r.Update.Iteration, changes))
			}
		}
		last = r.Update
	}
	return out
}

// changed lists what differs between two updates for another reason than the
// learning rate's warm-up.
func changed(spec t1.Spec, a, b t1.UpdateStep) string {
	type number struct {
		name     string
		from, to float64
	}
	numbers := []number{
		{"temperature", a.Hyper.Temperature, b.Hyper.Temperature}, {"beta", a.Hyper.Beta, b.Hyper.Beta}, {"alpha", a.Hyper.Alpha, b.Hyper.Alpha},
	}
	limit := func(u t1.UpdateStep) float64 {
		if u.GapLimit != nil {
			return *u.GapLimit
		}
		return spec.Sampler.GapLimit
	}
	numbers = append(numbers, number{"gap limit", limit(a), limit(b)})
	if !planned(spec.RL, a) || !planned(spec.RL, b) {
		numbers = append(numbers, number{"learning rate", a.Hyper.LearningRate, b.Hyper.LearningRate})
	}
	var parts []string
	for _, n := range numbers {
		if n.from != n.to {
			parts = append(parts, fmt.Sprintf("%s from %s to %s", n.name, exact(n.from), exact(n.to)))
		}
	}
	return strings.Join(parts, ", ")
}

// planned reports whether an update's learning rate is the schedule's: a linear
// warm-up, then constant.
func planned(rl t1.RLSpec, u t1.UpdateStep) bool {
	rate := rl.Optimizer.LearningRate
	if warm := rl.Optimizer.Warmup * float64(rl.Iterations); float64(u.Iteration) < warm {
		rate *= float64(u.Iteration) / warm
	}
	return math.Abs(u.Hyper.LearningRate-rate) <= 1e-9*rate
}

package workflows

import (
	"math"

	"t1"
)

// supervisedSteps is the optimizer steps of the supervised initialisation; an
// epoch's last batch may be smaller than the others.
func supervisedSteps(s t1.SFTSpec, traces int) int {
	return ceilDiv(traces, s.BatchSize) * s.Epochs
}

// hyper is the numbers in force for iteration n, from 1: the learning rate
// rises linearly over the warm-up and stays; what a person set replaces it.
func hyper(s t1.RLSpec, steered t1.Steering, n int) t1.Hyper {
	h := t1.Hyper{
		LearningRate: s.Optimizer.LearningRate, Beta: s.Beta, PlainKL: s.PlainKL, Alpha: s.Alpha, ClipRatio: s.ClipRatio,
		Aggregation: s.Aggregation, Temperature: s.Temperature, TopP: s.TopP, Optimizer: s.Optimizer,
	}
	if warm := s.Optimizer.Warmup * float64(s.Iterations); float64(n) < warm {
		h.LearningRate *= float64(n) / warm
	}
	for _, o := range []struct{ number, set *float64 }{
		{&h.LearningRate, steered.LearningRate}, {&h.Temperature, steered.Temperature},
		{&h.Beta, steered.Beta}, {&h.Alpha, steered.Alpha},
	} {
		if o.set != nil {
			*o.number = *o.set
		}
	}
	return h
}

// anchorMove is what iteration n does to the anchor.
func anchorMove(s t1.RLSpec, n int) t1.AnchorMove {
	moves := n%max(1, s.Anchor.Every) == 0
	switch {
	case s.Anchor.Action == "none":
		return t1.AnchorMove{Action: "none"}
	case s.Anchor.Action == "ema" && moves:
		return t1.AnchorMove{Action: "ema", Coefficient: s.AnchorCoefficient()}
	case s.Anchor.Action == "reset" && moves:
		return t1.AnchorMove{Action: "reset"}
	}
	return t1.AnchorMove{Action: "keep"} // fixed, or between two moves
}

// evaluationDue reports whether the policy is evaluated after iteration n.
func evaluationDue(s t1.Spec, steered t1.Steering, n int) bool {
	every := s.Evaluation.Every
	if steered.EvaluateEvery != nil {
		every = *steered.EvaluateEvery
	}
	if every > 0 && n%every == 0 {
		return true
	}
	for _, share := range s.Evaluation.At {
		if share > 0 && n == max(1, int(math.Round(share*float64(s.RL.Iterations)))) {
			return true
		}
	}
	return false
}

// poolShards splits the pool's problems so that progress shows: 4 to 8
// activities, but none without a problem.
func poolShards(s t1.Spec) int {
	return max(1, min(s.Pool.Problems, min(8, max(4, s.RL.Shards))))
}

// poolBlockPrompts is the prompts in a block of the pool's rollouts. The blocks'
// names all pass through history, so a large pool gets larger blocks.
func poolBlockPrompts(s t1.Spec) int {
	const blocks = 256
	return max(1, s.RL.BlockPrompts, ceilDiv(s.Pool.Problems, blocks))
}

// ceilDiv is how many groups of size, at least 1, hold n.
func ceilDiv(n, size int) int {
	size = max(1, size)
	return (n + size - 1) / size
}

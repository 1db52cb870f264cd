package engine

import (
	"strconv"

	"t1"
)

// Trainers says how the engine trains; see [t1.ResourcesSpec]. The zero value
// is one process with the engine's own defaults.
type Trainers struct {
	Count       int    // processes; 0 and 1 are one
	Precision   string // "float32" or "bfloat16"; empty is float32
	MicroTokens int    // tokens of one pass; 0 is the engine's default, 4,096
	Recompute   bool   // activations are computed again instead of kept
	Offload     bool   // optimizer and anchor lie off the device
}

func trainersOf(r t1.ResourcesSpec) Trainers {
	return Trainers{r.Trainers, r.Precision, r.MicroTokens, r.Recompute, r.Offload}
}

// arguments are those of the interpreter, but for the socket. Several trainers are started by
// torchrun, whose processes have sessions of their own: they end when their
// standard input does, when torchrun is gone, or when one of them dies.
func (o Options) arguments() []string {
	start := []string{"-m", "t1_engine", "serve"}
	if o.Trainers.Count > 1 {
		start = []string{"-m", "t1_engine.launch", "--trainers", strconv.Itoa(o.Trainers.Count)}
	}
	arguments := append(start, "--threads", strconv.Itoa(o.Threads))
	if o.Trainers.Precision != "" {
		arguments = append(arguments, "--precision", o.Trainers.Precision)
	}
	if o.Trainers.MicroTokens > 0 {
		arguments = append(arguments, "--micro-tokens", strconv.Itoa(o.Trainers.MicroTokens))
	}
	if o.Trainers.Recompute {
		arguments = append(arguments, "--recompute")
	}
	if o.Trainers.Offload {
		arguments = append(arguments, "--offload")
	}
	return arguments
}

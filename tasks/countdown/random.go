package countdown

import (
	"math/bits"
	"math/rand/v2"

	"t1"
)

// source is a PCG with the few draws the game needs, written out: math/rand/v2
// promises the stream of a PCG, but not what its Rand makes of it.
type source struct{ pcg *rand.PCG }

func newSource(seed int64, purpose string, of ...any) source {
	return source{pcg: rand.NewPCG(t1.SeedFor(seed, purpose, of...), 0)}
}

// below draws a number from 0 to n-1. It scales 64 bits down; for the n of a
// game the values' chances differ by less than 1e-12.
func (s source) below(n int) int {
	high, _ := bits.Mul64(s.pcg.Uint64(), uint64(n))
	return int(high)
}

// choose moves n random elements, in a random order, to the front of a list of
// at least n, and returns them (Fisher and Yates).
func choose[E any](s source, list []E, n int) []E {
	for i := range n {
		j := i + s.below(len(list)-i)
		list[i], list[j] = list[j], list[i]
	}
	return list[:n]
}

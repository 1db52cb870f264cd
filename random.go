package t1

import (
	"math/bits"
	"math/rand/v2"
)

// Source is a stream of random numbers whose draws are written out here:
// math/rand/v2 promises the stream of a PCG, but not what its Rand makes of it,
// and a run must draw the same for ever.
type Source struct{ pcg *rand.PCG }

// NewSource is the stream of SeedFor(seed, purpose, of...).
func NewSource(seed int64, purpose string, of ...any) Source {
	return Source{pcg: rand.NewPCG(SeedFor(seed, purpose, of...), 0)}
}

// Below draws a number from 0 to n-1. It scales 64 bits down: the values'
// chances differ by less than n / 2^64.
func (s Source) Below(n int) int {
	high, _ := bits.Mul64(s.pcg.Uint64(), uint64(n))
	return int(high)
}

// Choose moves n random elements, in a random order, to the front of a list of
// at least n, and returns them (Fisher and Yates).
func Choose[E any](s Source, list []E, n int) []E {
	for i := range n {
		j := i + s.Below(len(list)-i)
		list[i], list[j] = list[j], list[i]
	}
	return list[:n]
}

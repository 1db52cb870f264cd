package t1

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// DrawBatch gives the positions in the pool that an iteration (from 1) trains
// on: n of them, all different where the pool is large enough. The pool is gone
// through in a new random order each time it is used up, so every prompt is
// drawn equally often. The same arguments give the same draw, for ever.
func DrawBatch(seed int64, iteration, poolSize, n int) []int {
	if poolSize <= 0 {
		return nil
	}
	batch := make([]int, n)
	var order []int
	epoch := -1
	for i := range batch {
		at := (iteration-1)*n + i
		if at/poolSize != epoch {
			epoch = at / poolSize
			order = permutation(seed, epoch, poolSize)
		}
		batch[i] = order[at%poolSize]
	}
	return batch
}

func permutation(seed int64, epoch, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return Choose(NewSource(seed, "draw", epoch), order, n)
}

// SeedFor derives an independent 64-bit seed from a run's seed, a purpose and
// what it is for. Sampling uses SeedFor(seed, purpose, iteration, problem), so
// a response never depends on its batch or on a retry.
func SeedFor(seed int64, purpose string, of ...any) uint64 {
	text := fmt.Appendf(nil, "%d/%q", seed, purpose)
	for _, part := range of {
		text = fmt.Appendf(text, "/%#v", part) // Go syntax: the text "1" is not the number 1
	}
	sum := sha256.Sum256(text)
	return binary.BigEndian.Uint64(sum[:8])
}

// Shard gives the half-open range of n items that shard s of shards handles;
// sizes differ by one at most.
func Shard(n, shards, s int) (from, to int) {
	return s * n / shards, (s + 1) * n / shards
}

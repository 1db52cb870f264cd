package t1

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// However iterations fall on passes over the pool, no problem is ever drawn
// twice more often than another, and a batch repeats none it need not.
func TestDrawBatchCoversThePoolEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Int64Min(0).Draw(t, "seed")
		size := rapid.IntRange(1, 40).Draw(t, "pool")
		n := rapid.IntRange(1, 60).Draw(t, "batch")
		drawn := make([]int, size)
		for iteration := 1; iteration <= 8; iteration++ {
			batch := DrawBatch(seed, iteration, size, n)
			if len(batch) != n {
				t.Fatalf("drew %d, want %d", len(batch), n)
			}
			for _, at := range batch {
				drawn[at]++
			}
			if slices.Max(drawn)-slices.Min(drawn) > 1 {
				t.Fatalf("after iteration %d the counts are %v", iteration, drawn)
			}
			if again := DrawBatch(seed, iteration, size, n); !slices.Equal(again, batch) {
				t.Fatalf("drew %v, then %v", batch, again)
			}
		}
	})
}

func TestDrawBatchIsStable(t *testing.T) {
	if got, want := DrawBatch(1, 1, 10, 10), DrawBatch(2, 1, 10, 10); slices.Equal(got, want) {
		t.Errorf("seeds 1 and 2 both draw %v", got)
	}
	if got, want := DrawBatch(1, 1, 10, 10), DrawBatch(1, 2, 10, 10); slices.Equal(got, want) {
		t.Errorf("the first two passes both draw %v", got)
	}
	if got := DrawBatch(1, 1, 0, 4); got != nil {
		t.Errorf("drew %v from an empty pool", got)
	}
}

func TestSeedForTellsEverythingApart(t *testing.T) {
	seen := map[uint64]string{}
	for name, seed := range map[string]uint64{
		"base":            SeedFor(1, "sample", 1, 2),
		"another seed":    SeedFor(2, "sample", 1, 2),
		"another purpose": SeedFor(1, "draw", 1, 2),
		"another order":   SeedFor(1, "sample", 2, 1),
		"run together":    SeedFor(1, "sample", 12),
		"nothing":         SeedFor(1, "sample"),
		"text":            SeedFor(1, "sample", "a"),
	} {
		if other, taken := seen[seed]; taken {
			t.Errorf("%q and %q share a seed", name, other)
		}
		seen[seed] = name
	}
	if got, want := SeedFor(1, "sample", 1, 2), SeedFor(1, "sample", 1, 2); got != want {
		t.Errorf("the same arguments gave %d and %d", got, want)
	}
}

func TestShardsPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5000).Draw(t, "n")
		shards := rapid.IntRange(1, 64).Draw(t, "shards")
		next, smallest, largest := 0, n, 0
		for s := range shards {
			from, to := Shard(n, shards, s)
			if from != next || to < from {
				t.Fatalf("shard %d is [%d, %d) after %d", s, from, to, next)
			}
			next, smallest, largest = to, min(smallest, to-from), max(largest, to-from)
		}
		if next != n || largest-smallest > 1 {
			t.Fatalf("%d shards of %d end at %d with sizes from %d to %d", shards, n, next, smallest, largest)
		}
	})
}

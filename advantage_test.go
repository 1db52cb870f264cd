package t1

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The invariants of the recipe's section 5.
func TestAdvantages(t *testing.T) {
	value := rapid.Float64Range(-100, 100)
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(2, 64).Draw(t, "k")
		rewards := rapid.SliceOfN(rapid.SampledFrom([]float64{-1, 0, 1}), k, k).Draw(t, "rewards")
		d := rapid.SliceOfN(value, k, k).Draw(t, "d")
		beta := rapid.Float64Range(0, 1).Draw(t, "beta")
		got := mustAdvantages(t, rewards, d, beta)
		ofRewards, ofD := mustAdvantages(t, rewards, d, 0), mustAdvantages(t, d, rewards, 0)
		shifted := make([]float64, k)
		shift := value.Draw(t, "shift")
		for i := range d {
			shifted[i] = d[i] + shift
		}
		afterShift := mustAdvantages(t, rewards, shifted, beta)
		var sum float64
		for i := range got {
			sum += got[i]
			if want := ofRewards[i] - beta*ofD[i]; !near(got[i], want, 1e-9) {
				t.Fatalf("A[%d] = %v, want %v: both terms are linear", i, got[i], want)
			}
			if !near(got[i], afterShift[i], 1e-9) {
				t.Fatalf("A[%d] moved from %v to %v with a constant on every d", i, got[i], afterShift[i])
			}
		}
		if !near(sum, 0, 1e-8) {
			t.Fatalf("A sums to %v", sum)
		}
		if k == 2 && !near(got[0], -got[1], 1e-12) {
			t.Fatalf("two responses got %v", got)
		}
	})
}

func mustAdvantages(t *rapid.T, rewards, d []float64, beta float64) []float64 {
	t.Helper()
	got, err := Advantages(rewards, d, beta, false)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAdvantagesByHand(t *testing.T) {
	got, err := Advantages([]float64{1, 0, -1, 0}, []float64{10, 20, 30, 0}, 0.01, false)
	if err != nil {
		t.Fatal(err)
	}
	// Rewards: 1+1/3, 0, -1-1/3, 0. Divergences: 10-50/3, 20-40/3, 30-10, -20.
	for i, want := range []float64{4.0/3 + 0.2/3, -0.2 / 3, -4.0/3 - 0.2, 0.2} {
		if !near(got[i], want, 1e-12) {
			t.Errorf("A[%d] = %v, want %v", i, got[i], want)
		}
	}
}

func TestAdvantagesNeedTwo(t *testing.T) {
	for _, k := range []int{0, 1} {
		_, err := Advantages(make([]float64, k), make([]float64, k), 1, false)
		if KindOf(err) != KindInvalid {
			t.Errorf("%d responses: got %v", k, err)
		}
	}
	if _, err := Advantages(make([]float64, 3), make([]float64, 2), 1, false); err == nil {
		t.Error("3 rewards for 2 divergences passed")
	}
}

// Without centring, the rewards are left one out and each d counts as it is.
func TestPlainKL(t *testing.T) {
	got, err := Advantages([]float64{1, 0, -1, 0}, []float64{10, 20, 30, 0}, 0.01, true)
	want := []float64{4./3 - 0.1, -0.2, -4./3 - 0.3, 0}
	for i := range want {
		if err != nil || math.Abs(got[i]-want[i]) > 1e-12 {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	}
}

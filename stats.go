package t1

import (
	"math"
	"slices"
)

// z975 is the 0.975 quantile of the normal distribution: two-sided 95 %.
const z975 = 1.959963984540054

// Proportion is the share of successes in n independent trials with Wilson's
// 95 % interval (Wilson 1927), which stays inside [0, 1] and is honest near its
// ends. Without trials nothing is known: the interval is [0, 1] and N is 0.
func Proportion(successes, n int) Interval {
	if n <= 0 {
		return Interval{High: 1}
	}
	size, share := float64(n), float64(successes)/float64(n)
	scale := 1 + z975*z975/size
	centre := (share + z975*z975/(2*size)) / scale
	half := z975 / scale * math.Sqrt(share*(1-share)/size+z975*z975/(4*size*size))
	// Rounding must not put the ends on the wrong side of 0, 1 or the share.
	low := min(max(0, centre-half), share)
	high := max(min(1, centre+half), share)
	return Interval{Mean: share, Low: low, High: high, N: n}
}

// MeanInterval is the mean of one value a problem with Student's 95 % interval.
// The values must be independent: take the mean of a problem's samples first.
// The interval is not clamped to the values' range. One value has no spread to
// learn from: Low and High are the mean, and N, 1, says so. No values: all 0.
func MeanInterval(values []float64) Interval {
	n := len(values)
	if n == 0 {
		return Interval{}
	}
	mean := meanOf(values)
	if n == 1 {
		return Interval{Mean: mean, Low: mean, High: mean, N: 1}
	}
	var squares float64
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	half := t975(n-1) * math.Sqrt(squares/float64(n-1)/float64(n))
	return Interval{Mean: mean, Low: mean - half, High: mean + half, N: n}
}

// ShareInterval is [MeanInterval] of values from 0 to 1, with ends that are
// shares too.
func ShareInterval(values []float64) Interval {
	i := MeanInterval(values)
	i.Low, i.High = max(0, i.Low), min(1, i.High)
	return i
}

func meanOf(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// resamples is how often a bootstrap draws.
const resamples = 10000

// BootstrapSeed is the seed of every paired interval that t1 prints: the same
// pairs have the same interval wherever they are compared.
const BootstrapSeed = 1

// PairedBootstrap is the mean of a - b over problems that both answered, in the
// same order, with the 95 % percentile interval of the bootstrap over problems
// (Efron 1979): the differences are drawn with replacement 10,000 times. Pairing
// removes what makes a problem hard for both. It assumes no distribution, as
// Student's interval does, and so is the one for values that are 0 or 1; below
// some 30 pairs it is too narrow. The seed names the draws: the same numbers give
// the same interval. Lists of different lengths have no pairs: all 0, as for none.
func PairedBootstrap(a, b []float64, seed int64) Interval {
	n := len(a)
	if n != len(b) || n == 0 {
		return Interval{}
	}
	differences := make([]float64, n)
	for i := range a {
		differences[i] = a[i] - b[i]
	}
	source := NewSource(seed, "bootstrap", n)
	means := make([]float64, resamples)
	for r := range means {
		var sum float64
		for range n {
			sum += differences[source.Below(n)]
		}
		means[r] = sum / float64(n)
	}
	slices.Sort(means)
	const tail = resamples / 40 // 2.5 %
	return Interval{Mean: meanOf(differences), Low: means[tail], High: means[resamples-1-tail], N: n}
}

// smallT holds Student's 0.975 quantiles for 1 to 10 degrees of freedom, where
// the expansion in t975 is not good enough.
var smallT = [...]float64{
	12.706204736, 4.302652730, 3.182446305, 2.776445105, 2.570581836,
	2.446911851, 2.364624252, 2.306004135, 2.262157163, 2.228138852,
}

// t975 is Student's 0.975 quantile, to 1e-4: Cornish and Fisher's expansion
// (Abramowitz and Stegun 26.7.5) from 11 degrees of freedom on.
func t975(degrees int) float64 {
	if degrees <= len(smallT) {
		return smallT[degrees-1]
	}
	const z, z3, z5, z7 = z975, z975 * z975 * z975, z975 * z975 * z975 * z975 * z975, z975 * z975 * z975 * z975 * z975 * z975 * z975
	v := float64(degrees)
	return z + (z3+z)/(4*v) + (5*z5+16*z3+3*z)/(96*v*v) + (3*z7+19*z5+17*z3-15*z)/(384*v*v*v)
}

// PassAtK is the unbiased estimate of the chance that at least one of k samples
// is right, from n samples of which c are (Chen et al., arXiv 2107.03374):
// 1 - C(n-c, k) / C(n, k). It needs 1 <= k <= n and 0 <= c <= n; anything else
// is NaN.
func PassAtK(n, c, k int) float64 {
	if k < 1 || k > n || c < 0 || c > n {
		return math.NaN()
	}
	allWrong := 1.0
	for i := range k {
		allWrong *= max(0, float64(n-c-i)) / float64(n-i)
	}
	return 1 - allWrong
}

// MajorityAtK reports whether the most frequent of the first k answers is
// right; correct stands beside the answers. Equally frequent answers: the one
// seen first wins. An empty answer is a sample that gave none: it wins only
// where every sample is empty. A k above the number of answers means all of
// them; no answers are never right.
func MajorityAtK(answers []string, correct []bool, k int) bool {
	k = min(k, len(answers))
	votes := map[string]int{}
	winner := -1 // index of its first occurrence
	for _, answer := range answers[:max(0, k)] {
		votes[answer]++
	}
	for i := 0; i < k; i++ {
		if winner < 0 || rank(answers[i], votes) > rank(answers[winner], votes) {
			winner = i
		}
	}
	return winner >= 0 && correct[winner]
}

// rank orders answers by their votes, an empty one below all others.
func rank(answer string, votes map[string]int) int {
	if answer == "" {
		return 0
	}
	return votes[answer]
}

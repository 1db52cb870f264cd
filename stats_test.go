package t1

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestProportion(t *testing.T) {
	tests := []struct {
		successes, n    int
		mean, low, high float64
	}{
		{0, 0, 0, 0, 1},
		{0, 10, 0, 0, 0.277533}, // Newcombe 1998, table I, and statsmodels' proportion_confint
		{10, 10, 1, 0.722467, 1},
		{5, 10, 0.5, 0.236593, 0.763407},
		{81, 263, 0.307985, 0.255265, 0.366206},
	}
	for _, test := range tests {
		got := Proportion(test.successes, test.n)
		if !near(got.Mean, test.mean, 1e-4) || !near(got.Low, test.low, 1e-4) || !near(got.High, test.high, 1e-4) || got.N != test.n {
			t.Errorf("%d of %d: got %+v, want %v in [%v, %v]", test.successes, test.n, got, test.mean, test.low, test.high)
		}
	}
}

// Wilson's interval is where the score test does not reject: at its ends the
// share lies exactly z standard errors away.
func TestProportionInvertsTheScoreTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5000).Draw(t, "n")
		got := Proportion(rapid.IntRange(0, n).Draw(t, "successes"), n)
		if !(0 <= got.Low && got.Low <= got.Mean && got.Mean <= got.High && got.High <= 1) {
			t.Fatalf("out of order: %+v", got)
		}
		for _, end := range []float64{got.Low, got.High} {
			distance := math.Abs(got.Mean-end) / math.Sqrt(end*(1-end)/float64(n))
			if end > 1e-9 && end < 1-1e-9 && !near(distance, z975, 1e-6) {
				t.Fatalf("%+v: end %v lies %v standard errors away", got, end, distance)
			}
		}
	})
}

func TestMeanInterval(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   Interval
	}{
		{"none", nil, Interval{}},
		{"one", []float64{0.5}, Interval{0.5, 0.5, 0.5, 1}},
		{"all the same", []float64{2, 2, 2}, Interval{2, 2, 2, 3}},
		{"two", []float64{0, 1}, Interval{0.5, 0.5 - 12.706204736*0.5, 0.5 + 12.706204736*0.5, 2}},
		{"five", []float64{1, 2, 3, 4, 5}, Interval{3, 3 - 2.776445105*math.Sqrt(0.5), 3 + 2.776445105*math.Sqrt(0.5), 5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := MeanInterval(test.values)
			if !near(got.Mean, test.want.Mean, 1e-9) || !near(got.Low, test.want.Low, 1e-9) || !near(got.High, test.want.High, 1e-9) || got.N != test.want.N {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestShareIntervalStaysAmongShares(t *testing.T) {
	if got, want := ShareInterval([]float64{0, 0, 0, 1}), (Interval{0.25, 0, 1, 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	values := []float64{0.4, 0.5, 0.5, 0.6}
	if got, want := ShareInterval(values), MeanInterval(values); got != want {
		t.Errorf("got %+v, want %+v as it is", got, want)
	}
}

// The quantile must leave 2.5 % of Student's density, integrated numerically,
// above it.
func TestT975(t *testing.T) {
	for _, degrees := range []int{1, 2, 5, 10, 11, 12, 20, 31, 100, 511, 100000} {
		v := float64(degrees)
		upper, _ := math.Lgamma((v + 1) / 2)
		lower, _ := math.Lgamma(v / 2)
		scale := math.Exp(upper-lower) / math.Sqrt(v*math.Pi)
		const steps = 20000
		end := t975(degrees)
		var area float64 // midpoint rule from 0 to the quantile
		for i := range steps {
			x := (float64(i) + 0.5) * end / steps
			area += scale * math.Pow(1+x*x/v, -(v+1)/2) * end / steps
		}
		if !near(area, 0.475, 2e-5) {
			t.Errorf("%d degrees of freedom: %v leaves %v", degrees, end, 0.5-area)
		}
	}
}

// Over many repeated experiments, about 95 % of the intervals hold the truth.
func TestIntervalsCover(t *testing.T) {
	const rounds = 4000
	random := rand.New(rand.NewPCG(1, 2))
	tests := []struct {
		name  string
		truth float64
		draw  func() Interval
	}{
		{"proportion", 0.3, func() Interval {
			successes := 0
			for range 60 {
				if random.Float64() < 0.3 {
					successes++
				}
			}
			return Proportion(successes, 60)
		}},
		{"mean of 8", 1, func() Interval {
			values := make([]float64, 8)
			for i := range values {
				values[i] = 1 + 2*random.NormFloat64()
			}
			return MeanInterval(values)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			held := 0
			for range rounds {
				if got := test.draw(); got.Low <= test.truth && test.truth <= got.High {
					held++
				}
			}
			if share := float64(held) / rounds; share < 0.935 || share > 0.965 {
				t.Errorf("%v of the intervals hold the truth", share)
			}
		})
	}
}

// Over repeated experiments, about 95 % of the paired intervals hold the truth,
// however much the problems differ in how hard they are: that is in both.
func TestPairedBootstrapCovers(t *testing.T) {
	const rounds, problems = 250, 60
	random := rand.New(rand.NewPCG(3, 4))
	held := 0
	for range rounds {
		a, b := make([]float64, problems), make([]float64, problems)
		for i := range a {
			hardness := 5 * random.NormFloat64()
			a[i], b[i] = hardness+0.1+0.1*random.NormFloat64(), hardness+0.1*random.NormFloat64()
		}
		got := PairedBootstrap(a, b, BootstrapSeed)
		if got.Low <= 0.1 && 0.1 <= got.High {
			held++
		}
		if got.High-got.Low > 0.2 {
			t.Fatalf("the problems' hardness is in %+v", got)
		}
	}
	if share := float64(held) / rounds; share < 0.91 || share > 0.98 {
		t.Errorf("%v of the intervals hold the truth", share)
	}
}

// Counting every choice of k samples out of n gives the estimate exactly.
func TestPassAtKAgainstCounting(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for c := 0; c <= n; c++ {
			for k := 1; k <= n; k++ {
				if got, want := PassAtK(n, c, k), countPassAtK(n, c, k); !near(got, want, 1e-12) {
					t.Errorf("PassAtK(%d, %d, %d) = %v, want %v", n, c, k, got, want)
				}
			}
		}
	}
}

func countPassAtK(n, c, k int) float64 {
	var chosen, passed float64
	for set := range 1 << n {
		size, right := 0, false
		for i := range n {
			if set>>i&1 == 1 {
				size++
				right = right || i < c
			}
		}
		if size != k {
			continue
		}
		chosen++
		if right {
			passed++
		}
	}
	return passed / chosen
}

func TestPassAtKOutOfRange(t *testing.T) {
	for _, bad := range [][3]int{{4, 2, 0}, {4, 2, 5}, {4, -1, 2}, {4, 5, 2}, {0, 0, 1}} {
		if got := PassAtK(bad[0], bad[1], bad[2]); !math.IsNaN(got) {
			t.Errorf("PassAtK(%v) = %v, want NaN", bad, got)
		}
	}
	if got := PassAtK(100000, 1, 50000); !near(got, 0.5, 1e-9) {
		t.Errorf("large numbers: got %v, want 0.5", got)
	}
}

func TestMajorityAtK(t *testing.T) {
	tests := []struct {
		name    string
		answers []string
		correct []bool
		k       int
		want    bool
	}{
		{"most frequent", []string{"a", "b", "b"}, []bool{false, true, true}, 3, true},
		{"only the first k", []string{"a", "b", "b"}, []bool{false, true, true}, 1, false},
		{"tie: first seen", []string{"a", "b", "b", "a"}, []bool{true, false, false, true}, 4, true},
		{"empty never wins", []string{"", "", "", "b"}, []bool{false, false, false, true}, 4, true},
		{"all empty", []string{"", ""}, []bool{false, false}, 2, false},
		{"k beyond the answers", []string{"a"}, []bool{true}, 9, true},
		{"no answers", nil, nil, 4, false},
		{"k of 0", []string{"a"}, []bool{true}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := MajorityAtK(test.answers, test.correct, test.k); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPairedBootstrap(t *testing.T) {
	var a, b []float64
	for i := range 400 { // better on 60, worse on 20 of 400
		ours, theirs := float64(i%2), float64(i%2)
		switch {
		case i < 60:
			ours, theirs = 1, 0
		case i < 80:
			ours, theirs = 0, 1
		}
		a, b = append(a, ours), append(b, theirs)
	}
	got := PairedBootstrap(a, b, 7)
	var differences []float64
	for i := range a {
		differences = append(differences, a[i]-b[i])
	}
	student := MeanInterval(differences)
	if math.Abs(got.Mean-0.1) > 1e-12 || got.N != 400 {
		t.Errorf("got %+v, want a mean of 0.1 over 400", got)
	}
	// So many problems, and both intervals are nearly the same.
	if math.Abs(got.Low-student.Low) > 0.005 || math.Abs(got.High-student.High) > 0.005 {
		t.Errorf("bootstrap %+v, Student %+v", got, student)
	}
	if again := PairedBootstrap(a, b, 7); again != got {
		t.Errorf("the same numbers again: %+v, before %+v", again, got)
	}
	if turned := PairedBootstrap(b, a, 7); turned.Mean != -got.Mean || math.Abs(turned.Low+got.High) > 0.003 {
		t.Errorf("the other way round: %+v", turned)
	}
	if same := PairedBootstrap(a, a, 7); same != (Interval{N: 400}) {
		t.Errorf("against itself: %+v", same)
	}
	for _, none := range [][]float64{nil, a[:3]} {
		if got := PairedBootstrap(a, none, 7); got != (Interval{}) {
			t.Errorf("without pairs: %+v", got)
		}
	}
}

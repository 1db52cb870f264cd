package library

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"t1"
)

// sentence is n different words, from a number on.
func sentence(from, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", from+i)
	}
	return strings.Join(words, " ")
}

func TestFind(t *testing.T) {
	var b Benchmarks
	if _, ok := b.Find(sentence(0, 20)); ok {
		t.Error("found something in no benchmark")
	}
	b.Add("long", []t1.Problem{{ID: "l0", Prompt: sentence(0, 20)}, {ID: "l1", Prompt: sentence(100, 13)}})
	b.Add("short", []t1.Problem{{ID: "s0", Prompt: "What is 2 + 3?"}, {ID: "s1", Prompt: "?"}})
	for _, test := range []struct {
		name, question string
		want           Overlap
	}{
		{"equal", "W0, " + sentence(1, 19) + "!", Overlap{}}, // "!" stays: a run is shared
		{"a run in the middle", "x " + sentence(4, 13) + " y", Overlap{"long", "l0", sentence(4, 13)}},
		{"the last run", "x y z " + sentence(7, 13), Overlap{"long", "l0", sentence(7, 13)}},
		{"a run that is a whole question", "before " + sentence(100, 13) + " after", Overlap{"long", "l1", sentence(100, 13)}},
		{"one word too few", "x " + sentence(4, 12) + " y", Overlap{}},
		{"interrupted", sentence(0, 7) + " x " + sentence(7, 13-7), Overlap{}},
		{"short and equal", "what is  2 + 3", Overlap{Benchmark: "short", Problem: "s0"}},
		{"short and other", "what is  2 - 3", Overlap{}},
		{"nothing left", "...", Overlap{}},
	} {
		got, ok := b.Find(test.question)
		if test.name == "equal" {
			test.want = Overlap{"long", "l0", sentence(0, 13)}
		}
		if got != test.want || ok != (test.want != Overlap{}) {
			t.Errorf("%s: got %+v, %v, want %+v", test.name, got, ok, test.want)
		}
	}
}

// The rolling hash finds exactly what looking at every pair of runs finds.
func FuzzFind(f *testing.F) {
	f.Add("a b c d e f g h i j k l m n", "z a b c d e f g h i j k l m")
	f.Add("1 1 1 1 1 1 1 1 1 1 1 1 1 1", "1 1 1 1 1 1 1 1 1 1 1 1 2 1 1 1")
	f.Add("漢字漢字漢字漢字漢字漢字漢", "字漢字漢字漢字漢字漢字漢字漢")
	f.Fuzz(func(t *testing.T, benchmark, question string) {
		var b Benchmarks
		b.Add("b", []t1.Problem{{ID: "0", Prompt: benchmark}})
		got, ok := b.Find(question)
		if want := sharesSlowly(benchmark, question); ok != want {
			t.Errorf("%q and %q: %+v, %v, want %v", benchmark, question, got, ok, want)
		}
	})
}

func sharesSlowly(a, b string) bool {
	if Fold(a) == Fold(b) && Fold(a) != "" {
		return true
	}
	x, y := words(tokens(a)), words(tokens(b))
	for i := 0; i+RunWords <= len(x); i++ {
		for j := 0; j+RunWords <= len(y); j++ {
			if slices.Equal(x[i:i+RunWords], y[j:j+RunWords]) {
				return true
			}
		}
	}
	return false
}

// Few different words make many near misses.
func TestFindAgainstSlow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() string {
		words := make([]string, 14+random.IntN(20))
		for i := range words {
			words[i] = string(rune('a' + random.IntN(2)))
		}
		return strings.Join(words, " ")
	}
	found := 0
	for range 3000 {
		benchmark, question := draw(), draw()
		var b Benchmarks
		b.Add("b", []t1.Problem{{Prompt: benchmark}})
		_, ok := b.Find(question)
		if ok != sharesSlowly(benchmark, question) {
			t.Fatalf("%q and %q: found is %v", benchmark, question, ok)
		}
		if ok {
			found++
		}
	}
	if found == 0 || found == 3000 {
		t.Errorf("%d of 3000 overlap: this shows nothing", found)
	}
}

func BenchmarkFind(b *testing.B) {
	var benchmarks Benchmarks
	benchmarks.Add("test", testProblems(b, "gsm8k-test-20.jsonl"))
	questions := testProblems(b, "gsm8k-train-20.jsonl")
	for i := 0; b.Loop(); i++ {
		benchmarks.Find(questions[i%len(questions)].Prompt)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

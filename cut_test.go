package t1

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCutAt(t *testing.T) {
	tests := []struct{ length, i, of, want int }{
		{0, 5, 10, 0},
		{100, 0, 10, 0},
		{100, 10, 10, 100},
		{7, 3, 10, 2},  // 2.1
		{7, 5, 10, 4},  // 3.5, away from zero
		{5, 1, 10, 1},  // 0.5, away from zero: Python's round says 0
		{5, 3, 10, 2},  // 1.5
		{25, 1, 10, 3}, // 2.5: Python's round says 2
		{24, 1, 10, 2}, // 2.4
		{10, 1, 3, 3},  // 3.33
		{11, 1, 1, 11},
	}
	for _, test := range tests {
		if got := CutAt(test.length, test.i, test.of); got != test.want {
			t.Errorf("CutAt(%d, %d, %d) = %d, want %d", test.length, test.i, test.of, got, test.want)
		}
	}
}

func TestCutAtRoundsAndRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(0, 20000).Draw(t, "length")
		of := rapid.IntRange(1, 20).Draw(t, "of")
		before := 0
		for i := 0; i <= of; i++ {
			got := CutAt(length, i, of)
			// Whole products divided once: exact where the half is.
			if want := int(math.Round(float64(i*length) / float64(of))); got != want {
				t.Fatalf("%d/%d of %d: got %d, want %d", i, of, length, got, want)
			}
			if got < before {
				t.Fatalf("%d/%d of %d keeps %d, less than the cut before it", i, of, length, got)
			}
			before = got
		}
		if before != length {
			t.Fatalf("the whole keeps %d of %d", before, length)
		}
	})
}

func TestCueAt(t *testing.T) {
	for _, c := range []struct {
		text, cue string
		want      int
	}{
		{`so $\boxed{5}$, or \boxed{6}`, `\boxed{`, 4},
		{`\boxed{5}`, `\boxed{`, 0},
		{`so \boxed`, `\boxed{`, -1},
		{"", "answer", -1},
		{"3 + 4", "", -1},
	} {
		if got := CueAt(c.text, c.cue); got != c.want {
			t.Errorf("%q in %q: got %d, want %d", c.cue, c.text, got, c.want)
		}
	}
}

func TestSpelled(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "é": 2, "ab\uFFFD": 2, "ab\uFFFD\uFFFD": 2, "\uFFFDb": 4} {
		if got := Spelled(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestWithoutEnd(t *testing.T) {
	tests := []struct {
		tokens []int32
		finish string
		want   []int32
	}{
		{[]int32{1, 2, 9}, FinishStop, []int32{1, 2}},
		{[]int32{1, 2, 9}, FinishLength, []int32{1, 2, 9}},
		{nil, FinishStop, nil},
	}
	for _, test := range tests {
		if got := WithoutEnd(test.tokens, test.finish); !slices.Equal(got, test.want) {
			t.Errorf("%v, %q: got %v, want %v", test.tokens, test.finish, got, test.want)
		}
	}
}

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

func TestThinkingLength(t *testing.T) {
	tests := []struct {
		name        string
		tokens, cue []int32
		want        int
	}{
		{"in the middle", []int32{1, 2, 3, 4}, []int32{3}, 2},
		{"at the start", []int32{3, 4}, []int32{3}, 0},
		{"the first of two", []int32{1, 3, 2, 3, 4}, []int32{3}, 1},
		{"two tokens", []int32{1, 3, 1, 3, 4}, []int32{3, 4}, 3},
		{"only half of it, at the end", []int32{1, 2, 3}, []int32{3, 4}, 3},
		{"absent", []int32{1, 2}, []int32{3}, 2},
		{"longer than the response", []int32{1}, []int32{1, 2}, 1},
		{"no tokens", nil, []int32{1}, 0},
		{"no cue", []int32{1, 2}, nil, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ThinkingLength(test.tokens, test.cue); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
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

package t1

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var allPenalties = DefaultSpec().RL.Penalties

const cleanLaTeX = `We want $\sum_{i=1}^{n} \alpha_i^2 \le \frac{\pi}{2}$. Let $\mathbb{R} \ni x \mapsto e^{-x}$, so
	∀ε>0 ∃δ: |x−y|<δ ⇒ |f(x)−f(y)|<ε; ℝ, ℕ, ℵ₀, 𝑥 ∈ 𝔽, µ, Ω, ∫₀^∞, √2, ½, é, ß, Ł. \boxed{\dfrac{3}{4}} ✓ 😀`

func TestPenalties(t *testing.T) {
	unit := "the quick brown fox jumps over the lazy dog and then it turns round to look back at us. " // 88 characters
	tests := []struct {
		name, prompt, response, finish string
		meanNLL                        float64
		want                           []string
	}{
		{name: "clean LaTeX", prompt: "Find x.", response: cleanLaTeX},
		{name: "empty"},
		{name: "no tokens", meanNLL: math.NaN()},
		{name: "repeated often enough", response: strings.Repeat(unit, 20), want: []string{PenaltyRepetition}},
		{name: "repeated once too few", response: strings.Repeat(unit, 19) + unit[:79]},
		{name: "overlapping windows count", response: strings.Repeat("a", 99), want: []string{PenaltyRepetition}},
		{name: "one overlap too few", response: strings.Repeat("a", 98)},
		{name: "window in characters, not bytes", response: strings.Repeat("é", 98)},
		{name: "length limit", response: "so", finish: FinishLength, want: []string{PenaltyOverLength}},
		{name: "stopped", response: "so", finish: FinishStop},
		{name: "Han", response: "so 我们 get 4", want: []string{PenaltyForeignScript}},
		{name: "Hiragana", response: "それ", want: []string{PenaltyForeignScript}},
		{name: "Katakana", response: "カ", want: []string{PenaltyForeignScript}},
		{name: "Hangul", response: "답", want: []string{PenaltyForeignScript}},
		{name: "Cyrillic look-alike", response: "аnswer", want: []string{PenaltyForeignScript}},
		{name: "Arabic", response: "جواب", want: []string{PenaltyForeignScript}},
		{name: "Hebrew", response: "א", want: []string{PenaltyForeignScript}},
		{name: "Thai", response: "คำ", want: []string{PenaltyForeignScript}},
		{name: "Devanagari", response: "उत्तर", want: []string{PenaltyForeignScript}},
		{name: "the prompt's own script", prompt: "求 x", response: "我们 get 4"},
		{name: "another script than the prompt's", prompt: "求 x", response: "我们 ответ", want: []string{PenaltyForeignScript}},
		{name: "prompt without Latin", prompt: "Найдите", response: "so Ответ 4"},
		{name: "replacement character", response: "so \uFFFD", want: []string{PenaltyForeignScript}},
		{name: "no UTF-8", response: "so \xff", want: []string{PenaltyForeignScript}},
		{name: "control character", response: "so \x00", want: []string{PenaltyForeignScript}},
		{name: "line breaks and tabs", response: "so\r\n\tthen"},
		{name: "at the nonsense limit", response: "so", meanNLL: 1},
		{name: "nonsense", response: "so", meanNLL: 1.001, want: []string{PenaltyNonsense}},
		{name: "infinite", response: "so", meanNLL: math.Inf(1), want: []string{PenaltyNonsense}},
		{
			name: "everything at once", response: strings.Repeat("я", 200), finish: FinishLength, meanNLL: 9,
			want: PenaltyReasons(),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Penalties(test.prompt, test.response, test.finish, test.meanNLL, allPenalties)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if off := Penalties(test.prompt, test.response, test.finish, test.meanNLL, PenaltiesSpec{}); off != nil {
				t.Errorf("switched off, got %q", off)
			}
		})
	}
}

func TestRewardOf(t *testing.T) {
	tests := []struct {
		correct   bool
		penalties []string
		want      float64
	}{
		{true, nil, 1},
		{false, nil, 0},
		{true, []string{PenaltyNonsense}, -1},
		{false, PenaltyReasons(), -1},
	}
	for _, test := range tests {
		if got := RewardOf(test.correct, test.penalties); got != test.want {
			t.Errorf("correct %v, penalties %q: got %v, want %v", test.correct, test.penalties, got, test.want)
		}
	}
}

// The rolling hash must say exactly what counting the windows one by one says.
func TestRepeatsAgainstCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab é我")), 0, 60, -1).Draw(t, "text")
		window := rapid.IntRange(1, 6).Draw(t, "window")
		count := rapid.IntRange(2, 6).Draw(t, "count")
		runes, seen, want := []rune(text), map[string]int{}, false
		for i := 0; i+window <= len(runes); i++ {
			key := string(runes[i : i+window])
			seen[key]++
			want = want || seen[key] >= count
		}
		if got := repeats(text, window, count); got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// Half a megabyte of the worst kinds of garbage is judged at once.
func TestPenaltiesAreQuick(t *testing.T) {
	var letters strings.Builder // every letter of the basic plane, in the prompt too
	for r := rune(0x80); r < 0xD800; r++ {
		letters.WriteRune(r)
	}
	var different strings.Builder // no window comes back
	for i := range 40000 {
		fmt.Fprintf(&different, "%d ", i)
	}
	texts := []string{
		strings.Repeat(letters.String(), 4), different.String(),
		strings.Repeat("\xff", 200_000), strings.Repeat("ab", 9) + strings.Repeat("\x00", 200_000),
	}
	for i, text := range texts {
		start := time.Now()
		spec := PenaltiesSpec{RepetitionWindow: 80, RepetitionCount: 1 << 30, ForeignScript: true}
		Penalties(text, text, FinishStop, 0, spec)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("text %d of %d bytes took %v", i, len(text), took)
		}
	}
}

func FuzzPenalties(f *testing.F) {
	f.Add("Find x.", cleanLaTeX)
	f.Add("求 x", "我们\xff\x00")
	f.Add("", strings.Repeat("ab", 200))
	f.Fuzz(func(t *testing.T, prompt, response string) {
		got := Penalties(prompt, response, FinishLength, 2, allPenalties)
		if !slices.Contains(got, PenaltyOverLength) || !slices.Contains(got, PenaltyNonsense) {
			t.Errorf("got %q without what does not depend on the text", got)
		}
		if !utf8.ValidString(response) && !slices.Contains(got, PenaltyForeignScript) {
			t.Errorf("got %q for bytes that are no UTF-8", got)
		}
		echoed := Penalties(response, response, FinishStop, 0, PenaltiesSpec{ForeignScript: true})
		if echoed != nil && !garbled(response) {
			t.Errorf("a response in the prompt's own letters got %q", echoed)
		}
	})
}

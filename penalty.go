package t1

import (
	"math/bits"
	"unicode"
)

// Reasons for a penalty, as [Penalties] gives them, a [Score] keeps them and
// the metrics name them.
const (
	PenaltyRepetition    = "repetition"     // some window of text comes back too often
	PenaltyOverLength    = "over_length"    // no end of sequence at the length limit
	PenaltyForeignScript = "foreign_script" // another script than the prompt's, or garbled characters
	PenaltyNonsense      = "nonsense"       // tokens the policy itself finds unlikely
)

// PenaltyReasons lists every reason, in the order [Penalties] reports them.
func PenaltyReasons() []string {
	return []string{PenaltyRepetition, PenaltyOverLength, PenaltyForeignScript, PenaltyNonsense}
}

// Penalties gives the reasons for which a response is penalised (P 2.2.3), in
// the order of [PenaltyReasons], or nil. Finish is the rollout's; meanNLL is the
// response's mean negative log-probability at temperature 1, nats a token. NaN,
// the mean over no tokens, does not fire. Time is linear in the texts.
func Penalties(prompt, response string, finish string, meanNLL float64, spec PenaltiesSpec) []string {
	var reasons []string
	if repeats(response, spec.RepetitionWindow, spec.RepetitionCount) {
		reasons = append(reasons, PenaltyRepetition)
	}
	if spec.OverLength && finish == FinishLength {
		reasons = append(reasons, PenaltyOverLength)
	}
	if spec.ForeignScript && (garbled(response) || mixesScripts(prompt, response)) {
		reasons = append(reasons, PenaltyForeignScript)
	}
	if spec.Nonsense > 0 && meanNLL > spec.Nonsense {
		reasons = append(reasons, PenaltyNonsense)
	}
	return reasons
}

// RewardOf is r': 1 for a right response, 0 for a wrong one, and -1 for any
// penalised one, even where it is right (P 2.2.3).
func RewardOf(correct bool, penalties []string) float64 {
	switch {
	case len(penalties) > 0:
		return -1
	case correct:
		return 1
	}
	return 0
}

// The rolling hash is a polynomial over the runes modulo a Mersenne prime: two
// of 200,000 different windows collide with a probability below 1e-7, and one
// collision alone makes no repetition. A fixed base, unlike hash/maphash, gives
// every process the same verdict.
const (
	hashModulus = 1<<61 - 1
	hashBase    = 0x1f3a5c7e9b2d4f61 % hashModulus
)

// repeats reports whether some window of so many characters occurs at least
// count times; overlapping occurrences count. The default, 80 and 20, is C. A
// window of 0 switches the detector off.
func repeats(text string, window, count int) bool {
	runes := []rune(text)
	if window <= 0 || len(runes) < window {
		return false
	}
	leaving := uint64(1) // hashBase^window: what a rune weighs when it leaves
	for range window {
		leaving = mulMod(leaving, hashBase)
	}
	seen := make(map[uint64]int, len(runes)-window+1)
	var hash uint64
	for i, r := range runes {
		hash = (mulMod(hash, hashBase) + uint64(r)) % hashModulus
		if i >= window {
			hash = (hash + hashModulus - mulMod(leaving, uint64(runes[i-window]))) % hashModulus
		}
		if i < window-1 {
			continue
		}
		if seen[hash]++; seen[hash] >= count {
			return true
		}
	}
	return false
}

// mulMod is a*b modulo hashModulus, for factors below it.
func mulMod(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return (low&hashModulus + (low>>61 | high<<3)) % hashModulus
}

// garbled reports a replacement character, bytes that are no UTF-8, or a control
// character that no text needs (D). The prompt does not excuse them.
func garbled(text string) bool {
	for _, r := range text {
		if r == unicode.ReplacementChar {
			return true
		}
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return true
		}
	}
	return false
}

// neutral are the scripts in which mathematics is written. Common holds digits,
// punctuation, operators and letters such as U+211D and U+1D465.
var neutral = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Common, unicode.Inherited}

// mixesScripts reports a letter of a script that is neither neutral nor used by
// the prompt (D; the authors' code looks for CJK only, C).
func mixesScripts(prompt, response string) bool {
	allowed := scriptsOf(prompt)
	for _, r := range response {
		if r >= 0x80 && unicode.IsLetter(r) && !unicode.In(r, allowed...) {
			return true
		}
	}
	return false
}

// scriptsOf gives the neutral scripts and those of the text's letters. Each
// script is looked up once, so a long text costs no more than a short one.
func scriptsOf(text string) []*unicode.RangeTable {
	scripts := neutral[:len(neutral):len(neutral)]
	for _, r := range text {
		if r < 0x80 || !unicode.IsLetter(r) || unicode.In(r, scripts...) {
			continue
		}
		for _, table := range unicode.Scripts {
			if unicode.Is(table, r) {
				scripts = append(scripts, table)
				break
			}
		}
	}
	return scripts
}

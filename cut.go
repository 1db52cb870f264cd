package t1

import "strings"

// CutAt gives how many of length tokens the cut at i/of keeps:
// round(i*length/of), halves away from zero, in whole numbers so that no
// platform rounds otherwise. Length and i are at least 0, of is at least 1.
func CutAt(length, i, of int) int {
	return (2*i*length + of) / (2 * of)
}

// WithoutEnd is a rollout's tokens less the end of sequence that a response
// finished with [FinishStop] ends in. It shares the array.
func WithoutEnd(tokens []int32, finish string) []int32 {
	if finish == FinishStop && len(tokens) > 0 {
		return tokens[:len(tokens)-1]
	}
	return tokens
}

// CueAt gives where in a text, in bytes, the answer cue first occurs; -1 where
// it does not, as an empty one never does. It is the first and not the last, so
// that no cut of the thinking shows an answer.
func CueAt(text, cue string) int {
	if cue == "" {
		return -1
	}
	return strings.Index(text, cue)
}

// Spelled is how many bytes of a text its first tokens spell, given those
// tokens decoded: a character of which they have only some bytes decodes to
// replacement characters, and is not spelled yet. It never falls as tokens are added.
func Spelled(decoded string) int { return len(strings.TrimRight(decoded, "\uFFFD")) }

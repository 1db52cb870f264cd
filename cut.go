package t1

import "slices"

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

// ThinkingLength gives how many tokens stand before the first occurrence of the
// answer cue, and all of them where there is no cue. It is the first and not the
// last, so that no cut of the thinking shows an answer. Pass tokens through
// [WithoutEnd] first, or an end of sequence counts as thinking. An empty cue
// occurs nowhere.
func ThinkingLength(tokens, cue []int32) int {
	if len(cue) == 0 {
		return len(tokens)
	}
	for i := 0; i+len(cue) <= len(tokens); i++ {
		if slices.Equal(tokens[i:i+len(cue)], cue) {
			return i
		}
	}
	return len(tokens)
}

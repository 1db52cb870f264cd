package number

import (
	"math/big"
	"regexp"
	"strings"

	"t1/tasks/boxed"
)

var cue = regexp.MustCompile(`(?i)answer(?:\s+is\b|\s*:)`)

// final is the number that a response ends in; the package comment says where
// it is looked for.
func final(response string) (value *big.Rat, found bool) {
	// What a box or #### holds is an answer: "=" has a minus before it be a sign,
	// not a bullet.
	if content, ok := boxed.Last(response); ok {
		return first("=" + content)
	}
	if at := strings.LastIndex(response, "####"); at >= 0 {
		return first("=" + response[at+len("####"):])
	}
	if cues := cue.FindAllStringIndex(response, -1); cues != nil {
		if after := response[cues[len(cues)-1][1]:]; len(scan(plain(after))) > 0 {
			return first(after)
		}
	}
	return last(response)
}

// first is the first number of a text, or what its calculation comes to.
func first(text string) (value *big.Rat, found bool) {
	text = plain(text)
	numbers := scan(text)
	if len(numbers) == 0 {
		return nil, false
	}
	if !numbers[0].operand(text) {
		return numbers[0].value, true
	}
	line, _, _ := strings.Cut(text[numbers[0].end:], "\n")
	equals := strings.LastIndexByte(line, '=')
	if equals < 0 {
		return nil, false
	}
	result := line[equals:]
	numbers = scan(result)
	if len(numbers) == 0 || numbers[0].operand(result) {
		return nil, false
	}
	return numbers[0].value, true
}

// last is the last number of a text, unless it is part of a calculation.
func last(text string) (value *big.Rat, found bool) {
	text = plain(text)
	numbers := scan(text)
	if len(numbers) == 0 || numbers[len(numbers)-1].operand(text) {
		return nil, false
	}
	return numbers[len(numbers)-1].value, true
}

var (
	mixed     = regexp.MustCompile(`(\d)\s*(\\[dt]?frac)`)
	fraction  = regexp.MustCompile(`\\[dt]?frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}`)
	shortFrac = regexp.MustCompile(`\\[dt]?frac\s*(\d)\s*(\d)`)
	signs     = strings.NewReplacer("\u2212", "-", "\u2013", "-", "\uff0d", "-", `\$`, "$", `\%`, "%", `^\circ`, "°", `^{\circ}`, "°")
)

// plain writes LaTeX fractions as a/b, and the signs for minus and what LaTeX
// escapes as one character.
func plain(text string) string {
	text = signs.Replace(text)
	if !strings.Contains(text, "frac") {
		return text
	}
	text = mixed.ReplaceAllString(text, "$1 $2")
	return shortFrac.ReplaceAllString(fraction.ReplaceAllString(text, "$1/$2"), "$1/$2")
}

package number

import (
	"math/big"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest bounds a number's text, bytes: arithmetic on what a response holds
// must not take long. A longer one is no number.
const longest = 1000

// number is one that stands in a text.
type number struct {
	start, end int // its digits, without a sign or currency before them
	value      *big.Rat
}

const separator = `(?:,\\!|\{,\}|\\,|[,\x{a0}\x{2009}\x{202f}])`

var (
	digits     = regexp.MustCompile(`\d+(?:` + separator + `\d+)*(?:\.\d+)?|\.\d+`)
	thousands  = regexp.MustCompile(`^[1-9]\d{0,2}(?:` + separator + `\d{3})+(?:\.\d+)?$`)
	single     = regexp.MustCompile(`\d+(?:\.\d+)?|\.\d+`)
	separators = regexp.MustCompile(separator)
)

// scan lists a text's numbers, in order. Indices and powers are none, such as
// those of x_1, x2 and 10^3, nor is what they are of.
func scan(text string) []number {
	var numbers []number
	for _, at := range digits.FindAllStringIndex(text, -1) {
		if thousands.MatchString(text[at[0]:at[1]]) {
			numbers = appendNumber(numbers, text, at[0], at[1])
			continue
		}
		for _, part := range single.FindAllStringIndex(text[at[0]:at[1]], -1) { // a list
			numbers = appendNumber(numbers, text, at[0]+part[0], at[0]+part[1])
		}
	}
	return join(text, numbers)
}

var power = regexp.MustCompile(`^(?: *\^|[eE][-+]?\d)`)

// appendNumber adds the number whose digits are given, if it is one.
func appendNumber(numbers []number, text string, start, end int) []number {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	if text[start] == '.' && unicode.IsLetter(before) { // "Rs.500"
		start++
	} else if unicode.IsLetter(before) || strings.ContainsRune("_^", before) || before == '{' && strings.HasSuffix(strings.TrimRight(text[:start-1], " "), "^") {
		return numbers
	}
	if end-start > longest || power.MatchString(text[end:min(len(text), end+longest)]) {
		return numbers
	}
	value, ok := new(big.Rat).SetString(separators.ReplaceAllString(text[start:end], ""))
	if !ok {
		return numbers
	}
	if negative(text[:start]) {
		value.Neg(value)
	}
	return append(numbers, number{start, end, value})
}

var currency = regexp.MustCompile(`[$£€¥₹]\s?$`)

// negative reports whether the text before a number's digits ends in its sign.
// A minus after a number or a bracket subtracts, one within a word is a hyphen,
// and one before a space is a bullet or a dash unless it follows an equals sign.
func negative(before string) bool {
	if sign := currency.FindStringIndex(before[max(0, len(before)-8):]); sign != nil {
		before = before[:max(0, len(before)-8)+sign[0]]
	}
	left, minus := strings.CutSuffix(strings.TrimRight(before, " "), "-")
	if !minus {
		return false
	}
	bare := strings.TrimRight(left, " ")
	previous, _ := utf8.DecodeLastRuneInString(bare)
	if before[len(before)-1] == ' ' {
		return strings.ContainsRune("=({", previous)
	}
	if unicode.IsDigit(previous) || strings.ContainsRune(")%}]", previous) {
		return false
	}
	return len(bare) < len(left) || !unicode.IsLetter(previous) && previous != '-'
}

// join makes one number of a numerator and a denominator, and of a whole number
// and the proper fraction after it. Chains, such as dates, stay apart.
func join(text string, numbers []number) []number {
	var joined []number
	for i := 0; i < len(numbers); i++ {
		n := numbers[i]
		if slashed(text, numbers, i) && !slashed(text, numbers, i+1) && !slashed(text, numbers, i-1) && numbers[i+1].value.Sign() > 0 {
			i++
			n.end = numbers[i].end
			n.value = new(big.Rat).Quo(n.value, numbers[i].value)
			joined = withWhole(text, joined, n)
			continue
		}
		joined = append(joined, n)
	}
	return joined
}

// slashed reports whether a slash alone stands between a number and the next.
func slashed(text string, numbers []number, i int) bool {
	return i >= 0 && i+1 < len(numbers) && strings.TrimSpace(text[numbers[i].end:numbers[i+1].start]) == "/"
}

// withWhole appends a fraction, or adds it to the whole number it belongs to.
func withWhole(text string, numbers []number, fraction number) []number {
	if len(numbers) > 0 && fraction.value.Sign() > 0 && fraction.value.Cmp(big.NewRat(1, 1)) < 0 {
		whole := &numbers[len(numbers)-1]
		if text[whole.end:fraction.start] == " " && whole.value.IsInt() {
			part := fraction.value
			if negative(text[:whole.start]) {
				part = new(big.Rat).Neg(part)
			}
			whole.value, whole.end = new(big.Rat).Add(whole.value, part), fraction.end
			return numbers
		}
	}
	return append(numbers, fraction)
}

var (
	operatorAfter  = regexp.MustCompile(`^[ \t]*(?:[-+*/×·÷]|\\times|\\cdot|\\div)[ \t]*[\d(]`)
	operatorBefore = regexp.MustCompile(`[\d)][ \t]*(?:[-+*/×·÷]|\\times|\\cdot|\\div)[ \t]*$`)
)

// operand reports whether a number is part of a calculation.
func (n number) operand(text string) bool {
	const near = 16 // bytes; a wider gap is no calculation
	after, before := text[n.end:min(len(text), n.end+near)], text[max(0, n.start-near):n.start]
	return operatorAfter.MatchString(after) || operatorBefore.MatchString(before)
}

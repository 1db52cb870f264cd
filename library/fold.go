package library

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the form in which two questions are compared: compatibility
// characters and letter case are made one (NFKC, lower case), and white space
// and the marks of prose become single spaces. What changes the meaning of
// mathematics stays: operators, brackets, decimal points, primes before an
// opening parenthesis. So 2+3 and 2-3 differ; a duplicate that is missed costs
// less than a problem that is lost. Folding twice changes nothing.
func Fold(text string) string { return strings.Join(tokens(text), " ") }

// words are the tokens that are words or numbers; marks are left out.
func words(tokens []string) []string {
	kept := make([]string, 0, len(tokens))
	for _, token := range tokens {
		if first, _ := utf8.DecodeRuneInString(token); isWord(first) {
			kept = append(kept, token)
		}
	}
	return kept
}

// tokens splits a folded text. A token is a word or number, one character of a
// script without spaces, or one mark that stays.
func tokens(text string) []string {
	text = canonical(text)
	found := make([]string, 0, len(text)/5+1)
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case unspaced(r):
			found = append(found, text[:size])
		case isWord(r):
			size = wordEnd(text)
			found = append(found, text[:size])
		default:
			if mark := keptMark(r, text[size:]); mark != "" {
				found = append(found, mark)
			}
		}
		text = text[size:]
	}
	return found
}

// canonical normalises again after lower-casing, which may leave a letter and
// its accent apart.
func canonical(text string) string {
	return norm.NFKC.String(strings.ToLower(norm.NFKC.String(text)))
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// unspaced is true for scripts that write no spaces between words.
func unspaced(r rune) bool {
	return r > 0x2e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// wordEnd is where the word that a text begins with ends; a point between two
// digits is inside.
func wordEnd(text string) int {
	before := rune(0)
	for i, r := range text {
		point := r == '.' && unicode.IsDigit(before) && startsWithDigit(text[i+1:])
		if !point && (!isWord(r) || unspaced(r)) {
			return i
		}
		before = r
	}
	return len(text)
}

func startsWithDigit(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsDigit(r)
}

// keptMark is a mark that is followed by rest, dashes and signs of minus being
// one; empty for what is folded away.
func keptMark(r rune, rest string) string {
	switch {
	case r == ' ' || r == '\n' || r == ',' || r == '.': // most of them
		return ""
	case r == '\'' || r == '’' || r == '′':
		if strings.HasPrefix(strings.TrimLeftFunc(rest, unicode.IsSpace), "(") {
			return "'"
		}
	case r == '−' || unicode.Is(unicode.Pd, r):
		return "-"
	case strings.ContainsRune("^*/%!·", r), unicode.In(r, unicode.Sm, unicode.So, unicode.Ps, unicode.Pe):
		return string(r)
	}
	return ""
}

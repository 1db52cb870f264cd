package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is how many characters of one response a page shows.
const longest = 40_000

// visible makes text that a model wrote safe to read: characters that move or
// hide others are shown by name. Escaping for HTML is the template's work.
func visible(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r) // its picture
		case r == 0x7f || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r):
			b.WriteString("⟨" + codePoint(r) + "⟩")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func codePoint(r rune) string {
	const digits = "0123456789ABCDEF"
	var b []byte
	for shift := 20; shift >= 0; shift -= 4 {
		if d := r >> shift & 15; d > 0 || len(b) > 0 || shift < 16 {
			b = append(b, digits[d])
		}
	}
	return "U+" + string(b)
}

// parts splits a response at the first occurrence of the cue, as the cuts of an
// evaluation do. Without the cue all of it is thinking.
func parts(text, cue string) (thinking, answer string) {
	if cue == "" {
		return text, ""
	}
	for at := 0; ; {
		next := strings.Index(text[at:], cue)
		if next < 0 {
			return text, ""
		}
		at += next
		if wholeWord(text, at, at+len(cue)) {
			return text[:at], text[at:]
		}
		at += len(cue)
	}
}

// wholeWord reports whether no letter or digit of text[from:to] goes on outside.
func wholeWord(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	first, _ := utf8.DecodeRuneInString(text[from:])
	last, _ := utf8.DecodeLastRuneInString(text[:to])
	after, _ := utf8.DecodeRuneInString(text[to:])
	goesOn := inWord(before) && inWord(first) || inWord(last) && inWord(after)
	return !goesOn
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// attempt begins a new try of the countdown game.
var attempt = regexp.MustCompile(`\b(?:try|check)\b`)

// lines splits thinking into what is shown on lines of its own: the tries of the
// countdown game, which a model writes as one long line. Nothing is left out.
func lines(task, thinking string) []string {
	if task != "countdown" || strings.Contains(thinking, "\n") {
		return []string{thinking}
	}
	var out []string
	from := 0
	for _, at := range attempt.FindAllStringIndex(thinking, -1) {
		if at[0] > from {
			out = append(out, thinking[from:at[0]])
			from = at[0]
		}
	}
	return append(out, thinking[from:])
}

// middle leaves out what is too long for a page, and says how much.
func middle(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	half := most / 2
	left := len(runes) - 2*half
	return string(runes[:half]) + "\n\n[… " + count(left) + " characters left out …]\n\n" + string(runes[len(runes)-half:])
}

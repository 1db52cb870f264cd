package report

import (
	"strings"
	"unicode"
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
	at := -1
	if cue != "" {
		at = strings.Index(text, cue)
	}
	if at < 0 {
		return text, ""
	}
	return text[:at], text[at:]
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

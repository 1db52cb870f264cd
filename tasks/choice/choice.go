// Package choice grades answers to multiple-choice questions, as those of GPQA
// are: one letter from A to J.
//
// A response's letter is looked for in this order, and the last one counts:
//
//  1. in the last \boxed{}: \boxed{B}, \boxed{(b)}, \boxed{\text{B}}, \boxed{B) 5 m};
//  2. after "answer is" or "answer:", in whatever case: "Answer: B", "the answer
//     is **(B)**";
//  3. in brackets: "(B)";
//  4. a response that is nothing but the letter: "B", "B.".
//
// Outside a box a letter is a capital. "A" and "I" are words too, so after
// "answer is" they count only where no word goes on: "Answer is A." and "answer
// is A because ..." are answers, "Answer is A man" is none. Nor is a choice of
// several: "answer is A or B".
package choice

import (
	"regexp"
	"strings"

	"t1"
	"t1/tasks/boxed"
)

// Grade is a verdict on a response to a problem whose Answer is a letter, alone,
// in brackets or as in 1 to 4 above. The verdict's Answer is the letter, a
// capital. A response without a letter is wrong, and so is any where the
// problem's Answer has none.
func Grade(p t1.Problem, response string) t1.Grade {
	letter := find(response)
	return t1.Grade{Correct: letter != "" && letter == find(p.Answer), Answer: letter}
}

// find is the letter a response ends in, or empty.
func find(response string) string {
	if content, ok := boxed.Last(response); ok {
		return inBox(content)
	}
	if letter, ok := afterCue(response); ok {
		return letter
	}
	if all := bracketed.FindAllStringSubmatch(response, -1); all != nil {
		return all[len(all)-1][1]
	}
	if alone := alone.FindStringSubmatch(response); alone != nil {
		return alone[1]
	}
	return ""
}

var (
	bracketed = regexp.MustCompile(`\(([A-J])\)`)
	alone     = regexp.MustCompile(`^[\s*$]*([A-J])[\s*$.):]*$`)
	boxedText = regexp.MustCompile(`\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}`)
	inBoxForm = regexp.MustCompile(`^\s*\(?\s*([A-Ja-j])\s*(?:$|\)|[.:](?:\s|$))`)
	several   = regexp.MustCompile(`^[\s*$)]*(?:,|/|&|\bor\b|\band\b)[\s*$(]*(?:or\b|and\b)?[\s*$(]*[A-J]\b`)
)

// inBox is the letter of a box.
func inBox(content string) string {
	content = boxedText.ReplaceAllString(content, "$1")
	at := inBoxForm.FindStringSubmatchIndex(content)
	if at == nil || several.MatchString(content[at[3]:]) {
		return ""
	}
	return strings.ToUpper(content[at[2]:at[3]])
}

var (
	cue = regexp.MustCompile(`(?i:\banswer(?:\s+is\b\s*:?|\s*:))(?:[\s*$(]|\\boxed|\\text\{|(?i:option|choice)\b)*\b([A-J])\b`)
	// What may follow "A" and "I" for them not to be words.
	closed = regexp.MustCompile(`^(?:[)}*$]|\\\)|[.,;:!](?:\s|$|\*)|\s*$|\s*\n|\s+(?:because|since|as|due|given|based|which)\b)`)
	// A letter that is the beginning of something else: "B-cells", "C's", "D_2".
	continued = regexp.MustCompile(`^(?:[-'’_^][\pL\d]|[.]\d)`)
)

// afterCue is the letter after the last "answer is" that has one; ok is false
// where none has. A choice of several is found, and is no letter.
func afterCue(response string) (letter string, ok bool) {
	all := cue.FindAllStringSubmatchIndex(response, -1)
	for i := len(all) - 1; i >= 0; i-- {
		letter, rest := response[all[i][2]:all[i][3]], response[all[i][3]:]
		switch {
		case several.MatchString(rest):
			return "", true
		case continued.MatchString(rest), strings.Contains("AI", letter) && !closed.MatchString(rest):
			continue
		}
		return letter, true
	}
	return "", false
}

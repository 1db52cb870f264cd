// Package boxed finds the answer that a response puts into \boxed{}, as models
// are asked to.
package boxed

import "strings"

// marks open a box; \fbox is what some models write instead.
var marks = [...]string{`\boxed{`, `\fbox{`}

// Last is the content of the closed box that opens last, without white space
// around it. A box that is never closed, as a cut response leaves it, is none;
// ok is false where there is no box.
func Last(text string) (content string, ok bool) {
	var open []int // where each brace now open begins its content; negative for one that is no box
	last, end := -1, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if mark := markAt(text[i:]); mark > 0 {
				i += mark - 1
				open = append(open, i+1)
			} else if i+1 < len(text) && (text[i+1] == '{' || text[i+1] == '}') {
				i++ // a brace to read, not to group
			}
		case '{':
			open = append(open, -1)
		case '}':
			if len(open) == 0 {
				continue
			}
			if start := open[len(open)-1]; start > last {
				last, end = start, i
			}
			open = open[:len(open)-1]
		}
	}
	if last < 0 {
		return "", false
	}
	return strings.TrimSpace(text[last:end]), true
}

// markAt is the length of the mark that a text begins with, 0 where there is none.
func markAt(text string) int {
	for _, mark := range marks {
		if strings.HasPrefix(text, mark) {
			return len(mark)
		}
	}
	return 0
}

package t1

import "strings"

// AnswerPlace stands for a demonstration's answer in [DataSpec].Statement.
const AnswerPlace = "{answer}"

// statesBehindCue reports whether the statement has its answer right behind the
// cue, but for white space.
func (s DataSpec) statesBehindCue() bool {
	before, _, found := strings.Cut(s.Statement, AnswerPlace)
	return found && strings.HasSuffix(strings.TrimSpace(before), strings.TrimSpace(s.Cue))
}

// States reports whether a text states an answer: whether anything but white
// space stands behind the last cue in it.
func (s DataSpec) States(text string) bool {
	at := strings.LastIndex(text, s.Cue)
	return at >= 0 && strings.TrimSpace(text[at+len(s.Cue):]) != ""
}

// Stating gives a demonstration that states its answer: the text itself where
// it does or where there is no statement to add, else the text with the
// statement behind it, in place of a last line "#### answer" as GSM8K is
// published. That line's answer counts before the one given. ok is false where
// there is no answer to state.
func (s DataSpec) Stating(text, answer string) (stated string, ok bool) {
	if s.Statement == "" || s.States(text) {
		return text, true
	}
	text = strings.TrimSpace(text)
	if at := strings.LastIndex("\n"+text, "\n#### "); at >= 0 && !strings.Contains(text[at:], "\n") {
		text, answer = strings.TrimSpace(text[:at]), text[at+len("#### "):]
	}
	answer = strings.TrimSpace(answer)
	if answer == "" {
		return text, false
	}
	return text + strings.Replace(s.Statement, AnswerPlace, answer, 1), true
}

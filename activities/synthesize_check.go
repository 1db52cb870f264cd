package activities

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"t1"
	"t1/tasks/boxed"
	"t1/tasks/number"
)

// checkAttempts says whether attempts are worth going on with: empty where they
// are, else the reason why not.
func checkAttempts(c t1.SynthesisChecks, attempts []t1.SynthesisAttempt) string {
	right := slices.ContainsFunc(attempts, func(a t1.SynthesisAttempt) bool { return a.Correct })
	wrong := slices.ContainsFunc(attempts, func(a t1.SynthesisAttempt) bool { return !a.Correct })
	switch {
	case !right:
		return t1.RejectNoRightAttempt
	case !wrong && c.WrongAttempt != "none":
		return t1.RejectNoWrongAttempt
	}
	return ""
}

// answerLines is how many last lines that are not empty count as the end.
const answerLines = 3

// checkResponse gives every reason to reject a rewritten response, the gravest
// first; none where it is a demonstration.
func checkResponse(spec t1.SynthesisSpec, g t1.Grader, p t1.Problem, attempts []t1.SynthesisAttempt, response, finish string) []string {
	reasons := []string{}
	add := func(reason string, when bool) {
		if when {
			reasons = append(reasons, reason)
		}
	}
	c, last := spec.Checks, lastLines(response, answerLines)
	grade, end := g.Grade(p, response), g.Grade(p, last)
	stated := grade.Answer != "" && statesAnswer(response, spec.AnswerCue)
	length := utf8.RuneCountInString(response)
	add(t1.RejectTruncated, finish == t1.FinishLength)
	add(t1.RejectNoAnswer, !stated)
	add(t1.RejectWrongAnswer, stated && !grade.Correct)
	add(t1.RejectAnswerNotLast, stated && grade.Correct && (!end.Correct || !statesAnswer(last, spec.AnswerCue)))
	add(t1.RejectNoTrial, len(c.Trial) > 0 && !hasPhrase(response, c.Trial))
	add(t1.RejectWrongNotShown, c.WrongAttempt == "shown" && !showsWrong(response, attempts))
	add(t1.RejectNoVerification, len(c.Verification) > 0 && !hasPhrase(response, c.Verification))
	add(t1.RejectForbidden, hasPhrase(response, c.Forbidden))
	add(t1.RejectTooShort, length < c.MinChars)
	add(t1.RejectTooLong, c.MaxChars > 0 && length > c.MaxChars)
	return reasons
}

// statesAnswer reports whether a response says which of its words are the final
// answer: those behind the cue on its line, or in a box. A grader takes an
// answer without that too, but a demonstration is to show how to state one.
func statesAnswer(response, cue string) bool {
	if _, boxed := boxed.Last(response); boxed {
		return true
	}
	at := strings.LastIndex(response, cue)
	if at < 0 {
		return false
	}
	line, _, _ := strings.Cut(strings.TrimLeft(response[at+len(cue):], " \t*"), "\n")
	return strings.TrimSpace(line) != ""
}

func lastLines(text string, n int) string {
	var last []string
	lines := strings.Split(text, "\n")
	for _, line := range slices.Backward(lines) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if last = append(last, line); len(last) == n {
			break
		}
	}
	slices.Reverse(last)
	return strings.Join(last, "\n")
}

// hasPhrase reports whether one of the phrases stands in the text as words of
// its own, whatever the letter case.
func hasPhrase(text string, phrases []string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(phrases, func(p string) bool { return hasWords(text, strings.ToLower(p)) })
}

func hasWords(text, phrase string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], phrase)
		if at < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:from+at])
		after, _ := utf8.DecodeRuneInString(text[from+at+len(phrase):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		from += at + 1
	}
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// showsWrong reports whether a wrong attempt's answer stands in the response.
func showsWrong(response string, attempts []t1.SynthesisAttempt) bool {
	numbers, whole := number.All(response), squeezed(response)
	return slices.ContainsFunc(attempts, func(a t1.SynthesisAttempt) bool {
		switch {
		case a.Correct || a.Answer == "":
			return false
		case slices.Equal(number.All(a.Answer), []string{a.Answer}):
			return slices.Contains(numbers, a.Answer)
		case utf8.RuneCountInString(a.Answer) == 1: // the letter of a choice
			return hasWords(response, a.Answer)
		}
		return strings.Contains(whole, squeezed(a.Answer))
	})
}

// squeezed is a text without white space and letter case.
func squeezed(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), "") }

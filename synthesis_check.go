package t1

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Grader judges a response to a problem. Every [Task] is one.
type Grader interface {
	Grade(p Problem, response string) Grade
}

// NumberGrader compares final answers as exact numbers where both are numbers,
// and as text without spaces and letter case where they are not. The final
// answer is the last \boxed{...} or what follows the last cue on its line,
// whichever comes later.
type NumberGrader struct{ Cue string }

// Grade implements [Grader]. A reference may be a whole solution that ends in
// "#### answer", as GSM8K has it.
func (g NumberGrader) Grade(p Problem, response string) Grade {
	given, ok := g.final(response)
	if !ok {
		return Grade{}
	}
	reference := p.Answer
	if at := strings.LastIndex(reference, "####"); at >= 0 {
		reference = reference[at+len("####"):]
	}
	want, got := normalAnswer(reference), normalAnswer(given)
	if numbers := numeral.FindAllString(given, 2); isNumber(want) && !isNumber(got) && len(numbers) == 1 {
		got = normalAnswer(numbers[0]) // "18 dollars"
	}
	return Grade{Correct: got != "" && got == want, Answer: got}
}

func (g NumberGrader) final(response string) (string, bool) {
	boxed, boxedAt := lastBoxed(response)
	cueAt := -1
	if g.Cue != "" {
		cueAt = strings.LastIndex(response, g.Cue)
	}
	if cueAt < 0 && boxedAt < 0 {
		return "", false
	}
	if boxedAt > cueAt {
		return boxed, true
	}
	line, _, _ := strings.Cut(strings.TrimLeft(response[cueAt+len(g.Cue):], " \t*"), "\n")
	return line, strings.TrimSpace(line) != ""
}

// longestAnswer bounds the search for a bracket's end, bytes.
const longestAnswer = 2000

// lastBoxed is what stands in the last complete \boxed{...}, and where; -1
// where there is none.
func lastBoxed(text string) (string, int) {
	const open = `\boxed{`
	for at := strings.LastIndex(text, open); at >= 0; at = strings.LastIndex(text[:at], open) {
		depth := 1
		for i := at + len(open); i < min(len(text), at+longestAnswer); i++ {
			switch text[i] {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth == 0 {
				return text[at+len(open) : i], at
			}
		}
	}
	return "", -1
}

var (
	thousands = regexp.MustCompile(`(\d),(\d{3})`)
	fraction  = regexp.MustCompile(`^(-?)\\[dt]?frac\{(-?\d+)\}\{(\d+)\}$`)
	// Short enough that no number takes long to compare.
	number40 = regexp.MustCompile(`^[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})(/0*[1-9]\d{0,39})?$`)
	numeral  = regexp.MustCompile(`-?\d[\d,]*(\.\d+)?`)
	dressing = strings.NewReplacer("**", "", `\$`, "", "$", "", `\%`, "", "%", "", `\(`, "", `\)`, "", `\,`, "", `\!`, "", "`", "", "€", "", "£", "")
)

// normalAnswer makes equal answers equal strings.
func normalAnswer(answer string) string {
	if inner, at := lastBoxed(answer); at >= 0 {
		answer = inner
	}
	s := strings.Join(strings.Fields(strings.ToLower(dressing.Replace(answer))), "")
	s = strings.TrimRight(s, ".")
	if m := fraction.FindStringSubmatch(s); m != nil {
		s = m[1] + m[2] + "/" + m[3]
	}
	for thousands.MatchString(s) {
		s = thousands.ReplaceAllString(s, "$1$2")
	}
	if isNumber(s) {
		if r, ok := new(big.Rat).SetString(s); ok {
			return r.RatString()
		}
	}
	return s
}

func isNumber(s string) bool { return number40.MatchString(s) }

// Reasons why a problem gives no demonstration.
const (
	RejectNoRightAttempt = "no_right_attempt" // nothing to build on; nothing more was asked for
	RejectNoWrongAttempt = "no_wrong_attempt" // no trial and error to show; nothing more was asked for
	RejectEmpty          = "empty_reply"      // a critique, merge or rewrite stayed empty
	RejectTruncated      = "truncated"        // the rewrite ran into max_tokens
	RejectNoAnswer       = "no_answer"        // it states no final answer
	RejectWrongAnswer    = "wrong_answer"     //
	RejectAnswerNotLast  = "answer_not_last"  // the right answer does not stand at the end
	RejectNoTrial        = "no_trial"         // no phrase of trial and error
	RejectWrongNotShown  = "wrong_not_shown"  // no wrong attempt's answer in it
	RejectNoVerification = "no_verification"  // no phrase of self-verification
	RejectForbidden      = "forbidden"        // a forbidden phrase
	RejectTooShort       = "too_short"        //
	RejectTooLong        = "too_long"         //
	RejectSkipped        = "skipped"          // a person passed over it
)

// CheckAttempts says whether attempts are worth going on with: empty where they
// are, else the reason why not.
func CheckAttempts(c SynthesisChecks, attempts []SynthesisAttempt) string {
	right := slices.ContainsFunc(attempts, func(a SynthesisAttempt) bool { return a.Correct })
	wrong := slices.ContainsFunc(attempts, func(a SynthesisAttempt) bool { return !a.Correct })
	switch {
	case !right:
		return RejectNoRightAttempt
	case !wrong && c.WrongAttempt != "none":
		return RejectNoWrongAttempt
	}
	return ""
}

// answerLines is how many last lines that are not empty count as the end.
const answerLines = 3

// CheckResponse gives every reason to reject a rewritten response, the gravest
// first; none where it is a demonstration.
func CheckResponse(c SynthesisChecks, g Grader, p Problem, attempts []SynthesisAttempt, response, finish string) []string {
	reasons := []string{}
	add := func(reason string, when bool) {
		if when {
			reasons = append(reasons, reason)
		}
	}
	grade, end := g.Grade(p, response), g.Grade(p, lastLines(response, answerLines))
	length := utf8.RuneCountInString(response)
	add(RejectTruncated, finish == FinishLength)
	add(RejectNoAnswer, grade.Answer == "")
	add(RejectWrongAnswer, grade.Answer != "" && !grade.Correct)
	add(RejectAnswerNotLast, grade.Correct && !end.Correct)
	add(RejectNoTrial, len(c.Trial) > 0 && !hasPhrase(response, c.Trial))
	add(RejectWrongNotShown, c.WrongAttempt == "shown" && !showsWrong(response, attempts))
	add(RejectNoVerification, len(c.Verification) > 0 && !hasPhrase(response, c.Verification))
	add(RejectForbidden, hasPhrase(response, c.Forbidden))
	add(RejectTooShort, length < c.MinChars)
	add(RejectTooLong, c.MaxChars > 0 && length > c.MaxChars)
	return reasons
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
func showsWrong(response string, attempts []SynthesisAttempt) bool {
	shown := map[string]bool{}
	for _, n := range numeral.FindAllString(response, -1) {
		shown[normalAnswer(n)] = true
	}
	whole := normalAnswer(response)
	return slices.ContainsFunc(attempts, func(a SynthesisAttempt) bool {
		if a.Correct || a.Answer == "" {
			return false
		}
		inWords := strings.Contains(a.Answer, "/") || !isNumber(a.Answer)
		return shown[a.Answer] || inWords && strings.Contains(whole, a.Answer)
	})
}

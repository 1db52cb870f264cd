package activities

import (
	"strings"
	"testing"

	"t1"
)

func TestCheckResponse(t *testing.T) {
	spec := t1.DefaultSynthesisSpec()
	checks := &spec.Checks
	checks.MinChars, checks.WrongAttempt = 10, "shown"
	p, g := t1.Problem{Answer: "42"}, numberGrader(t)
	attempts := []t1.SynthesisAttempt{{Correct: true, Answer: "42"}, {Answer: "36"}}
	check := func(response, finish string) string {
		return strings.Join(checkResponse(spec, g, p, attempts, response, finish), " ")
	}
	for response, want := range map[string]string{
		"36? Wait. Let me check.\nAnswer: 42":                 "",
		"36? Waiting. Let me recheck.\nAnswer: 42":            "no_trial no_verification",
		"37? Wait. Let me check.\nAnswer: 42":                 "wrong_not_shown",
		"136? Wait. Let me check.\nAnswer: 42":                "wrong_not_shown",
		"36? Wait. Let me check.\nAnswer: 36":                 "wrong_answer",
		"36? Wait. Let me check.\n42":                         "no_answer",
		"36? Wait. Let me check.\n42\nAnswer:":                "no_answer",
		"36? Wait. Let me check.\n\\boxed{42}":                "",
		"Answer: 42. 36? Wait. Let me check.\na\nb\nit is 42": "answer_not_last",
		"36? Wait. Let me check. Attempt 1.\nAnswer: 42":      "forbidden",
		"36? Wait. Let me check. Attempt 17.\nAnswer: 42":     "",
		"36? Wait. Let me check.\nAnswer: 42\n\na\n\nb":       "",
		"36? Wait. Let me check.\nAnswer: 42\na\nb\n\nc\n":    "answer_not_last",
	} {
		if got := check(response, t1.FinishStop); got != want {
			t.Errorf("%q: got %q, want %q", response, got, want)
		}
	}
	if got := check("36? Wait. Let me check.\nAnswer: 42", t1.FinishLength); got != t1.RejectTruncated {
		t.Errorf("cut off: %q", got)
	}
	checks.MinChars, checks.MaxChars = 0, 12
	if got := check("wait ü check\nAnswer: 42", t1.FinishStop); got != "wrong_not_shown too_long" {
		t.Errorf("too long: %q", got)
	}
	checks.MaxChars, checks.MinChars, checks.WrongAttempt, checks.Trial, checks.Verification = 0, 10, "none", nil, nil
	if got := check("Answer: 42", t1.FinishStop); got != "" {
		t.Errorf("nothing is asked for: %q", got)
	}
}

func numberGrader(t *testing.T) t1.Grader {
	t.Helper()
	g, err := synthesisGrader(t1.DefaultSynthesisSpec())
	if err != nil || g == nil {
		t.Fatalf("grader %v, %v", g, err)
	}
	return g
}

// A wrong answer is shown where it stands as the grader writes it: as a number,
// as the letter of a choice, as any other text.
func TestShowsWrong(t *testing.T) {
	for _, test := range []struct {
		answer, response string
		want             bool
	}{
		{"36", "it is 36.00?", true},
		{"36", "it is 136, or 3.6, or 6^36", false},
		{"-1/2", `is it $-\frac{2}{4}$?`, true},
		{"1/2", "is it 0.5?", true},
		{"1/2", "is it 11/2?", false},
		{"B", "is it B? No", true},
		{"B", "is it b? Because I count", false},
		{"x+1", "is it X + 1?", true},
		{"x+1", "is it x + 2?", false},
		{"", "", false},
	} {
		if got := showsWrong(test.response, []t1.SynthesisAttempt{{Correct: true, Answer: "7"}, {Answer: test.answer}}); got != test.want {
			t.Errorf("%q in %q: %t", test.answer, test.response, got)
		}
	}
	if showsWrong("it is 7", []t1.SynthesisAttempt{{Correct: true, Answer: "7"}}) {
		t.Error("a right answer is taken for a wrong one")
	}
}

// A problem that nobody could get right is refused before anybody is asked.
func TestReferencesMustBeGradable(t *testing.T) {
	spec := t1.DefaultSynthesisSpec()
	problems := []t1.Problem{{ID: "a", Answer: "so 6 * 7 = 42\n#### 42"}, {ID: "b", Answer: "1/2"}, {ID: "c", Answer: "B"}}
	err := checkReferences(spec.Grader, problems)
	if t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), `1 of 3 problems`) || !strings.Contains(err.Error(), `c ("B")`) {
		t.Errorf("number: %v", err)
	}
	for _, expression := range []string{"x^2+2x+1", "2x", `\\sqrt{8}`, "3 or 4", "Paris", "2 + 3"} {
		if err := checkReferences(spec.Grader, []t1.Problem{{ID: "e", Answer: expression}}); t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("%s: %v", expression, err)
		}
	}
	if err := checkReferences(spec.Grader, problems[:2]); err != nil {
		t.Errorf("numbers: %v", err)
	}
	spec.Grader = "choice"
	if err := checkReferences(spec.Grader, problems[2:]); err != nil {
		t.Errorf("choice: %v", err)
	}
	if err := checkReferences(spec.Grader, problems); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("numbers as choices: %v", err)
	}
	spec.Grader = "math"
	if err := checkReferences(spec.Grader, problems); err != nil {
		t.Errorf("a program's: %v", err)
	}
}

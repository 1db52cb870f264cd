package choice

import (
	"strings"
	"testing"

	"t1"
)

func TestGrade(t *testing.T) {
	tests := []struct{ response, want string }{
		{`so \boxed{B}`, "B"},
		{`\boxed{A} no, \boxed{(b)}`, "B"},
		{`\boxed{\text{B}}`, "B"},
		{`\boxed{\textbf{(B)} 5 m}`, "B"},
		{`\boxed{B) 5 m}`, "B"},
		{`\boxed{B. 5 m}`, "B"},
		{`\boxed{C} The answer is B`, "C"},
		{"Answer: B", "B"},
		{"answer: B", "B"},
		{"The answer is B", "B"},
		{"The answer is (B).", "B"},
		{"The answer is: **B**", "B"},
		{"**Answer:** B", "B"},
		{"The correct answer is option B, since", "B"},
		{"ANSWER: $B$", "B"},
		{`Answer: \text{B}`, "B"},
		{"The answer is A. No: the answer is B", "B"},
		{"The answer is A.", "A"},
		{"The answer is A", "A"},
		{"The answer is (A)", "A"},
		{"The answer is A because a man said so", "A"},
		{"The answer is **A** of course", "A"},
		{"The answer is I.\n", "I"},
		{"The answer is B because", "B"},
		{"It must be (C).", "C"},
		{"not (C) but (D)", "D"},
		{"J", "J"},
		{" **B**. ", "B"},
		{"B)", "B"},
		// No letter.
		{"", ""},
		{"A man went home", ""},
		{"Answer is A man", ""},
		{"The answer is A 5 m rope", ""},
		{"The answer is I think B", ""},
		{"The answer is a", ""},
		{"The answer is B-cells", ""},
		{"The answer is K", ""},
		{"The answer is Berlin", ""},
		{"The answer is A or B", ""},
		{"The answer is (A) or (B)", ""},
		{"The answer is B and C", ""},
		{"The answer is B, C", ""},
		{"The answer is B, and C is wrong", ""},
		{"part (a)", ""},
		{"I", "I"}, // nothing but the letter
		{"Because of B I chose", ""},
		{`B \boxed{}`, ""},
		{`B \boxed{5}`, ""},
		{`\boxed{K}`, ""},
		{`\boxed{A man}`, ""},
		{`\boxed{A, B}`, ""},
		{`\boxed{AB}`, ""},
		{`\boxed{B`, ""},
	}
	for _, test := range tests {
		for _, answer := range []string{"B", "(B)", `\boxed{B}`} {
			want := t1.Grade{Correct: test.want == "B", Answer: test.want}
			if got := Grade(t1.Problem{Answer: answer}, test.response); got != want {
				t.Errorf("%q for %q: got %+v, want %+v", test.response, answer, got, want)
			}
		}
	}
	for _, answer := range []string{"", "K", "Berlin"} {
		if got := Grade(t1.Problem{Answer: answer}, "Answer: B"); got != (t1.Grade{Answer: "B"}) {
			t.Errorf("answer %q: got %+v", answer, got)
		}
	}
}

func FuzzGrade(f *testing.F) {
	f.Add("B", `so \boxed{\text{(B)}}`)
	f.Add("(A)", "The answer is A or B. Answer: A because")
	f.Add("J", "answer answer: ((J)) I. \xff")
	f.Fuzz(func(t *testing.T, answer, response string) {
		got := Grade(t1.Problem{Answer: answer}, response)
		if got.Answer == "" {
			if got.Correct {
				t.Error("right without an answer")
			}
			return
		}
		if len(got.Answer) != 1 || !strings.Contains("ABCDEFGHIJ", got.Answer) {
			t.Errorf("%q is no letter", got.Answer)
		}
		for _, form := range []string{got.Answer, "answer: " + got.Answer, "(" + got.Answer + ")", `\boxed{` + got.Answer + `}`} {
			if again := Grade(t1.Problem{Answer: answer}, form); again != got {
				t.Errorf("%q gave %+v, %q gives %+v", response, got, form, again)
			}
		}
	})
}

package number

import (
	"bufio"
	"encoding/json"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"t1"
)

func TestGrade(t *testing.T) {
	tests := []struct {
		answer, response string
		want             t1.Grade
	}{
		// Where the number is looked for.
		{"7", `It is 5. \boxed{6} \boxed{7} #### 8. The answer is 9. 10`, t1.Grade{Correct: true, Answer: "7"}},
		{"8", "It is 5.\n#### 6\n#### 8\nThe answer is 9. 10", t1.Grade{Correct: true, Answer: "8"}},
		{"9", "Answer: 5. So the answer is 9, not 10", t1.Grade{Correct: true, Answer: "9"}},
		{"9", "**Answer:** $9$ apples, in 2 bags", t1.Grade{Correct: true, Answer: "9"}},
		{"42", "so\nAnswer: 36\nNo.\nAnswer: 42.", t1.Grade{Correct: true, Answer: "42"}},
		{"12", `Answer: 1, no: \boxed{12}`, t1.Grade{Correct: true, Answer: "12"}},
		{"She has #### 7 left. #### 12", "Answer: 12", t1.Grade{Correct: true, Answer: "12"}},
		{"10", "2 * 5 = 10", t1.Grade{Correct: true, Answer: "10"}},
		{"10", "We get 10, and the answer is right.", t1.Grade{Correct: true, Answer: "10"}},
		{"6", `\boxed{6} and \boxed{7`, t1.Grade{Correct: true, Answer: "6"}},
		// No number.
		{"7", "", t1.Grade{}},
		{"7", "I do not know", t1.Grade{}},
		{"7", `7 \boxed{?}`, t1.Grade{}},
		{"7", "7\n####", t1.Grade{}},
		{"7", "so it is x7", t1.Grade{}},
		{"7", "so it is 7^2", t1.Grade{}},
		{"7", "so it is 7e3", t1.Grade{}},
		{"7", "so it is 3 + 7", t1.Grade{}},
		{"3", "The answer is 3 * 10", t1.Grade{}},
		{"3", `The answer is 3 \times 10`, t1.Grade{}},
		{"3", "The answer is 3 * 10^4", t1.Grade{}},
		{"3", "#### 3/0", t1.Grade{}},
		{"7", "Answer:", t1.Grade{}},
		{"7", `\boxed{7`, t1.Grade{Correct: true, Answer: "7"}}, // no box, but the last number
		{"1", "Answer: 1e999999999", t1.Grade{}},
		{"7", "#### " + strings.Repeat("7", 2000), t1.Grade{}},
		// A calculation.
		{"5", "The answer is 2 + 3 = 5.", t1.Grade{Correct: true, Answer: "5"}},
		{"5", "The answer is 2 + 3 = 4 + 1", t1.Grade{}},
		{"5", "The answer is 5 (2 + 4 = 6 less 1)", t1.Grade{Correct: true, Answer: "5"}},
		{"5", `\boxed{x = 5}`, t1.Grade{Correct: true, Answer: "5"}},
		{"20", `\boxed{20 \text{ m}^2}`, t1.Grade{Correct: true, Answer: "20"}},
		{"20", "It is 20 m^2", t1.Grade{Correct: true, Answer: "20"}},
		{"45", `\boxed{45^\circ}`, t1.Grade{Correct: true, Answer: "45"}},
		// What is written differently and equal.
		{"1234", "#### 1,234", t1.Grade{Correct: true, Answer: "1234"}},
		{"1,234", "#### 1234.00", t1.Grade{Correct: true, Answer: "1234"}},
		{"#### 1,234", `\boxed{1{,}234}`, t1.Grade{Correct: true, Answer: "1234"}},
		{"1234567", `\boxed{1,\!234,\!567}`, t1.Grade{Correct: true, Answer: "1234567"}},
		{"1234", "#### 1\u202f234", t1.Grade{Correct: true, Answer: "1234"}},
		{"18", "#### $18", t1.Grade{Correct: true, Answer: "18"}},
		{"18", `\boxed{\$18.00}`, t1.Grade{Correct: true, Answer: "18"}},
		{"18", "The answer is €18.", t1.Grade{Correct: true, Answer: "18"}},
		{"18", "Answer: **$18**", t1.Grade{Correct: true, Answer: "18"}},
		{"18", "Answer: 18 dollars", t1.Grade{Correct: true, Answer: "18"}},
		{"1234567", "Answer: 1,234,567.00", t1.Grade{Correct: true, Answer: "1234567"}},
		{"500", "that makes Rs.500", t1.Grade{Correct: true, Answer: "500"}},
		{"50", "#### 50%", t1.Grade{Correct: true, Answer: "50"}},
		{"50%", `\boxed{50\%}`, t1.Grade{Correct: true, Answer: "50"}},
		{"0.5", "#### .50", t1.Grade{Correct: true, Answer: "1/2"}},
		{"0.5", "#### 1/2", t1.Grade{Correct: true, Answer: "1/2"}},
		{"0.5", `\boxed{\frac{2}{4}}`, t1.Grade{Correct: true, Answer: "1/2"}},
		{`\frac{1}{2}`, `\boxed{0.50}`, t1.Grade{Correct: true, Answer: "1/2"}},
		{`-\frac{1}{2}`, `\boxed{-1/2}`, t1.Grade{Correct: true, Answer: "-1/2"}},
		{"0.5", `\boxed{\dfrac12}`, t1.Grade{Correct: true, Answer: "1/2"}},
		{"3.5", "#### 3 1/2", t1.Grade{Correct: true, Answer: "7/2"}},
		{"-3.5", `\boxed{-3\frac{1}{2}}`, t1.Grade{Correct: true, Answer: "-7/2"}},
		{"7", "#### 007", t1.Grade{Correct: true, Answer: "7"}},
		{"3", "3.", t1.Grade{Correct: true, Answer: "3"}},
		{"0", "#### -0.0", t1.Grade{Correct: true, Answer: "0"}},
		// Signs.
		{"-5", "#### -5", t1.Grade{Correct: true, Answer: "-5"}},
		{"-5", "#### - 5", t1.Grade{Correct: true, Answer: "-5"}},
		{"-5", "The answer is \u22125", t1.Grade{Correct: true, Answer: "-5"}},
		{"-5", "The answer is -$5", t1.Grade{Correct: true, Answer: "-5"}},
		{"-5", "The answer is $-5$", t1.Grade{Correct: true, Answer: "-5"}},
		{"-5", "x = - 5", t1.Grade{Correct: true, Answer: "-5"}},
		{"-1/2", `\boxed{-\frac{1}{2}}`, t1.Grade{Correct: true, Answer: "-1/2"}},
		{"19", "it is covid-19", t1.Grade{Correct: true, Answer: "19"}},
		{"5", "- 5 apples", t1.Grade{Correct: true, Answer: "5"}},
		{"2020", "on 3/4/2020", t1.Grade{}}, // a chain of slashes
		// Wrong.
		{"18", "#### 17", t1.Grade{Answer: "17"}},
		{"18", "#### -18", t1.Grade{Answer: "-18"}},
		{"18", "#### 18.0000000000000000000000001", t1.Grade{Answer: "180000000000000000000000001/10000000000000000000000000"}},
		{"1/3", "#### 0.333333", t1.Grade{Answer: "333333/1000000"}},
		{"50", "#### 0.5", t1.Grade{Answer: "1/2"}},
		{"1234", "#### 1,23", t1.Grade{Answer: "1"}},
		{"18", "18\nThe answer is 20.", t1.Grade{Answer: "20"}},
		{"18", "Answer: 18\nNo.\nAnswer: 36", t1.Grade{Answer: "36"}},
		{"", "#### 18", t1.Grade{Answer: "18"}},
		{"unknown", "#### 18", t1.Grade{Answer: "18"}},
	}
	for _, test := range tests {
		if got := Grade(t1.Problem{Answer: test.answer}, test.response); got != test.want {
			t.Errorf("%q for %q: got %+v, want %+v", test.response, test.answer, got, test.want)
		}
	}
}

func TestAll(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                 {},
		"no number, x_1, 10^3":             {},
		"36? 6 * 6 = 36, so 1,042 or -0.5": {"36", "6", "6", "36", "1042", "-1/2"},
		`\frac{2}{4} of 136`:               {"1/2", "136"},
	} {
		if got := All(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAlone(t *testing.T) {
	for answer, want := range map[string]bool{
		"42": true, " -42. ": true, "$1,234.50": true, "50%": true, "3 1/2": true, "18 dollars": true, `-\frac{1}{2}`: true,
		`so \boxed{7}`: true, "6 * 7 = 42\n#### 42": true, `45^\circ`: true,
		"": false, "Paris": false, "x": false, "2x": false, "x-1": false, "x^2+2x+1": false, "2 + 3": false, "3, 4": false,
		`\sqrt{8}`: false, `2\pi`: false, "(3, 4)": false, "1e9": false, "3/0": false,
	} {
		if got := Alone(answer); got != want {
			t.Errorf("%q: %t", answer, got)
		}
	}
}

type example struct{ ID, Solution, Answer string }

// examples reads the excerpt of GSM8K, or all of it where T1_GSM8K names a file.
func examples(t *testing.T) []example {
	t.Helper()
	path := os.Getenv("T1_GSM8K")
	if path == "" {
		path = "testdata/gsm8k.jsonl"
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []example
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e example
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestReferenceSolutions(t *testing.T) {
	all, bare := examples(t), 0
	if len(all) < 200 {
		t.Fatalf("%d examples", len(all))
	}
	for _, e := range all {
		full := e.Solution + "\n#### " + e.Answer
		for _, p := range []t1.Problem{{Answer: e.Answer}, {Answer: full}} {
			if got := Grade(p, full); !got.Correct {
				t.Errorf("%s: %q graded %+v", e.ID, e.Answer, got)
			}
			value, _ := new(big.Rat).SetString(strings.ReplaceAll(e.Answer, ",", ""))
			wrong := new(big.Rat).Add(value, big.NewRat(1, 100)).FloatString(2)
			for _, response := range []string{e.Solution + "\n#### " + wrong, "The answer is " + wrong + ".", `\boxed{` + wrong + `}`} {
				if got := Grade(p, response); got.Correct {
					t.Errorf("%s: %q passes for %q", e.ID, response, e.Answer)
				}
			}
		}
		if Grade(t1.Problem{Answer: e.Answer}, e.Solution).Correct {
			bare++
		}
	}
	t.Logf("%d of %d solutions end in their answer without ####", bare, len(all))
	if bare < len(all)*8/10 {
		t.Errorf("only %d of %d solutions are right without ####", bare, len(all))
	}
}

func FuzzGrade(f *testing.F) {
	f.Add("18", `so \boxed{\frac{1}{2}}`)
	f.Add("#### 1,234", "#### -$1,234.50")
	f.Add("-1/2", "the answer is 3 1/2 = \u22125")
	f.Add("7", "1/2/3 4/0 .5 5. 1,23 x_1 10^{3} 2e9 \xff")
	f.Fuzz(func(t *testing.T, answer, response string) {
		p := t1.Problem{Answer: answer}
		got := Grade(p, response)
		if got.Answer == "" {
			if got.Correct {
				t.Error("right without an answer")
			}
			return
		}
		if len(got.Answer) > longest/2 {
			return // its digits may be too many to be read again
		}
		// The normal form is itself an answer, of the same worth and form.
		if again := Grade(p, "#### "+got.Answer); again != got {
			t.Errorf("%q gave %+v, its answer gives %+v", response, got, again)
		}
		if same := Grade(t1.Problem{Answer: got.Answer}, response); !same.Correct {
			t.Errorf("%q is not %q", response, got.Answer)
		}
	})
}

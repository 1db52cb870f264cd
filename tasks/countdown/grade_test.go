package countdown

import (
	"strings"
	"testing"

	"t1"
)

var example = t1.Problem{Data: `{"numbers":[8,5,1],"target":14}`}

func TestGrade(t *testing.T) {
	task := newTask(t, shape(nil))
	tests := []struct {
		name, response string
		want           t1.Grade
	}{
		{"the package's example", "try 8 - 1 = 7 - 5 = 2 no try 5 + 8 = 13 + 1 = 14 yes check 5 + 8 = 13 + 1 = 14 ok answer ( 5 + 8 ) + 1", t1.Grade{Correct: true, Answer: "1 + 5 + 8"}},
		{"another order", "answer 1 + ( 8 + 5 )", t1.Grade{Correct: true, Answer: "1 + 5 + 8"}},
		{"no brackets", "answer 8 + 5 + 1", t1.Grade{Correct: true, Answer: "1 + 5 + 8"}},
		{"idle brackets", "answer ( ( ( 8 ) ) + 5 + 1 )", t1.Grade{Correct: true, Answer: "1 + 5 + 8"}},
		{"the last answer counts", "answer 8 + 5 answer 8 + 5 + 1", t1.Grade{Correct: true, Answer: "1 + 5 + 8"}},
		{"the last answer counts though wrong", "answer 8 + 5 + 1 answer 8 + 5 - 1", t1.Grade{Answer: "5 + 8 - 1"}},
		{"wrong value", "answer 8 * 5 - 1", t1.Grade{Answer: "5 * 8 - 1"}},
		{"a number left out", "answer 14", t1.Grade{Answer: "14"}},
		{"a number twice", "answer 8 + 5 + 1 * 1", t1.Grade{Answer: "1 * 1 + 5 + 8"}},
		{"a number not dealt", "answer 7 + 6 + 1", t1.Grade{Answer: "1 + 6 + 7"}},
		{"no cue", "8 + 5 + 1", t1.Grade{}},
		{"nothing after the cue", "answer", t1.Grade{}},
		{"empty", "", t1.Grade{}},
		{"words after it", "answer 8 + 5 + 1 ok", t1.Grade{}},
		{"an equation", "answer 8 + 5 + 1 = 14", t1.Grade{}},
		{"open bracket", "answer ( 8 + 5 + 1", t1.Grade{}},
		{"closed bracket", "answer 8 + 5 + 1 )", t1.Grade{}},
		{"empty bracket", "answer ( )", t1.Grade{}},
		{"sign", "answer - 1 + 8 + 5", t1.Grade{}},
		{"operator missing", "answer 8 5 + 1", t1.Grade{}},
		{"operator last", "answer 8 + 5 +", t1.Grade{}},
		{"division", "answer 8 / 5 + 1", t1.Grade{}},
		{"leading zero", "answer 08 + 5 + 1", t1.Grade{}},
		{"sign in a number", "answer +8 + 5 + 1", t1.Grade{}},
		{"number beyond any", "answer 1000 + 5 + 1", t1.Grade{}},
		{"no spaces", "answer 8+5+1", t1.Grade{}},
		{"too long", "answer " + strings.Repeat("( ", 40) + "8 + 5 + 1" + strings.Repeat(" )", 40), t1.Grade{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := task.Grade(example, test.response); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestGradePrecedence(t *testing.T) {
	task := newTask(t, shape(nil))
	tests := []struct {
		data, answer string
		want         bool
	}{
		{`{"numbers":[2,3,4],"target":14}`, "2 + 3 * 4", true},
		{`{"numbers":[2,3,4],"target":20}`, "( 2 + 3 ) * 4", true},
		{`{"numbers":[2,3,4],"target":20}`, "2 + 3 * 4", false},
		{`{"numbers":[9,3,2],"target":4}`, "9 - 3 - 2", true},
		{`{"numbers":[9,3,2],"target":8}`, "9 - ( 3 - 2 )", true},
		{`{"numbers":[9,2,3],"target":3}`, "9 - 2 * 3", true}, // no chain, but right
		{`{"numbers":[3,9,8],"target":2}`, "3 - 9 + 8", true}, // below 0 on the way
		{`{"numbers":[5,5,5],"target":15}`, "5 + 5 + 5", true},
		{`{"numbers":[5,5,5],"target":10}`, "5 + 5", false},
		{`{"numbers":[],"target":5}`, "5", false},
		{`no game`, "5", false},
	}
	for _, test := range tests {
		if got := task.Grade(t1.Problem{Data: test.data}, "answer "+test.answer).Correct; got != test.want {
			t.Errorf("%s, %s: got %v", test.data, test.answer, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	for want, same := range map[string][]string{
		"1 + 8 - 5":         {"8 - 5 + 1", "1 + 8 - 5", "8 - ( 5 - 1 )", "1 - ( 5 - 8 )"},
		"( 2 + 3 ) * 4":     {"4 * ( 3 + 2 )", "( 2 + 3 ) * 4"},
		"2 * 3 * 4 - 5":     {"4 * ( 3 * 2 ) - 5", "( 2 * 4 ) * 3 - 5"},
		"( 9 - 2 ) * 3 - 4": {"3 * ( 9 - 2 ) - 4"},
		"7":                 {"( ( 7 ) )"},
	} {
		for _, text := range same {
			e, ok := parse(strings.Fields(text))
			if !ok || e.canonical() != want {
				t.Errorf("%q does not become %q", text, want)
			}
		}
	}
}

func FuzzGrade(f *testing.F) {
	f.Add(example.Data, "try 8 + 5 = 13 + 1 = 14 yes answer ( 8 + 5 ) + 1")
	f.Add(example.Data, "answer answer ( ( ) + ) 8 * - 1")
	f.Add(`{"numbers":[999,999,999,999],"target":-1}`, "answer 999 * 999 * 999 * 999")
	f.Add(`{"numbers":null}`, "answer \xff")
	task := newTask(f, shape(nil))
	f.Fuzz(func(t *testing.T, data, response string) {
		p := t1.Problem{Data: data}
		got := task.Grade(p, response)
		if got.Correct && got.Answer == "" {
			t.Error("right without an answer")
		}
		if got.Answer == "" {
			return
		}
		// The normal form is itself an answer, of the same worth and form.
		if again := task.Grade(p, "answer "+got.Answer); again != got {
			t.Errorf("%q gave %+v, its answer gives %+v", response, got, again)
		}
	})
}

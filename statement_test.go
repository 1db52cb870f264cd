package t1

import (
	"strings"
	"testing"
)

func TestStating(t *testing.T) {
	data := DefaultSpec().Task.Data
	for _, c := range []struct {
		text, answer, want string
		ok                 bool
	}{
		{"48/2 = 24.\n48+24 = 72.", "72", "48/2 = 24.\n48+24 = 72.\nThe answer is \\boxed{72}.", true},
		{"48+24 = 72.\n#### 72", "", "48+24 = 72.\nThe answer is \\boxed{72}.", true},
		{"48+24 = 73.\n#### 73", "72", "48+24 = 73.\nThe answer is \\boxed{73}.", true}, // one answer, its own
		{"#### 72\nand more", "7", "#### 72\nand more\nThe answer is \\boxed{7}.", true},
		{"#### 72", "", "\nThe answer is \\boxed{72}.", true},
		{`So \boxed{72}.`, "72", `So \boxed{72}.`, true},
		{`So \boxed{`, "72", "So \\boxed{\nThe answer is \\boxed{72}.", true}, // a cue without an answer
		{"no idea", " ", "no idea", false},
		{"", "5", "\nThe answer is \\boxed{5}.", true},
	} {
		if got, ok := data.Stating(c.text, c.answer); got != c.want || ok != c.ok {
			t.Errorf("%q with %q: got %q, %v; want %q, %v", c.text, c.answer, got, ok, c.want, c.ok)
		}
	}
	data.Statement = ""
	if got, ok := data.Stating("no idea", ""); got != "no idea" || !ok {
		t.Errorf("without a statement: got %q, %v", got, ok)
	}
}

// A statement that does not state behind the cue would teach what is not graded.
func TestStatementsAreChecked(t *testing.T) {
	imported := `{"task": {"name": "number", "data": {"train": "a", "held_out": "b", %}}, "model": {"base": "m"}}`
	for given, fine := range map[string]bool{
		`"statement": ""`:                                           true,
		`"statement": "\\boxed{{answer}}"`:                          true,
		`"statement": "It is {answer}."`:                            false,
		`"statement": "{answer} \\boxed{}"`:                         false,
		`"statement": "\\boxed{{answer}} or {answer}"`:              false,
		`"cue": "Answer:"`:                                          false, // the default states otherwise
		`"cue": "Answer:", "statement": "\nAnswer: {answer}"`:       true,
		`"cue": "Answer: ", "statement": "\nAnswer:\n{answer}\nOK"`: true,
	} {
		_, mistakes := DecodeSpec([]byte(strings.Replace(imported, "%", given, 1)))
		if fine != (len(mistakes) == 0) {
			t.Errorf("%s: %v", given, mistakes)
		}
		for _, m := range mistakes {
			if m.Field != "task.data.statement" {
				t.Errorf("%s: %v", given, m)
			}
		}
	}
}

package library

import "testing"

func TestFold(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"How many, in all?", "how many in all"},
		{"  HOW\tmany\u00a0in   all ", "how many in all"},
		{"ｆｕｌｌ ｗｉｄｔｈ ﬁt", "full width fit"},
		{"Café", "caf\u00e9"}, // however the accent was written
		{"Cafe\u0301", "caf\u00e9"},
		{"3.5 + 1.", "3.5 + 1"},
		{"$12 – 5$", "12 - 5"},
		{"12−5", "12 - 5"},
		{"$\\frac{1}{2}$", "frac { 1 } { 2 }"},
		{"f'(x), the dogs' food", "f ' ( x ) the dogs food"},
		{"小明有3个", "小 明 有 3 个"},
		{"...", ""},
	} {
		if got := Fold(test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

// Questions that differ in their mathematics must not be one.
func TestFoldKeepsMathematicsApart(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{"2 + 3", "2 - 3", "2 * 3", "2 / 3", "2^3", "23", "2.3", "(2, 3)", "2 < 3", "2 > 3", "(2 + 3) * 4", "2 + (3 * 4)", "f(2)", "f'(2)", "2! + 3", "|2|"} {
		folded := Fold(text)
		if other, there := seen[folded]; there {
			t.Errorf("%q and %q are both %q", text, other, folded)
		}
		seen[folded] = text
	}
}

func FuzzFold(f *testing.F) {
	for _, seed := range []string{"How many, in all?", "İ Ǆ ﬃ ²½", "f ' ( x )", "1.2.3 .5 5.", "e\u0301\u0327", "\xff\u2014漢字カナ", "ΐ ǰ ẞ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := Fold(text)
		if twice := Fold(once); twice != once {
			t.Errorf("%q folds to %q and that to %q", text, once, twice)
		}
	})
}

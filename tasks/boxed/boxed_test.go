package boxed

import (
	"strings"
	"testing"
)

func TestLast(t *testing.T) {
	tests := []struct {
		text, want string
		ok         bool
	}{
		{`so \boxed{7}.`, "7", true},
		{`\boxed{1} then \boxed{ 2 }`, "2", true},
		{`\boxed{\frac{1}{2}}`, `\frac{1}{2}`, true},
		{`\boxed{\{1, 2\}}`, `\{1, 2\}`, true},
		{`\fbox{3}`, "3", true},
		{`\boxed{1} \fbox{2}`, "2", true},
		{`\boxed{}`, "", true},
		{`\boxed{4} and \boxed{5`, "4", true}, // cut
		{`\boxed{\text{so \boxed{6}}}`, "6", true},
		{`\boxed{5`, "", false},
		{`\boxed 5`, "", false},
		{`\boxed{5\`, "", false},
		{`a\\\boxed{5}`, "5", true},
		{`{ \boxed{5} } } \boxed{6}`, "6", true},
		{`boxed{5}`, "", false},
		{``, "", false},
	}
	for _, test := range tests {
		if got, ok := Last(test.text); got != test.want || ok != test.ok {
			t.Errorf("%q: got %q, %v", test.text, got, ok)
		}
	}
}

func FuzzLast(f *testing.F) {
	f.Add(`a \boxed{\frac{1}{2}} b`)
	f.Add(`\boxed{\fbox{\boxed{`)
	f.Fuzz(func(t *testing.T, text string) {
		content, ok := Last(text)
		if !strings.Contains(text, content) || !ok && content != "" {
			t.Errorf("%q, %v", content, ok)
		}
		// A box of the content holds the content, unless a box opens within it.
		if again, _ := Last(`\boxed{` + content + `}`); ok && again != content {
			t.Errorf("%q becomes %q", content, again)
		}
	})
}

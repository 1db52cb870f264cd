package report

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"t1"
)

const hostile = `"'></pre></style></title><script>alert(1)</script><img src=x onerror=alert(1)><!-- {{.}}`

// TestNothingFromARunIsMarkup plants hostile text in every string of an input.
func TestNothingFromARunIsMarkup(t *testing.T) {
	in := fakeInput(3)
	plant(reflect.ValueOf(&in).Elem())
	in.Results[0].Label, in.Results[1].Label = labelSFT, "3"
	page := written(t, in)
	assert.Contains(t, page, "alert(1)", "it is shown")
	for _, bad := range []string{"<script", "<img", "</pre></style>", "<!-- {{"} {
		assert.NotContains(t, strings.ToLower(page), bad)
	}
	assert.Equal(t, 1, strings.Count(page, "</style>"))
	assert.Equal(t, 1, strings.Count(page, "</title>"))
	assert.Equal(t, strings.Count(page, "<pre"), strings.Count(page, "</pre>"))
}

// plant replaces every string below a value, the keys of maps included.
func plant(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Struct:
		for i := range v.NumField() {
			plant(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			plant(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			plant(v.Elem())
		}
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String && v.Len() > 0 {
			value := v.MapIndex(v.MapKeys()[0])
			v.SetMapIndex(reflect.ValueOf(hostile).Convert(v.Type().Key()), value)
		}
	}
}

func TestVisibleShowsWhatHides(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\tc":            "a\nb\tc",
		"x\u202ey":           "x⟨U+202E⟩y",
		"bell\a\x1b[31m":     "bell␇␛[31m",
		"\xff":               "\ufffd",
		"zero\u200bwidth":    "zero⟨U+200B⟩width",
		"tag\U000e0041":      "tag⟨U+E0041⟩",
		"∑ é 数":              "∑ é 数",
		"delete\x7fc1\u0085": "delete⟨U+007F⟩c1⟨U+0085⟩",
	} {
		assert.Equal(t, want, visible(in), "%q", in)
	}
}

func TestPartsSplitAtTheFirstCue(t *testing.T) {
	for _, test := range []struct{ text, cue, thinking, answer string }{
		{"try 1 answer 2 answer 3", "answer", "try 1 ", "answer 2 answer 3"},
		{"an answering machine answer 4", "answer", "an answering machine ", "answer 4"},
		{"no end", "answer", "no end", ""},
		{"Answer: 3", "Answer:", "", "Answer: 3"},
		{"so \\boxed{3}", "\\boxed", "so ", "\\boxed{3}"},
		{"all thinking", "", "all thinking", ""},
		{"réanswer answer", "answer", "réanswer ", "answer"},
	} {
		thinking, answer := parts(test.text, test.cue)
		assert.Equal(t, test.thinking, thinking, test.text)
		assert.Equal(t, test.answer, answer, test.text)
	}
}

func TestLinesLoseNothing(t *testing.T) {
	for _, text := range []string{"", "try 1 no try 2 yes check 2 ok ", "trying", " try", "1 2 3", "try try", "a\ntry b"} {
		got := lines("countdown", text)
		assert.Equal(t, text, strings.Join(got, ""))
		assert.Equal(t, []string{text}, lines("math", text))
	}
	assert.Len(t, lines("countdown", "try 1 no try 2 yes check 2 ok "), 3)
}

func TestRunNamesAreOneShellWord(t *testing.T) {
	assert.Equal(t, "countdown-1", shellWord("countdown-1"))
	assert.Equal(t, `'a b'\''; rm'`, shellWord("a b'; rm"))
	assert.Equal(t, "''", shellWord(""))
	assert.Equal(t, "t1 verify countdown-demo", newIdentity(Input{Run: "countdown-demo", Records: []t1.Record{{}}}).Command)
}

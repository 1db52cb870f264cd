package t1

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const wholeSynthesis = `{"problems": "p.jsonl", "endpoints": [
	{"name": "a", "base_url": "http://127.0.0.1:8000/v1", "model": "m", "attempts": 2},
	{"name": "b", "base_url": "https://host/v1", "model": "n", "api_key_env": "B_API_KEY", "temperature": -1}],
	"roles": {"critique": "b", "merge": "b", "rewrite": "b"}}`

func TestDecodeSynthesisSpec(t *testing.T) {
	spec, mistakes := DecodeSynthesisSpec([]byte(wholeSynthesis))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	b, found := spec.Endpoint("b")
	if !found || b.Temperature != -1 || b.MaxTokens != DefaultEndpoint().MaxTokens || b.APIKeyEnv != "B_API_KEY" || spec.Endpoints[0].Temperature != 1 {
		t.Errorf("endpoints %+v", spec.Endpoints)
	}
	if spec.Width != 8 || spec.AnswerCue != "Answer:" || spec.Checks.WrongAttempt != "made" {
		t.Errorf("defaults %+v", spec)
	}
	resolved, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	again, mistakes := DecodeSynthesisSpec(resolved)
	if len(mistakes) > 0 || !reflect.DeepEqual(again, spec) {
		t.Errorf("read again: %+v, %v", again, mistakes)
	}
}

func TestSynthesisMistakes(t *testing.T) {
	tests := []struct{ from, to, want string }{
		{`"problems": "p.jsonl", `, ``, `problems: got "", want the path`},
		{`"attempts": 2`, `"attempts": 0`, "endpoints: got no attempts"},
		{`"attempts": 2`, `"attempts": 65`, "endpoints[0].attempts: got 65"},
		{`"attempts": 2`, `"atempts": 2`, "endpoints[0].atempts: got an unknown key, want a known one: did you mean endpoints[0].attempts?"},
		{`"attempts": 2`, `"attempts": "2"`, `endpoints[0].attempts: got "2"`},
		{`"name": "b"`, `"name": "a"`, `endpoints[1].name: got "a"`},
		{`"merge": "b"`, `"merge": "c"`, `roles.merge: got "c", want the name of an endpoint`},
		{`https://host/v1`, `https://user:pw@host/v1`, "endpoints[1].base_url"},
		{`https://host/v1`, `host/v1`, "endpoints[1].base_url"},
		{`"temperature": -1`, `"temperature": 3`, "endpoints[1].temperature: got 3"},
		{`"roles"`, `"budget": -1, "roles"`, "budget: got -1"},
		{`"roles"`, `"width": 0, "roles"`, "width: got 0"},
		{`"roles"`, `"checks": {"max_chars": 5}, "roles"`, "checks.max_chars: got 5"},
		{`"roles"`, `"checks": {"trial": [""]}, "roles"`, "checks.trial"},
		{`"roles"`, `"checks": [], "roles"`, "checks: got []"},
		{`"roles"`, `"width": 3, "width": 4, "roles"`, "width: got the key more than once"},
		{`{"problems"`, `{{`, "spec: got invalid character"},
	}
	for _, test := range tests {
		_, mistakes := DecodeSynthesisSpec([]byte(strings.Replace(wholeSynthesis, test.from, test.to, 1)))
		if !slices.ContainsFunc(mistakes, func(m Mistake) bool { return strings.Contains(m.String(), test.want) }) {
			t.Errorf("%s to %s: got %v, want %s", test.from, test.to, mistakes, test.want)
		}
	}
}

// A spec can neither hold a key nor name what else is in a worker's environment.
func TestOnlyKeyVariablesAreNamed(t *testing.T) {
	for _, name := range []string{"sk-planted", "AWS_SECRET_ACCESS_KEY", "TEMPORAL_API_KEY", "HOME", "my_api_key"} {
		_, mistakes := DecodeSynthesisSpec([]byte(strings.Replace(wholeSynthesis, "B_API_KEY", name, 1)))
		if len(mistakes) != 1 || mistakes[0].Field != "endpoints[1].api_key_env" || strings.Contains(mistakes[0].String(), name) {
			t.Errorf("%s: %v", name, mistakes)
		}
	}
}

// Every field has a rule, and every rule a field.
func TestSynthesisRules(t *testing.T) {
	spec := DefaultSynthesisSpec()
	spec.Endpoints = []EndpointSpec{DefaultEndpoint()}
	var want []string
	var walk func(path string, of reflect.Type)
	walk = func(path string, of reflect.Type) {
		switch {
		case of.Kind() == reflect.Struct:
			for i, name := range fieldNames(of) {
				walk(join(path, name), of.Field(i).Type)
			}
		case of == reflect.TypeFor[[]EndpointSpec]():
			walk(path+"[]", of.Elem())
		default:
			want = append(want, path)
		}
	}
	walk("", reflect.TypeOf(spec))
	var got []string
	for _, rule := range SynthesisRules() {
		got = append(got, rule.Field)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("rules of %v\nfields   %v", got, want)
	}
}

func TestNumberGrader(t *testing.T) {
	g := NumberGrader{Cue: "Answer:"}
	tests := []struct {
		reference, response string
		want                Grade
	}{
		{"42", "so\nAnswer: 42", Grade{Correct: true, Answer: "42"}},
		{"42", "so\nAnswer: 36\nNo.\nAnswer: 42.", Grade{Correct: true, Answer: "42"}},
		{"42", "Answer: 42\nNo.\nAnswer: 36", Grade{Correct: false, Answer: "36"}},
		{"42", "it is 42", Grade{}},
		{"42", "Answer:", Grade{}},
		{"18", "**Answer:** $18", Grade{Correct: true, Answer: "18"}},
		{"18", "Answer: **$18**", Grade{Correct: true, Answer: "18"}},
		{"18", "Answer: 18 dollars", Grade{Correct: true, Answer: "18"}},
		{"18", "Answer: 18 or 19", Grade{Correct: false, Answer: "18or19"}},
		{"1000", "Answer: 1,000", Grade{Correct: true, Answer: "1000"}},
		{"1234567", "Answer: 1,234,567.00", Grade{Correct: true, Answer: "1234567"}},
		{"0.5", "Answer: 1/2", Grade{Correct: true, Answer: "1/2"}},
		{`\frac{1}{2}`, `\boxed{0.50}`, Grade{Correct: true, Answer: "1/2"}},
		{`-\frac{1}{2}`, `\boxed{-1/2}`, Grade{Correct: true, Answer: "-1/2"}},
		{`\left( 3, \frac{\pi}{2} \right)`, `thus $\boxed{\left(3,\frac{\pi}{2}\right)}$.`, Grade{Correct: true, Answer: `\left(3,\frac{\pi}{2}\right)`}},
		{"She has #### 7 left. #### 12", "Answer: 12", Grade{Correct: true, Answer: "12"}},
		{"50", `Answer: 50\%`, Grade{Correct: true, Answer: "50"}},
		{"2", `\boxed{1} and Answer: 2`, Grade{Correct: true, Answer: "2"}},
		{"2", `Answer: 1, no: \boxed{2}`, Grade{Correct: true, Answer: "2"}},
		{"2", `\boxed{2`, Grade{}},
		{"1", "Answer: 1e999999999", Grade{Correct: false, Answer: "1e999999999"}},
		{"1", "Answer: 1/0", Grade{Correct: false, Answer: "1/0"}},
	}
	for _, test := range tests {
		if got := g.Grade(Problem{Answer: test.reference}, test.response); got != test.want {
			t.Errorf("%q against %q: got %+v, want %+v", test.response, test.reference, got, test.want)
		}
	}
}

func TestCheckResponse(t *testing.T) {
	checks := DefaultSynthesisSpec().Checks
	checks.MinChars, checks.WrongAttempt = 10, "shown"
	p, g := Problem{Answer: "42"}, NumberGrader{Cue: "Answer:"}
	attempts := []SynthesisAttempt{{Correct: true, Answer: "42"}, {Answer: "36"}}
	check := func(response, finish string) string {
		return strings.Join(CheckResponse(checks, g, p, attempts, response, finish), " ")
	}
	for response, want := range map[string]string{
		"36? Wait. Let me check.\nAnswer: 42":              "",
		"36? Waiting. Let me recheck.\nAnswer: 42":         "no_trial no_verification",
		"37? Wait. Let me check.\nAnswer: 42":              "wrong_not_shown",
		"136? Wait. Let me check.\nAnswer: 42":             "wrong_not_shown",
		"36? Wait. Let me check.\nAnswer: 36":              "wrong_answer",
		"36? Wait. Let me check.\n42":                      "no_answer",
		"36? Wait. Let me check. Attempt 1.\nAnswer: 42":   "forbidden",
		"36? Wait. Let me check. Attempt 17.\nAnswer: 42":  "",
		"36? Wait. Let me check.\nAnswer: 42\n\na\n\nb":    "",
		"36? Wait. Let me check.\nAnswer: 42\na\nb\n\nc\n": "answer_not_last",
	} {
		if got := check(response, FinishStop); got != want {
			t.Errorf("%q: got %q, want %q", response, got, want)
		}
	}
	if got := check("36? Wait. Let me check.\nAnswer: 42", FinishLength); got != RejectTruncated {
		t.Errorf("cut off: %q", got)
	}
	checks.MinChars, checks.MaxChars = 0, 12
	if got := check("wait ü check\nAnswer: 42", FinishStop); got != "wrong_not_shown too_long" {
		t.Errorf("too long: %q", got)
	}
	checks.MaxChars, checks.MinChars, checks.WrongAttempt, checks.Trial, checks.Verification = 0, 10, "none", nil, nil
	if got := check("Answer: 42", FinishStop); got != "" {
		t.Errorf("nothing is asked for: %q", got)
	}
}

func TestSynthesisKeys(t *testing.T) {
	for id, want := range map[string]string{
		"p1":         "synthesis/s/p1/merge.json",
		"test/1.x":   "synthesis/s/p-test-1-x-",
		"../../etc":  "synthesis/s/p--etc-",
		"spec.json":  "synthesis/s/p-spec-json-",
		"":           "synthesis/s/p--",
		"überzahl 3": "synthesis/s/p--berzahl-3-",
	} {
		if got := SynthesisStepKey("s", id, StepMerge); !strings.HasPrefix(got, want) || strings.Count(got, "/") != 3 {
			t.Errorf("%q: got %s, want %s", id, got, want)
		}
	}
	if SynthesisStepKey("s", "a/b", "x") == SynthesisStepKey("s", "a-b", "x") || SynthesisStepKey("s", "a/b", "x") == SynthesisStepKey("s", "a.b", "x") {
		t.Error("two problems have one key")
	}
}

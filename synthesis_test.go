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

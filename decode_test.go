package t1

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func mistakeLines(mistakes []Mistake) []string {
	lines := make([]string, len(mistakes))
	for i, m := range mistakes {
		lines[i] = m.String()
	}
	return lines
}

func TestDecodeSpecMistakes(t *testing.T) {
	tests := []struct {
		name, spec string
		want       []string // lines
	}{
		{"nothing given", `{}`, nil},
		{"range", `{"rl": {"k": 1}}`, []string{"rl.k: got 1, want a whole number of at least 2"}},
		{"version", `{"version": 2}`, []string{"version: got 2, want a whole number equal to 1"}},
		{"open end", `{"rl": {"top_p": 0}}`, []string{"rl.top_p: got 0, want a number above 0 and at most 1"}},
		{"text for a number", `{"rl": {"k": "64"}}`, []string{`rl.k: got "64", want a whole number of at least 2`}},
		{"fraction for a whole number", `{"rl": {"k": 64.5}}`, []string{"rl.k: got 64.5, want a whole number of at least 2"}},
		{"beyond 64 bits", `{"seed": 99999999999999999999}`, []string{"seed: got 99999999999999999999, want a whole number of at least 0"}},
		{"beyond floating point", `{"rl": {"beta": 1e999}}`, []string{"rl.beta: got 1e999, want a number of at least 0"}},
		{"null", `{"rl": {"beta": null}}`, []string{"rl.beta: got null, want a number of at least 0"}},
		{"number for a flag", `{"rl": {"penalties": {"over_length": 1}}}`, []string{"rl.penalties.over_length: got 1, want true or false"}},
		{"no such choice", `{"rl": {"anchor": {"action": "eme"}}}`, []string{`rl.anchor.action: got "eme", want "ema" or "fixed" or "reset" or "none"`}},
		{"number for an object", `{"task": 3}`, []string{"task: got 3, want an object with the fields name, countdown, data, exec"}},
		{"near key", `{"rl": {"temprature": 1}}`, []string{"rl.temprature: got an unknown key, want a known one: did you mean rl.temperature?"}},
		{"letter case", `{"rl": {"K": 8}}`, []string{"rl.K: got an unknown key, want one of iterations, prompts, k, temperature, top_p, max_tokens, shards, block_prompts, optimizer, beta, plain_kl, alpha, clip_ratio, aggregation, anchor, penalties, iterations_per_run"}},
		{"key of another object", `{"kv_heads": 2}`, []string{"kv_heads: got an unknown key, want a known one: did you mean model.scratch.kv_heads?"}},
		{"key unlike any", `{"task": {"wordle": {}}}`, []string{"task.wordle: got an unknown key, want one of name, countdown, data, exec"}},
		{"key with a line break", `{"task": {"a\nb": {}}}`, []string{`task."a\nb": got an unknown key, want one of name, countdown, data, exec`}},
		{"key twice", `{"seed": 2, "seed": 3, "seed": 4}`, []string{"seed: got the key more than once, want the key once"}},
		{"object twice", `{"rl": {"k": 4}, "rl": {"k": 1}}`, []string{"rl: got the key more than once, want the key once"}},
		{"list of another type", `{"evaluation": {"at": [1, "x"]}}`, []string{`evaluation.at: got [1,"x"], want a list of rising numbers, each above 0 and at most 1`}},
		{"list that falls", `{"evaluation": {"at": [1, 0.5]}}`, []string{"evaluation.at: got [1,0.5], want a list of rising numbers, each above 0 and at most 1"}},
		{"empty list", `{"task": {"countdown": {"numbers": []}}}`, []string{"task.countdown.numbers: got [], want a list of rising whole numbers, each from 3 to 4, at least 1 of them"}},
		{"interval the wrong way", `{"pool": {"pass_rate": [0.5, 0.5]}}`, []string{"pool.pass_rate: got [0.5,0.5], want [low, high] with low below high, each from -1 to 2"}},
		{"anchor coefficient", `{"rl": {"anchor": {"coefficient": 1}}}`, []string{"rl.anchor.coefficient: got 1, want -1 or a number of at least 0 and below 1"}},
		{"heads", `{"model": {"scratch": {"hidden_size": 100, "heads": 3, "kv_heads": 2}}}`, []string{
			"model.scratch.hidden_size: got 100, want a multiple of 6, twice model.scratch.heads",
			"model.scratch.kv_heads: got 2, want a divisor of model.scratch.heads, 3",
		}},
		{"more shards than prompts", `{"rl": {"shards": 4, "prompts": 3}}`, []string{"rl.shards: got 4, want at most rl.prompts, 3"}},
		{"more problems than there are", `{"task": {"countdown": {"train": 10, "held_out": 10}}}`, []string{
			"pool.problems: got 1000, want at most task.countdown.train, 10",
			"evaluation.problems: got 512, want at most task.countdown.held_out, 10",
		}},
		{"hasty", `{"task": {"countdown": {"hasty": 1.5}}}`, []string{"task.countdown.hasty: got 1.5, want a number from 0 to 1"}},
		{"one cause, one line", `{"rl": {"prompts": 0, "shards": 3}}`, []string{"rl.prompts: got 0, want a whole number of at least 1"}},
		{"no JSON", "{\n  \"rl\": }", []string{"spec: got invalid character '}' looking for beginning of value at line 2, column 9, want a JSON object"}},
		{"nothing", "", []string{"spec: got unexpected end of JSON input at line 1, column 0, want a JSON object"}},
		{"two values", "{} {}", []string{"spec: got invalid character '{' after top-level value at line 1, column 4, want a JSON object"}},
		{"no object", "[]", []string{"spec: got [], want an object with the fields version, seed, task, model, sft, pool, rl, snapshot_every, evaluation, resources"}},
		{"all at once", `{"sed": 1, "rl": {"k": 1, "beta": "x", "iterations": 0}}`, []string{
			"sed: got an unknown key, want a known one: did you mean seed?",
			`rl.beta: got "x", want a number of at least 0`,
			"rl.iterations: got 0, want a whole number of at least 1",
			"rl.k: got 1, want a whole number of at least 2",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, mistakes := DecodeSpec([]byte(test.spec))
			if got := mistakeLines(mistakes); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestDecodeSpecKeepsDefaults(t *testing.T) {
	got, mistakes := DecodeSpec([]byte(`{"seed": 7, "rl": {"k": 8, "anchor": {"coefficient": -1}}, "evaluation": {"at": []}}`))
	if mistakes != nil {
		t.Fatal(mistakeLines(mistakes))
	}
	want := DefaultSpec()
	want.Seed, want.RL.K, want.RL.Anchor.Coefficient, want.Evaluation.At = 7, 8, -1, []float64{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMistakesError(t *testing.T) {
	if err := MistakesError(nil); err != nil {
		t.Errorf("no mistakes gave %v", err)
	}
	err := MistakesError([]Mistake{{"rl.k", "1", "more"}, {"100%", "x", "y"}})
	if got, want := err.Error(), "rl.k: got 1, want more\n100%: got x, want y"; got != want || KindOf(err) != KindInvalid {
		t.Errorf("got %s %q, want %q", KindOf(err), got, want)
	}
}

func FuzzDecodeSpec(f *testing.F) {
	defaults, err := json.Marshal(DefaultSpec())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(defaults), `{}`, `[`, `{"rl": {"k": 1, "k": 2}}`, `{"a\u0000": "\ud800"}`, "{\"\xff\": \"\xff\"}", `{"seed": -0}`,
		`{"model": {"scratch": {"heads": 0}}}`, `{"pool": {"pass_rate": [[]]}}`, `{"": {}, "rl": null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, mistakes := DecodeSpec(data)
		for _, m := range mistakes {
			if strings.ContainsAny(m.String(), "\n\r") || m.Field == "" || m.Given == "" || m.Allowed == "" {
				t.Errorf("a mistake that is no line: %q", m)
			}
		}
		if mistakes != nil {
			return
		}
		again, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		if back, mistakes := DecodeSpec(again); mistakes != nil || !reflect.DeepEqual(back, spec) {
			t.Errorf("%s came back as %+v with mistakes %v", again, back, mistakes)
		}
	})
}

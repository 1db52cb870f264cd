package t1

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func setting(path, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{path: json.RawMessage(value)}
}

func TestDecodeFork(t *testing.T) {
	got, err := DecodeFork([]byte(`{"fork": {"run": "a", "at": 3, "set": {"rl.k": 4}}}`))
	if want := (ForkRequest{ForkPoint{"a", 3}, setting("rl.k", "4")}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	text, err := got.JSON()
	if again, err2 := DecodeFork(text); err != nil || err2 != nil || !reflect.DeepEqual(got, again) || !IsFork(text) {
		t.Errorf("%s is read as %+v, %v, %v", text, again, err, err2)
	}
	for given, want := range map[string]string{
		`{"fork": {"run": "a"}}`:                     "run and at must be given",
		`{"fork": {"at": 0}}`:                        "run and at must be given",
		`{"fork": {"run": "a", "at": 1, "sett": 1}}`: `unknown field "sett"`,
		`{"fork": {"run": "a", "at": 1.5}}`:          "cannot unmarshal number 1.5",
		`{"fork": {"run": "a", "at": 1}, "rl": {}}`:  `unknown field "rl"`,
		`{"fork": {"run": "a", "at": 1}} {}`:         "more than one JSON value",
	} {
		if _, err := DecodeFork([]byte(given)); KindOf(err) != KindInvalid || !strings.Contains(err.Error(), want) || HintOf(err) == "" {
			t.Errorf("%s: got %v, want %q", given, err, want)
		}
	}
	if IsFork([]byte(`{"seed": 1}`)) || IsFork([]byte("[")) {
		t.Error("a spec is taken for a fork")
	}
}

func TestApply(t *testing.T) {
	parent := DefaultSpec()
	parent.Seed = 1<<62 + 1 // more than a float64 holds
	request := ForkRequest{Set: map[string]json.RawMessage{"rl.k": []byte("4"), "rl.anchor.action": []byte(`"fixed"`), "evaluation.at": []byte("[1]")}}
	want := parent
	want.RL.K, want.RL.Anchor.Action, want.Evaluation.At = 4, "fixed", []float64{1}
	if got, mistakes := request.Apply(parent); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, mistakes)
	}
	for path, test := range map[string]struct{ value, want string }{
		"rl.prompt":      {"4", "rl.prompt: got an unknown key, want a known one: did you mean rl.prompts?"},
		"rll.k":          {"4", "rll.k: got an unknown setting, want a known one: did you mean rl.k?"},
		"rl.k.x":         {"4", "rl.k.x: got an unknown setting"},
		"rl":             {`{"k": 4}`, "rl: got {\"k\":4}, want one of its settings, such as rl.aggregation"},
		"rl.k":           {`"four"`, `rl.k: got "four", want a whole number of at least 2`},
		"rl.temperature": {"3", "rl.temperature: got 3, want a number above 0 and at most 2"},
		"":               {"3", "an unknown key"},
	} {
		_, mistakes := ForkRequest{Set: setting(path, test.value)}.Apply(parent)
		if len(mistakes) != 1 || !strings.Contains(mistakes[0].String(), test.want) {
			t.Errorf("%s=%s: %v, want %q", path, test.value, mistakes, test.want)
		}
	}
}

// What the shared records were made with is fixed; everything else may change.
func TestContradictions(t *testing.T) {
	begun := Shared{ForkPoint: ForkPoint{"base", 0}}
	half := Shared{ForkPoint: ForkPoint{"base", 1}, Trained: 2}
	tuned := Shared{ForkPoint: ForkPoint{"base", 2}, Trained: 4, FineTuned: true}
	late := Shared{ForkPoint: ForkPoint{"base", 5}, Trained: 4, FineTuned: true, Iteration: 3}
	for setting, from := range map[string]struct {
		change func(*Spec)
		fixed  []bool // at begun, half, tuned, late
	}{
		"seed":                        {func(s *Spec) { s.Seed = 9 }, []bool{true, true, true, true}},
		"task.countdown.train":        {func(s *Spec) { s.Task.Countdown.Train = 9000 }, []bool{true, true, true, true}},
		"model.scratch.layers":        {func(s *Spec) { s.Model.Scratch.Layers = 9 }, []bool{true, true, true, true}},
		"resources.threads":           {func(s *Spec) { s.Resources.Threads = 9 }, []bool{true, true, true, true}},
		"resources.trainers":          {func(s *Spec) { s.Resources.Trainers = 2 }, []bool{true, true, true, true}},
		"resources.precision":         {func(s *Spec) { s.Resources.Precision = "bfloat16" }, []bool{true, true, true, true}},
		"resources.micro_tokens":      {func(s *Spec) { s.Resources.MicroTokens = 9 }, []bool{true, true, true, true}},
		"resources.offload":           {func(s *Spec) { s.Resources.Offload = true }, []bool{true, true, true, true}},
		"resources.recompute":         {func(s *Spec) { s.Resources.Recompute = true }, []bool{false, false, false, false}},
		"sft.epochs":                  {func(s *Spec) { s.SFT.Epochs = 9 }, []bool{false, true, true, true}},
		"sft.optimizer.learning_rate": {func(s *Spec) { s.SFT.Optimizer.LearningRate = 0.5 }, []bool{false, false, true, true}},
		"pool.pass_rate":              {func(s *Spec) { s.Pool.PassRate = []float64{0, 1} }, []bool{false, false, false, true}},
		"rl.k":                        {func(s *Spec) { s.RL.K = 9 }, []bool{false, false, false, false}},
		"rl.iterations":               {func(s *Spec) { s.RL.Iterations = 2 }, []bool{false, false, false, true}},
		"snapshot_every":              {func(s *Spec) { s.SnapshotEvery = 9 }, []bool{false, false, false, false}},
	} {
		fork := DefaultSpec()
		from.change(&fork)
		for i, shared := range []Shared{begun, half, tuned, late} {
			mistakes := shared.Contradictions(DefaultSpec(), fork)
			if fixed := len(mistakes) == 1 && mistakes[0].Field == setting; fixed != from.fixed[i] || !fixed && len(mistakes) > 0 {
				t.Errorf("%s at record %d: %v, want fixed %v", setting, shared.At, mistakes, from.fixed[i])
			}
		}
	}
}

package ablation

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"t1"
)

func TestMistakesInAStudy(t *testing.T) {
	for given, want := range map[string]string{
		`{"specs": "a"}`: `unknown field "specs"; a study has the keys`,
		`{"spec": "a", "seeds": [1, 1, -2]}`: "seeds: got 1, want seeds of at least 0, each once\nseeds: got -2, want seeds of at least 0, each once\n" +
			"ablations: got none, want a list of at least one ablation",
		`{"spec": "a", "seeds": [1], "ablations": [{"name": "base", "set": {"rl.k": 4}}]}`: `ablations[0].name: got "base", want`,
		`{"spec": "a", "seeds": [1], "ablations": [{"name": "K4"}]}`:                       "ablations[0].set: got nothing, want the settings that differ",
		`{"seeds": []}`: "spec: got nothing, want the file of a spec\nseeds: got none",
	} {
		if _, err := Decode([]byte(given)); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", given, err, want)
		}
	}
}

func one(path, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{path: json.RawMessage(value)}
}

// What a run would refuse after an hour is refused before.
func TestBaseSpec(t *testing.T) {
	study := Study{Set: one("rl.iterations", "30"), Seeds: []int64{7}, Ablations: []Variant{{"k4", one("rl.k", "4")}}}
	spec, err := study.BaseSpec(t1.DefaultSpec(), 7)
	if err != nil || spec.Seed != 7 || spec.RL.Iterations != 30 || spec.RL.K != 64 {
		t.Errorf("base: %+v, %v", spec, err)
	}
	for path, want := range map[string]string{
		"rl.prompt":  "ablation x: rl.prompt: got an unknown key",
		"sft.epochs": "ablation x: sft.epochs: got 9, want 3, as in run base: the supervised initialisation is over",
	} {
		study.Ablations = []Variant{{"x", one(path, "9")}}
		if _, err := study.BaseSpec(t1.DefaultSpec(), 7); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func end(run string, seed int64, perProblem ...float64) End {
	r := t1.Result{PerProblem: perProblem, Sampled: t1.ShareInterval(perProblem), Problems: len(perProblem)}
	return End{Run: run, Seed: seed, Result: r, Tokens: 100 * float64(seed)}
}

// Two seeds by hand: differences 0.5, 0.5, 0 and 0, 0.5, 0.
func TestCompare(t *testing.T) {
	study := Study{Ablations: []Variant{{"k4", one("rl.k", "4")}}}
	ends := map[string][]End{
		Base: {end("s-s1", 1, 0, 0.5, 1), end("s-s2", 2, 0.5, 0, 0)},
		"k4": {end("s-s1-k4", 1, 0.5, 1, 1), end("s-s2-k4", 2, 0.5, 0.5, 0)},
	}
	table, err := Compare("s", study, 30, ends)
	if err != nil || len(table.Rows) != 2 || table.Rows[0].Name != Base || table.Rows[0].GainSeeds.N != 0 || table.Problems != 3 {
		t.Fatalf("table %+v, %v", table, err)
	}
	row := table.Rows[1]
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("gain of seed 1", row.Runs[0].Gain.Mean, 1.0/3)
	near("gain of seed 2", row.Runs[1].Gain.Mean, 0.5/3)
	near("gain over problems", row.GainProblems.Mean, 0.25)
	near("its low end", row.GainProblems.Low, 0.5/6) // three of six differ by 0.5: of six draws, 1.6 % have none and 10.9 % at most one that does
	near("its high end", row.GainProblems.High, 2.5/6)
	near("gain over seeds", row.GainSeeds.Mean, 0.25)
	near("its half width", row.GainSeeds.High-row.GainSeeds.Mean, 12.706205*(1.0/6/math.Sqrt2)/math.Sqrt2) // two gains, 1/6 apart
	near("sampled", row.Sampled, (2.5/3+1.0/3)/2)
	near("tokens", row.Tokens, 150)
	var page strings.Builder
	if err := table.Markdown(&page); err != nil || !strings.Contains(page.String(), "| k4 | `rl.k=4` | 58.3 | 0.0 | +25.0 [+8.3, +41.7] | +25.0 [-80.9, +130.9] | 0.0 | 0 | 150 |") {
		t.Errorf("%v\n%s", err, &page)
	}

	ends["k4"][1] = end("s-s2-k4", 2, 0.5)
	if _, err := Compare("s", study, 30, ends); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "run s-s2-k4 was evaluated on 1 problems, run s-s2 on 3") {
		t.Errorf("problems that do not pair: %v", err)
	}
}

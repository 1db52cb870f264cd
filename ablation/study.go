// Package ablation compares a run with forks of it that differ in one thing:
// which runs a study makes, and what their evaluations say. It is pure.
package ablation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"t1"
)

// Study is a file of ablations: for each seed one run, and forks of it after its
// supervised initialisation and its pool.
type Study struct {
	Spec      string                     `json:"spec"`      // file of the base spec, from the study's own directory
	Set       map[string]json.RawMessage `json:"set"`       // settings of all runs that are not the spec's, by path
	Seeds     []int64                    `json:"seeds"`     // at least one; each makes its own games, demonstrations and weights
	Ablations []Variant                  `json:"ablations"` // in the order of the table
}

// Variant is one ablation.
type Variant struct {
	Name string                     `json:"name"` // part of the runs' names
	Set  map[string]json.RawMessage `json:"set"`  // what differs from the base, by path
}

// Base is the name of the row that the others are compared with.
const Base = "base"

var variantName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,23}$`)

// Decode reads a study, strictly; every mistake is named, KindInvalid.
func Decode(data []byte) (Study, error) {
	var study Study
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&study); err != nil {
		return study, t1.Errorf(t1.KindInvalid, "%s; a study has the keys spec, set, seeds and ablations, an ablation has name and set", strings.TrimPrefix(err.Error(), "json: "))
	}
	if err := t1.MistakesError(study.mistakes()); err != nil {
		return study, err
	}
	return study, nil
}

func (s Study) mistakes() []t1.Mistake {
	var mistakes []t1.Mistake
	add := func(field, given, allowed string) {
		mistakes = append(mistakes, t1.Mistake{Field: field, Given: given, Allowed: allowed})
	}
	if s.Spec == "" {
		add("spec", "nothing", "the file of a spec")
	}
	if len(s.Seeds) == 0 {
		add("seeds", "none", "a list of at least one seed")
	}
	for i, seed := range s.Seeds {
		if seed < 0 || slices.Contains(s.Seeds[:i], seed) {
			add("seeds", fmt.Sprint(seed), "seeds of at least 0, each once")
		}
	}
	if len(s.Ablations) == 0 {
		add("ablations", "none", "a list of at least one ablation")
	}
	names := []string{Base}
	for i, v := range s.Ablations {
		if !variantName.MatchString(v.Name) || strings.Contains(v.Name, "..") || slices.Contains(names, v.Name) {
			add(fmt.Sprintf("ablations[%d].name", i), fmt.Sprintf("%q", v.Name), "1 to 24 small letters, digits, '.', '_' and '-', not \"base\", each name once")
		}
		if len(v.Set) == 0 {
			add(fmt.Sprintf("ablations[%d].set", i), "nothing", "the settings that differ, such as {rl.k: 4}")
		}
		names = append(names, v.Name)
	}
	return mistakes
}

// BaseSpec is the spec of a seed's base run. Whatever would be refused once the
// base is trained is named here: an ablation cannot change what the shared
// records are made with.
func (s Study) BaseSpec(spec t1.Spec, seed int64) (t1.Spec, error) {
	base, mistakes := t1.ForkRequest{Set: s.Set}.Apply(spec)
	if len(mistakes) > 0 {
		return base, inSection("set", mistakes)
	}
	base.Seed = seed
	shared := t1.Shared{ForkPoint: t1.ForkPoint{Run: Base}, Trained: 1, FineTuned: true}
	for _, v := range s.Ablations {
		fork, mistakes := t1.ForkRequest{Set: v.Set}.Apply(base)
		if len(mistakes) == 0 {
			mistakes = shared.Contradictions(base, fork)
		}
		if len(mistakes) > 0 {
			return base, inSection("ablation "+v.Name, mistakes)
		}
	}
	return base, nil
}

func inSection(section string, mistakes []t1.Mistake) error {
	for i := range mistakes {
		mistakes[i].Field = section + ": " + mistakes[i].Field
	}
	return t1.MistakesError(mistakes)
}

// RunName names the run of a variant, or of the base, and a seed.
func RunName(study, variant string, seed int64) string {
	if variant == Base {
		return fmt.Sprintf("%s-s%d", study, seed)
	}
	return fmt.Sprintf("%s-s%d-%s", study, seed, variant)
}

// settings writes settings as people do: "rl.k=4".
func settings(set map[string]json.RawMessage) []string {
	out := []string{}
	for _, path := range slices.Sorted(maps.Keys(set)) {
		out = append(out, path+"="+strings.Trim(string(set[path]), `"`))
	}
	return out
}

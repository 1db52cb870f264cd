package t1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ForkPoint says which records a run shares with another: 0 to At.
type ForkPoint struct {
	Run string `json:"run"` // whose they are, or whose log has them
	At  int    `json:"at"`  // the last one shared; the fork's own begin after it
}

// Fork is a run's fork.json: its log begins with another's records. A run that
// begins with its own has none.
type Fork struct {
	Schema int `json:"schema"` // 1
	ForkPoint
	Record string                     `json:"record"`        // SHA-256 of the bytes of record At: what the fork's first own record follows
	Set    map[string]json.RawMessage `json:"set,omitempty"` // settings that differ from the other run's, by path
}

// ForkRequest asks for a fork; it is the input of Train in place of a spec,
// under the key "fork".
//
// Example: {"fork": {"run": "countdown", "at": 56, "set": {"rl.k": 4}}}
type ForkRequest struct {
	ForkPoint
	Set map[string]json.RawMessage `json:"set,omitempty"` // by path, such as "rl.k"
}

// JSON is the request as Train takes it.
func (r ForkRequest) JSON() (json.RawMessage, error) {
	return json.Marshal(map[string]ForkRequest{forkKey: r})
}

const forkKey = "fork"

// IsFork reports whether an input of Train asks for a fork.
func IsFork(input json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(input, &object) == nil && object[forkKey] != nil
}

// DecodeFork reads an input of Train that [IsFork], strictly: an unknown or a
// missing key is KindInvalid.
func DecodeFork(input json.RawMessage) (ForkRequest, error) {
	var given struct {
		Fork struct {
			Run *string                    `json:"run"`
			At  *int                       `json:"at"`
			Set map[string]json.RawMessage `json:"set"`
		} `json:"fork"`
	}
	decoder := json.NewDecoder(bytes.NewReader(input))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&given)
	if err == nil && (given.Fork.Run == nil || given.Fork.At == nil) {
		err = errors.New("run and at must be given")
	}
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil {
		return ForkRequest{}, Errorf(KindInvalid, "fork: %s", strings.TrimPrefix(err.Error(), "json: ")).
			WithHint(`{"fork": {"run": "RUN", "at": 12, "set": {"rl.k": 4}}}`)
	}
	return ForkRequest{ForkPoint{*given.Fork.Run, *given.Fork.At}, given.Fork.Set}, nil
}

// Apply gives the fork's spec: the other run's with the settings changed, and
// every mistake in them.
func (r ForkRequest) Apply(parent Spec) (Spec, []Mistake) {
	data, err := json.Marshal(parent)
	if err != nil {
		return parent, []Mistake{{"spec", err.Error(), "a spec that was resolved"}}
	}
	var tree map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // a seed may be larger than a float64 holds
	if err := decoder.Decode(&tree); err != nil {
		return parent, []Mistake{{"spec", err.Error(), "a spec that was resolved"}}
	}
	var mistakes []Mistake
	for _, path := range slices.Sorted(maps.Keys(r.Set)) {
		mistakes = append(mistakes, put(tree, path, r.Set[path])...)
	}
	if len(mistakes) > 0 {
		return parent, mistakes
	}
	if data, err = json.Marshal(tree); err != nil {
		return parent, []Mistake{{"set", err.Error(), "JSON values"}}
	}
	return DecodeSpec(data)
}

// put changes one setting of a spec's JSON. A key that does not exist is left to
// the decoder, which knows its neighbours.
func put(tree map[string]any, path string, value json.RawMessage) []Mistake {
	names := strings.Split(path, ".")
	for i, name := range names[:len(names)-1] {
		below, is := tree[name].(map[string]any)
		if !is {
			parent := strings.Join(names[:i], ".")
			return []Mistake{{plain(path), "an unknown setting", suggest(parent, names[len(names)-1], slices.Sorted(maps.Keys(tree)))}}
		}
		tree = below
	}
	last := names[len(names)-1]
	if section, is := tree[last].(map[string]any); is {
		return []Mistake{{path, show(value), "one of its settings, such as " + path + "." + slices.Sorted(maps.Keys(section))[0]}}
	}
	tree[last] = value
	return nil
}

// fingerprinted are the settings that are part of the environment fingerprint:
// with other ones a step has other bits.
var fingerprinted = []string{"resources.threads", "resources.trainers", "resources.precision", "resources.micro_tokens", "resources.offload"}

// Shared is how far a log has come at the record that a fork begins at.
type Shared struct {
	ForkPoint
	Trained   int  // supervised steps done
	FineTuned bool // the supervised initialisation is over
	Iteration int  // iterations done
}

// Contradictions lists the settings of a fork that differ from those the shared
// records were made with.
func (s Shared) Contradictions(parent, fork Spec) []Mistake {
	var mistakes []Mistake
	before, after := reflect.ValueOf(parent), reflect.ValueOf(fork)
	for _, rule := range specRules {
		old, changed := valueAt(before, rule.Field).Interface(), valueAt(after, rule.Field).Interface()
		why := s.fixed(rule.Field)
		if why == "" || reflect.DeepEqual(old, changed) {
			continue
		}
		allowed := fmt.Sprintf("%s, as in run %s: %s", asJSON(old), s.Run, why)
		mistakes = append(mistakes, Mistake{rule.Field, show([]byte(asJSON(changed))), allowed})
	}
	if fork.RL.Iterations < s.Iteration {
		allowed := fmt.Sprintf("at least %d, the iterations that records 0 to %d hold", s.Iteration, s.At)
		mistakes = append(mistakes, Mistake{"rl.iterations", fmt.Sprint(fork.RL.Iterations), allowed})
	}
	return mistakes
}

// fixed says why a setting cannot change any more; empty where it can.
func (s Shared) fixed(field string) string {
	section, _, _ := strings.Cut(field, ".")
	switch {
	case section == "seed" || section == "task" || section == "model":
		return "record 0 was made with it"
	case slices.Contains(fingerprinted, field):
		return "the shared records are computed again only in the same way"
	case section == "sft" && s.FineTuned:
		return fmt.Sprintf("the supervised initialisation is over at record %d", s.At)
	case (field == "sft.epochs" || field == "sft.batch_size") && s.Trained > 0:
		return fmt.Sprintf("its first %d steps were made with it", s.Trained)
	case section == "pool" && s.Iteration > 0:
		return fmt.Sprintf("the pool was chosen before record %d", s.At)
	}
	return ""
}

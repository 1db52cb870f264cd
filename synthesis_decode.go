package t1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// DecodeSynthesisSpec reads a synthesis spec, a JSON object, onto the defaults,
// with the strictness of [DecodeSpec]: every mistake at once. A value that
// might be a key somebody pasted is not repeated in a mistake.
func DecodeSynthesisSpec(data []byte) (SynthesisSpec, []Mistake) {
	spec := DefaultSynthesisSpec()
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return spec, []Mistake{{Field: "spec", Given: badJSON(data, err), Allowed: "a JSON object"}}
	}
	d := synthesisDecoder{wrong: map[string]bool{}}
	d.object("", bytes.TrimSpace(whole), reflect.ValueOf(&spec).Elem())
	d.check("", reflect.ValueOf(spec))
	return spec, append(d.mistakes, synthesisFits(spec, d.wrong)...)
}

// SynthesisRules gives the rule of every field, in the order of [SynthesisSpec].
func SynthesisRules() []Rule { return slices.Clone(synthesisRules) }

// synthesisDecoder gathers mistakes; it differs from specDecoder in that a list
// may hold objects.
type synthesisDecoder struct {
	mistakes []Mistake
	wrong    map[string]bool // fields that are reported already
}

func (d *synthesisDecoder) add(field, given, allowed string) {
	if strings.HasSuffix(field, "api_key_env") {
		given = "something else"
	}
	d.mistakes = append(d.mistakes, Mistake{field, given, allowed})
	d.wrong[field] = true
}

func (d *synthesisDecoder) object(path string, raw json.RawMessage, into reflect.Value) {
	names := fieldNames(into.Type())
	if raw[0] != '{' {
		d.add(orSpec(path), show(raw), "an object with the fields "+strings.Join(names, ", "))
		return
	}
	given := map[string]int{}
	for _, m := range membersOf(raw) {
		field := join(path, plain(m.key))
		at, known := fieldByName(into, m.key)
		given[m.key]++
		switch {
		case given[m.key] > 1:
			d.add(field, "the key more than once", "the key once")
		case !known:
			d.add(field, "an unknown key", nearest(path, m.key, names))
		case at.Kind() == reflect.Struct:
			d.object(field, m.value, at)
		case at.Type() == reflect.TypeFor[[]EndpointSpec]():
			d.endpoints(field, m.value, at)
		case !take(m.value, at):
			d.add(field, show(m.value), synthesisRule(field).Allowed)
		}
	}
}

func (d *synthesisDecoder) endpoints(field string, raw json.RawMessage, into reflect.Value) {
	var items []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &items) != nil || len(items) == 0 {
		d.add(field, show(raw), "a list of endpoints, at least one")
		return
	}
	list := make([]EndpointSpec, len(items))
	for i := range list {
		list[i] = DefaultEndpoint()
		d.object(fmt.Sprintf("%s[%d]", field, i), items[i], reflect.ValueOf(&list[i]).Elem())
	}
	into.Set(reflect.ValueOf(list))
}

// check holds every field that could be read against its rule.
func (d *synthesisDecoder) check(path string, v reflect.Value) {
	switch {
	case d.wrong[path] && path != "":
	case v.Kind() == reflect.Struct:
		for i, name := range fieldNames(v.Type()) {
			d.check(join(path, name), v.Field(i))
		}
	case v.Type() == reflect.TypeFor[[]EndpointSpec]():
		for i := range v.Len() {
			d.check(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		if rule := synthesisRule(path); !rule.holds(v.Interface()) {
			d.add(path, show([]byte(asJSON(v.Interface()))), rule.Allowed)
		}
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

// synthesisRule is the rule of a field; a field without one panics, and a test
// asserts that there is none.
func synthesisRule(field string) Rule {
	general := index.ReplaceAllString(field, "[]")
	i := slices.IndexFunc(synthesisRules, func(r Rule) bool { return r.Field == general })
	if i < 0 {
		panic("t1: no rule for " + field)
	}
	return synthesisRules[i]
}

// nearest says what may stand in place of an unknown key.
func nearest(path, key string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		if d := editDistance(key, name); d < distance && d < len(name) {
			best, distance = join(path, name), d
		}
	}
	if best == "" {
		return "one of " + strings.Join(names, ", ")
	}
	return "a known one: did you mean " + best + "?"
}

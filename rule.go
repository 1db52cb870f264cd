package t1

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Rule says what one field of a Spec may hold. The rules check a spec, and the
// spec reference is made from them.
type Rule struct {
	Field   string // path, such as "rl.k"
	Type    string // "whole number", "number", "text", "true or false" or "list of ..."
	Default string // of [DefaultSpec], as JSON
	Allowed string // such as "a whole number of at least 2"
	Source  string // of the default: P the paper, C the authors' sibling code, D ours
	Doc     string // what the field means

	holds func(value any) bool
}

// SpecRules gives the rule of every field, in the order of [Spec].
func SpecRules() []Rule {
	rules := slices.Clone(specRules)
	defaults := reflect.ValueOf(DefaultSpec())
	for i, rule := range rules {
		rules[i].Default = asJSON(valueAt(defaults, rule.Field).Interface())
	}
	return rules
}

// span is a range of numbers; an end at infinity is no bound.
type span struct {
	low, high         float64
	openLow, openHigh bool // the end itself does not belong
}

func atLeast(low float64) span         { return span{low: low, high: math.Inf(1)} }
func above(low float64) span           { return span{low: low, high: math.Inf(1), openLow: true} }
func between(low, high float64) span   { return span{low: low, high: high} }
func aboveTo(low, high float64) span   { return span{low: low, high: high, openLow: true} }
func fromBelow(low, high float64) span { return span{low: low, high: high, openHigh: true} }

func (s span) holds(v float64) bool {
	return (v > s.low || v == s.low && !s.openLow) && (v < s.high || v == s.high && !s.openHigh)
}

// String is the range as it follows "a number".
func (s span) String() string {
	low, high := fmt.Sprintf("of at least %v", s.low), fmt.Sprintf("at most %v", s.high)
	if s.openLow {
		low = fmt.Sprintf("above %v", s.low)
	}
	if s.openHigh {
		high = fmt.Sprintf("below %v", s.high)
	}
	switch {
	case math.IsInf(s.high, 1):
		return low
	case s.low == s.high:
		return fmt.Sprintf("equal to %v", s.low)
	case !s.openLow && !s.openHigh:
		return fmt.Sprintf("from %v to %v", s.low, s.high)
	}
	return low + " and " + high
}

func whole(field string, s span, source, doc string) Rule {
	return Rule{
		Field: field, Type: "whole number", Allowed: "a whole number " + s.String(), Source: source, Doc: doc,
		holds: func(value any) bool { return s.holds(float64(reflect.ValueOf(value).Int())) },
	}
}

func number(field string, s span, source, doc string) Rule {
	return Rule{
		Field: field, Type: "number", Allowed: "a number " + s.String(), Source: source, Doc: doc,
		holds: func(value any) bool { return s.holds(value.(float64)) },
	}
}

func flag(field, source, doc string) Rule {
	return Rule{
		Field: field, Type: "true or false", Allowed: "true or false", Source: source, Doc: doc,
		holds: func(any) bool { return true },
	}
}

func choice(field, source, doc string, values ...string) Rule {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = asJSON(v)
	}
	return Rule{
		Field: field, Type: "text", Allowed: strings.Join(quoted, " or "), Source: source, Doc: doc,
		holds: func(value any) bool { return slices.Contains(values, value.(string)) },
	}
}

func text(field, allowed, doc string, holds func(string) bool) Rule {
	return Rule{Field: field, Type: "text", Allowed: allowed, Source: "D", Doc: doc, holds: func(v any) bool { return holds(v.(string)) }}
}

func texts(field, doc string) Rule {
	return Rule{
		Field: field, Type: "list of texts", Allowed: "a list of texts, none of them empty", Source: "D", Doc: doc,
		holds: func(v any) bool {
			return !slices.ContainsFunc(v.([]string), func(s string) bool { return !notEmpty(s) })
		},
	}
}

// dataset is a rule for the name or digest of an imported data set.
func dataset(field, doc string) Rule {
	return text(field, "empty, or an imported data set's name or digest", doc, nameOrDigest)
}

// nameOrDigest admits what t1 data import and t1 model import name things.
func nameOrDigest(v string) bool { return v == "" || nameForm.MatchString(v) }

// SummaryModelPrefix stands before the name of an imported model in
// [ScalingSpec].SummaryModel.
const SummaryModelPrefix = "model:"

func isSummaryModel(v string) bool {
	name, imported := strings.CutPrefix(v, SummaryModelPrefix)
	return v == "sft" || v == "policy" || imported && nameForm.MatchString(name)
}

// suiteForm is a suite's name; a resolved spec has its data set's digest behind it.
var suiteForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(@[0-9a-f]{64})?$`)

func areSuites(names []string) bool {
	for i, name := range names {
		if !suiteForm.MatchString(name) || slices.Contains(names[:i], name) {
			return false
		}
	}
	return true
}

// nameForm is what package library names things; 64 hex digits, a digest, have it too.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func wholes(field string, s span, least int, source, doc string) Rule {
	return Rule{
		Field: field, Type: "list of whole numbers", Allowed: listOf("whole numbers", s, least), Source: source, Doc: doc,
		holds: func(value any) bool { return risingWithin(value.([]int), s, least) },
	}
}

func numbers(field string, s span, least int, source, doc string) Rule {
	return Rule{
		Field: field, Type: "list of numbers", Allowed: listOf("numbers", s, least), Source: source, Doc: doc,
		holds: func(value any) bool { return risingWithin(value.([]float64), s, least) },
	}
}

func listOf(what string, s span, least int) string {
	text := fmt.Sprintf("a list of rising %s, each %v", what, s)
	if least > 0 {
		text += fmt.Sprintf(", at least %d of them", least)
	}
	return text
}

// risingWithin rejects equal neighbours too: no list of a spec may name a thing twice.
func risingWithin[N int | float64](list []N, s span, least int) bool {
	for i, v := range list {
		if !s.holds(float64(v)) || i > 0 && v <= list[i-1] {
			return false
		}
	}
	return len(list) >= least
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value) // not a number, or infinite
	}
	return string(text)
}

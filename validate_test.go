package t1

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// leaves lists the paths of all fields that are no struct, in order.
func leaves(path string, of reflect.Type) []string {
	var paths []string
	for i, name := range fieldNames(of) {
		if at := of.Field(i).Type; at.Kind() == reflect.Struct {
			paths = append(paths, leaves(join(path, name), at)...)
		} else {
			paths = append(paths, join(path, name))
		}
	}
	return paths
}

// No field may go unchecked: every one has a rule, in the order of Spec.
func TestEveryFieldHasARule(t *testing.T) {
	fields := leaves("", reflect.TypeFor[Spec]())
	var ruled []string
	for _, rule := range SpecRules() {
		ruled = append(ruled, rule.Field)
		if rule.Type == "" || rule.Default == "" || rule.Allowed == "" || rule.Doc == "" || !slices.Contains([]string{"P", "C", "D"}, rule.Source) {
			t.Errorf("%s: the rule leaves something out: %+v", rule.Field, rule)
		}
	}
	if !slices.Equal(fields, ruled) {
		t.Errorf("fields and rules differ\nfields %v\nrules  %v", fields, ruled)
	}
}

// A rule says the type its field has.
func TestRulesNameTheType(t *testing.T) {
	names := map[reflect.Kind]string{
		reflect.Int: "whole number", reflect.Int64: "whole number", reflect.Float64: "number", reflect.Bool: "true or false", reflect.String: "text",
	}
	spec := reflect.ValueOf(DefaultSpec())
	for _, rule := range SpecRules() {
		of, want := valueAt(spec, rule.Field).Type(), ""
		if of.Kind() == reflect.Slice {
			of, want = of.Elem(), "list of "
		}
		want += names[of.Kind()]
		if strings.HasPrefix(want, "list") {
			want += "s"
		}
		if rule.Type != want {
			t.Errorf("%s: rule says %q, field is %q", rule.Field, rule.Type, want)
		}
	}
}

func TestDefaultSpecIsValid(t *testing.T) {
	if mistakes := DefaultSpec().Mistakes(); mistakes != nil {
		t.Error(strings.Join(mistakeLines(mistakes), "\n"))
	}
}

func TestZeroSpecIsWrongEverywhere(t *testing.T) {
	mistakes := Spec{}.Mistakes()
	if len(mistakes) < 30 {
		t.Errorf("got %d mistakes only:\n%s", len(mistakes), strings.Join(mistakeLines(mistakes), "\n"))
	}
	if got, want := mistakes[0].String(), "version: got 0, want a whole number equal to 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSpan(t *testing.T) {
	tests := []struct {
		span  span
		text  string
		holds []float64
		fails []float64
	}{
		{atLeast(2), "of at least 2", []float64{2, 3}, []float64{1.9}},
		{above(0), "above 0", []float64{0.1}, []float64{0, -1}},
		{between(3, 4), "from 3 to 4", []float64{3, 4}, []float64{2, 5}},
		{between(1, 1), "equal to 1", []float64{1}, []float64{0, 2}},
		{aboveTo(0, 1), "above 0 and at most 1", []float64{0.1, 1}, []float64{0, 1.1}},
		{fromBelow(0, 1), "of at least 0 and below 1", []float64{0, 0.9}, []float64{-0.1, 1}},
	}
	for _, test := range tests {
		if got := test.span.String(); got != test.text {
			t.Errorf("got %q, want %q", got, test.text)
		}
		for _, v := range test.holds {
			if !test.span.holds(v) {
				t.Errorf("%s rejects %v", test.text, v)
			}
		}
		for _, v := range test.fails {
			if test.span.holds(v) {
				t.Errorf("%s accepts %v", test.text, v)
			}
		}
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"temprature", "temperature", 1}, {"k", "k", 0},
	}
	for _, test := range tests {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

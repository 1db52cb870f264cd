package report

import (
	"encoding/json"
	"math"
	"strings"

	"t1"
)

// setting is what the recipe says about one field of a spec.
type setting struct {
	path    string
	meaning string
	value   string // the recipe's, as JSON, or = and the path of another setting; empty: nothing published, t1's default stands in
	remark  string
	mark    string // P, C or D; a D is never the paper's
}

// recipeGroup is one part of the table of settings.
type recipeGroup struct {
	Name string
	Rows []recipeRow
}

type recipeRow struct {
	Path, Meaning, Value, Recipe, Remark, Mark string
	Differs                                    bool
}

// newRecipe is every setting of the run beside the recipe's.
func newRecipe(spec t1.Spec) ([]recipeGroup, error) {
	values, err := flatten(spec)
	if err != nil {
		return nil, err
	}
	defaults, err := flatten(t1.DefaultSpec())
	if err != nil {
		return nil, err
	}
	var groups []recipeGroup
	for _, s := range settings {
		name, _, _ := strings.Cut(s.path, ".")
		if title := groupTitles[name]; len(groups) == 0 || groups[len(groups)-1].Name != title {
			groups = append(groups, recipeGroup{Name: title})
		}
		group := &groups[len(groups)-1]
		row := s.row(values, defaults)
		if s.path == "rl.anchor.coefficient" && spec.RL.Anchor.Coefficient < 0 {
			row.Value = exact(math.Round(spec.RL.AnchorCoefficient()*1e6)/1e6) + " (from " + row.Value + ")"
		}
		group.Rows = append(group.Rows, row)
	}
	return groups, nil
}

func (s setting) row(values, defaults map[string]string) recipeRow {
	row := recipeRow{Path: s.path, Meaning: s.meaning, Value: readable(values[s.path]), Remark: s.remark, Mark: s.mark}
	if s.value == "" {
		row.Recipe, row.Differs = "not published; t1: "+readable(defaults[s.path]), values[s.path] != defaults[s.path]
		return row
	}
	published := s.value
	if other, same := strings.CutPrefix(s.value, "="); same {
		published = values[other]
	}
	row.Recipe, row.Differs = readable(published), !sameJSON(values[s.path], published)
	return row
}

// flatten gives the leaves of a spec by path, as JSON. A list is a leaf.
func flatten(spec t1.Spec) (map[string]string, error) {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	return out, leaves("", data, out)
}

func leaves(path string, data json.RawMessage, out map[string]string) error {
	if len(data) == 0 || data[0] != '{' {
		out[path] = string(data)
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	for key, value := range object {
		if err := leaves(strings.TrimPrefix(path+"."+key, "."), value, out); err != nil {
			return err
		}
	}
	return nil
}

// sameJSON reports whether two texts are the same value: 1e-5 is 0.00001.
func sameJSON(a, b string) bool { return canonical(a) == canonical(b) }

func canonical(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(out)
}

// readable shows JSON as a person would write it.
func readable(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return readableValue(v)
}

func readableValue(v any) string {
	switch v := v.(type) {
	case float64:
		return exact(v)
	case bool:
		if v {
			return "on"
		}
		return "off"
	case string:
		return visible(v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = readableValue(e)
		}
		return strings.Join(parts, ", ")
	}
	return "–"
}

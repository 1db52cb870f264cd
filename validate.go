package t1

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Mistakes gives everything that is wrong with a spec that was not decoded by
// [DecodeSpec], which reports the same.
func (s Spec) Mistakes() []Mistake { return validate(s, map[string]bool{}) }

// validate checks every field and then how fields fit together. It passes over
// those known to be wrong, which have been reported, and adds to them.
func validate(spec Spec, wrong map[string]bool) []Mistake {
	var mistakes []Mistake
	root := reflect.ValueOf(spec)
	for _, rule := range specRules {
		value := valueAt(root, rule.Field).Interface()
		if !wrong[rule.Field] && !rule.holds(value) {
			wrong[rule.Field] = true
			mistakes = append(mistakes, Mistake{rule.Field, show([]byte(asJSON(value))), rule.Allowed})
		}
	}
	for _, fit := range fits {
		allowed := fit.check(spec)
		if wrong[fit.field] || wrong[fit.other] || allowed == "" {
			continue
		}
		given := asJSON(valueAt(root, fit.field).Interface())
		mistakes = append(mistakes, Mistake{fit.field, given, allowed})
	}
	return mistakes
}

// fit is a rule between two fields.
type fit struct {
	field, other string
	check        func(Spec) string // what the field may hold, or empty where it does
}

var fits = []fit{
	atMostField("task.countdown.max_number", "task.countdown.max_target"),
	{"model.scratch.hidden_size", "model.scratch.heads", func(s Spec) string {
		// Rotary position embeddings turn pairs, so each head's width is even.
		m := s.Model.Scratch
		return unless(m.Heads > 0 && m.HiddenSize%(2*m.Heads) == 0, "a multiple of %d, twice model.scratch.heads", 2*m.Heads)
	}},
	{"model.scratch.kv_heads", "model.scratch.heads", func(s Spec) string {
		m := s.Model.Scratch
		return unless(m.KVHeads > 0 && m.Heads%m.KVHeads == 0, "a divisor of model.scratch.heads, %d", m.Heads)
	}},
	ofCountdown(atMostField("pool.problems", "task.countdown.train")),
	atMostField("rl.shards", "rl.prompts"),
	ofCountdown(atMostField("evaluation.problems", "task.countdown.held_out")),
	ofImported("task.data.train", "an imported data set's name, with task.name %q", func(s Spec) bool { return s.Task.Data.Train != "" }),
	ofImported("task.data.held_out", "an imported data set's name, with task.name %q", func(s Spec) bool { return s.Task.Data.HeldOut != "" }),
	ofImported("model.base", "an imported model's name, with task.name %q: a model from scratch knows no words but a game's", func(s Spec) bool { return s.Model.Base != "" }),
	{"task.exec.command", "task.name", func(s Spec) string {
		return unless(s.Task.Name != "exec" || len(s.Task.Exec.Command) > 0, `the program that grades, with task.name "exec"`)
	}},
}

// game is the task that is made from the seed.
const game = "countdown"

// ofCountdown is a rule that holds for the game only.
func ofCountdown(f fit) fit {
	check := f.check
	f.check = func(s Spec) string {
		if s.Task.Name != game {
			return ""
		}
		return check(s)
	}
	return f
}

// ofImported is a rule for the tasks of imported problems; allowed has the
// task's name put in.
func ofImported(field, allowed string, fine func(Spec) bool) fit {
	return fit{field, "task.name", func(s Spec) string {
		return unless(s.Task.Name == game || fine(s), allowed, s.Task.Name)
	}}
}

// atMostField says that one whole number must not exceed another.
func atMostField(field, other string) fit {
	return fit{field, other, func(s Spec) string {
		root := reflect.ValueOf(s)
		limit := valueAt(root, other).Int()
		return unless(valueAt(root, field).Int() <= limit, "at most %s, %d", other, limit)
	}}
}

func unless(fine bool, format string, args ...any) string {
	if fine {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// valueAt is the field of a spec at a path such as "rl.k"; a path that leads
// nowhere is a mistake in the tables above and panics.
func valueAt(root reflect.Value, path string) reflect.Value {
	for name := range strings.SplitSeq(path, ".") {
		next, ok := fieldByName(root, name)
		if !ok {
			panic("t1: no field " + path + " in Spec")
		}
		root = next
	}
	return root
}

// ruleOf is the rule of a field; a field without one panics, and a test asserts
// that there is none.
func ruleOf(field string) Rule {
	i := slices.IndexFunc(specRules, func(r Rule) bool { return r.Field == field })
	if i < 0 {
		panic("t1: no rule for " + field)
	}
	return specRules[i]
}

// suggest says what may stand in place of an unknown key of the object at path:
// the nearest of its names, else the same name elsewhere, else any of its names.
func suggest(path, key string, names []string) string {
	const farthest = 2 // edits; more is another word
	best, bestDistance := "", farthest+1
	for _, name := range names {
		if d := editDistance(key, name); d < bestDistance && d < len(name) {
			best, bestDistance = join(path, name), d
		}
	}
	if best == "" {
		i := slices.IndexFunc(specRules, func(r Rule) bool { return strings.HasSuffix("."+r.Field, "."+key) })
		if i < 0 || key == "" {
			return "one of " + strings.Join(names, ", ")
		}
		best = specRules[i].Field
	}
	return "a known one: did you mean " + best + "?"
}

// editDistance counts the bytes to insert, delete or exchange (Levenshtein).
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a) // no field's name is near that
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

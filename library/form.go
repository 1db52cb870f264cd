package library

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"t1"
)

// What a row is made of; the targets of a field map.
const (
	fieldID       = "id"       // of a problem; of the problem that a demonstration solves
	fieldQuestion = "question" // text of the problem
	fieldAnswer   = "answer"   // of a problem
	fieldResponse = "response" // of a demonstration
)

// usual are the names under which public data sets keep each part, the likelier
// first. Case does not count.
var usual = map[Kind]map[string][]string{
	Problems: {
		fieldID:       {"id", "unique_id", "problem_id", "record id"},
		fieldQuestion: {"question", "problem", "prompt"},
		fieldAnswer:   {"answer", "final_answer", "expected_answer", "correct answer"},
	},
	Demonstrations: {
		fieldID:       {"id", "unique_id", "problem_id"},
		fieldQuestion: {"question", "prompt", "problem"},
		fieldResponse: {"response", "solution", "completion"},
	},
}

// targets lists what a kind's rows are made of, in the order of its columns.
func targets(kind Kind) []string {
	if kind == Demonstrations {
		return []string{fieldID, fieldQuestion, fieldResponse}
	}
	return []string{fieldID, fieldQuestion, fieldAnswer}
}

// fieldMap finds for each part the field of the source that holds it: as told,
// else by its usual name in the first row. All but the id must be found.
func fieldMap(kind Kind, told map[string]string, first record) (map[string]string, error) {
	names := slices.Sorted(maps.Keys(first.fields))
	for target, field := range told {
		if !slices.Contains(targets(kind), target) {
			return nil, t1.Errorf(t1.KindInvalid, "--map: %s have no %q; allowed are %s", kind, target, strings.Join(targets(kind), ", "))
		}
		if !slices.Contains(names, field) {
			return nil, t1.Errorf(t1.KindInvalid, "--map: the first row has no field %q; it has %s", field, strings.Join(names, ", "))
		}
	}
	found := map[string]string{}
	for _, target := range targets(kind) {
		field := told[target]
		if field == "" {
			field = usualField(usual[kind][target], names, found, told)
		}
		if field == "" && target != fieldID {
			return nil, t1.Errorf(t1.KindInvalid, "no field of the first row is known to hold the %s; it has %s", target, strings.Join(names, ", ")).
				WithHint("--map %s=FIELD", target)
		}
		if field != "" {
			found[target] = field
		}
	}
	return found, nil
}

// usualField picks the first candidate that is there and not used already.
func usualField(candidates, names []string, used ...map[string]string) string {
	for _, candidate := range candidates {
		for _, name := range names {
			free := !slices.ContainsFunc(used, func(m map[string]string) bool {
				return slices.Contains(slices.Collect(maps.Values(m)), name)
			})
			if free && strings.EqualFold(name, candidate) {
				return name
			}
		}
	}
	return ""
}

// item is a row of either kind on its way in.
type item struct {
	number       int64
	id, question string
	result       string // answer or response
	data         string // JSON object of the fields that are no part of the row
}

// itemOf makes an item of a source's row. A part that is neither text nor a
// number is an error that says so; one that is missing or null is empty.
func itemOf(kind Kind, fields map[string]string, choices []string, row record) (item, error) {
	made := item{number: row.number}
	result := fieldAnswer
	if kind == Demonstrations {
		result = fieldResponse
	}
	for target, into := range map[string]*string{fieldID: &made.id, fieldQuestion: &made.question, result: &made.result} {
		text, err := textOf(row.fields[fields[target]])
		if err != nil {
			return made, fmt.Errorf("field %q is %w; text or a number is wanted for the %s", fields[target], err, target)
		}
		*into = strings.TrimSpace(text)
	}
	if kind == Demonstrations {
		return made, nil
	}
	rest, err := restOf(row.fields, fields)
	if err != nil {
		return made, err
	}
	if solution, answer, ok := strings.Cut(made.result, "\n#### "); ok { // as GSM8K is published
		made.result = strings.TrimSpace(answer)
		if text, err := encode(solution); err == nil { // a string always encodes
			addFirst(rest, "solution", json.RawMessage(text))
		}
	}
	if made.id == "" {
		made.id = contentID(made)
	}
	if err := offer(&made, rest, choices, row); err != nil {
		return made, err
	}
	made.data, err = encode(rest)
	return made, err
}

// textOf reads a value as text.
func textOf(value json.RawMessage) (string, error) {
	value = bytes.TrimSpace(value)
	switch {
	case len(value) == 0 || bytes.Equal(value, []byte("null")):
		return "", nil
	case value[0] == '"':
		var text string
		err := json.Unmarshal(value, &text)
		return text, err
	case value[0] == '{':
		return "", fmt.Errorf("an object")
	case value[0] == '[':
		return "", fmt.Errorf("an array")
	}
	return string(value), nil
}

// restOf is what of a row the map does not use. A field "data" that holds an
// object, or one as text, is spread out: so a set that t1 printed reads back.
func restOf(row map[string]json.RawMessage, fields map[string]string) (map[string]json.RawMessage, error) {
	rest := maps.Clone(row)
	for _, field := range fields {
		delete(rest, field)
	}
	inner := rest["data"]
	if text, err := textOf(inner); err == nil && strings.HasPrefix(text, "{") {
		inner = json.RawMessage(text)
	}
	var spread map[string]json.RawMessage
	if json.Unmarshal(inner, &spread) != nil {
		return rest, nil
	}
	delete(rest, "data")
	maps.Copy(rest, spread)
	return rest, nil
}

// encode writes JSON as it is read by people, "<" being "<", with the keys of
// maps in order: the same value gives the same text.
func encode(value any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSpace(b.String()), err
}

// contentID names a problem that came without a name.
func contentID(made item) string {
	sum := sha256.Sum256([]byte(made.question + "\x00" + made.result))
	return hex.EncodeToString(sum[:8])
}

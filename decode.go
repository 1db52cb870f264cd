package t1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Mistake is one thing wrong with a spec.
type Mistake struct {
	Field   string // path of the field, such as "rl.k"; "spec" for the whole
	Given   string // what stands there, as JSON or in words
	Allowed string // what may stand there
}

// String is the mistake on one line: "rl.k: got 1, want a whole number of at least 2".
func (m Mistake) String() string {
	return fmt.Sprintf("%s: got %s, want %s", m.Field, m.Given, m.Allowed)
}

// MistakesError makes one KindInvalid error of all mistakes, a line each, and
// nil of none.
func MistakesError(mistakes []Mistake) *Error {
	if len(mistakes) == 0 {
		return nil
	}
	lines := make([]string, len(mistakes))
	for i, m := range mistakes {
		lines[i] = m.String()
	}
	return Errorf(KindInvalid, "%s", strings.Join(lines, "\n"))
}

// DecodeSpec reads a spec, a JSON object, onto [DefaultSpec]: a field that is
// not given keeps its default, a list that is given replaces the default list.
// It reports every mistake at once: a key that does not exist or stands twice,
// a value of another type or out of its range, fields that do not fit together.
// Names are taken exactly, letter case included, and null is no value. With any
// mistake the returned spec is of no use. Callers turn mistakes into an error
// with [MistakesError].
func DecodeSpec(data []byte) (Spec, []Mistake) {
	spec := DefaultSpec()
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return spec, []Mistake{{Field: "spec", Given: badJSON(data, err), Allowed: "a JSON object"}}
	}
	d := specDecoder{wrong: map[string]bool{}}
	d.object("", bytes.TrimSpace(whole), reflect.ValueOf(&spec).Elem())
	return spec, append(d.mistakes, validate(spec, d.wrong)...)
}

// UnmarshalJSON reads a spec that was resolved and kept. A field that is not
// there came later than the run: it has its default, as in [DecodeSpec].
func (s *Spec) UnmarshalJSON(data []byte) error {
	type kept Spec // without this method
	spec := kept(DefaultSpec())
	err := json.Unmarshal(data, &spec)
	*s = Spec(spec)
	return err
}

// badJSON says what is wrong with text that is no JSON, and where.
func badJSON(data []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err.Error()
	}
	before := data[:min(int(syntax.Offset), len(data))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	return fmt.Sprintf("%s at line %d, column %d", syntax, line, len(before)-1-bytes.LastIndexByte(before, '\n'))
}

// member is one key of a JSON object with its value. Objects are taken apart in
// order and with duplicates kept, which encoding/json's own decoding loses.
type member struct {
	key   string
	value json.RawMessage
}

// membersOf takes one level of a JSON object apart; the JSON is valid already.
func membersOf(object json.RawMessage) []member {
	var members []member
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil { // the brace
		return nil
	}
	for decoder.More() {
		var m member
		key, err := decoder.Token()
		if err != nil || decoder.Decode(&m.value) != nil {
			break
		}
		m.key, _ = key.(string)
		members = append(members, m)
	}
	return members
}

// specDecoder gathers mistakes while it fills a Spec.
type specDecoder struct {
	mistakes []Mistake
	wrong    map[string]bool // fields whose value could not be taken
}

func (d *specDecoder) add(field, given, allowed string) {
	d.mistakes = append(d.mistakes, Mistake{Field: field, Given: given, Allowed: allowed})
	d.wrong[field] = true
}

// object fills a struct; path is empty at the top.
func (d *specDecoder) object(path string, raw json.RawMessage, into reflect.Value) {
	if raw[0] != '{' {
		d.add(orSpec(path), show(raw), "an object with the fields "+strings.Join(fieldNames(into.Type()), ", "))
		return
	}
	given := map[string]int{}
	for _, m := range membersOf(raw) {
		given[m.key]++
		field := join(path, plain(m.key))
		at, known := fieldByName(into, m.key)
		switch {
		case given[m.key] == 2:
			d.add(field, "the key more than once", "the key once")
		case given[m.key] > 2:
		case !known:
			d.add(field, "an unknown key", suggest(path, m.key, fieldNames(into.Type())))
		case at.Kind() == reflect.Struct:
			d.object(field, m.value, at)
		default:
			d.leaf(field, m.value, at)
		}
	}
}

// leaf fills a field that is no struct.
func (d *specDecoder) leaf(field string, raw json.RawMessage, into reflect.Value) {
	if !take(raw, into) {
		d.add(field, show(raw), ruleOf(field).Allowed)
	}
}

// take puts a JSON value into a Go value and reports whether it has the type.
// The Go value means nothing where it has not.
func take(raw json.RawMessage, into reflect.Value) bool {
	number := raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9'
	switch into.Kind() {
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(string(raw), 10, 64)
		into.SetInt(i)
		return number && err == nil
	case reflect.Float64:
		f, err := strconv.ParseFloat(string(raw), 64)
		into.SetFloat(f)
		return number && err == nil
	case reflect.Bool:
		into.SetBool(raw[0] == 't')
		return raw[0] == 't' || raw[0] == 'f'
	case reflect.String:
		return raw[0] == '"' && json.Unmarshal(raw, into.Addr().Interface()) == nil
	case reflect.Slice:
		return raw[0] == '[' && takeList(raw, into)
	}
	return false
}

func takeList(raw json.RawMessage, into reflect.Value) bool {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return false
	}
	list := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		if !take(item, list.Index(i)) {
			return false
		}
	}
	into.Set(list)
	return true
}

// show is a value as given, shortened to what fits on a line.
func show(raw json.RawMessage) string {
	const most = 60
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil || line.Len() <= most {
		return strings.ToValidUTF8(line.String(), "?")
	}
	return strings.ToValidUTF8(line.String()[:most], "") + "..."
}

func orSpec(path string) string {
	if path == "" {
		return "spec"
	}
	return path
}

// plain is a key as it can stand in a line.
func plain(key string) string {
	const most = 60
	if quoted := strconv.Quote(key); len(quoted) != len(key)+2 || len(key) > most || key == "" {
		return quoted[:min(len(quoted), most)]
	}
	return key
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldNames lists a struct's JSON names in order.
func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

func fieldByName(v reflect.Value, name string) (reflect.Value, bool) {
	for i, known := range fieldNames(v.Type()) {
		if known == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

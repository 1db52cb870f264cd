package library

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// mostChoices are the wrong answers a question may have: graders know the
// letters A to J.
const mostChoices = 9

// offer makes a multiple-choice question of an item: the options stand behind
// the question, a letter each, and the letter of the right one is the answer.
// Their order is that of a digest of id and option, which no model can have
// learnt, and no other order of the source changes.
func offer(made *item, rest map[string]json.RawMessage, choices []string, row record) error {
	if len(choices) == 0 {
		return nil
	}
	options := []string{made.result}
	for _, field := range choices {
		text, err := textOf(row.fields[field])
		if err != nil {
			return fmt.Errorf("field %q is %w; text or a number is wanted for a choice", field, err)
		}
		text = strings.TrimSpace(text)
		if text == "" || slices.Contains(options, text) {
			return fmt.Errorf("field %q is %q; want a choice unlike the others", field, text)
		}
		options = append(options, text)
		delete(rest, field)
	}
	slices.SortFunc(options, func(a, b string) int { return strings.Compare(lot(made.id, a), lot(made.id, b)) })
	var lines strings.Builder
	for i, option := range options {
		fmt.Fprintf(&lines, "\n%c) %s", 'A'+i, option)
	}
	right, err := encode(made.result)
	addFirst(rest, "choice", json.RawMessage(right))
	made.question += "\n" + lines.String()
	made.result = string(rune('A' + slices.Index(options, made.result)))
	return err
}

// lot is what an option's place depends on.
func lot(id, option string) string {
	sum := sha256.Sum256([]byte(id + "\x00" + option))
	return string(sum[:])
}

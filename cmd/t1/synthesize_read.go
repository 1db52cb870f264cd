package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"t1"
	"t1/activities"
	"t1/library"
)

// readSynthesis reads a synthesis spec, YAML or JSON; "-" is standard input.
// Mistakes come all at once, with the line each stands on.
func (t *tool) readSynthesis(path string) (t1.SynthesisSpec, error) {
	data, err := t.readInput(path)
	if err != nil {
		return t1.SynthesisSpec{}, err
	}
	var document yaml.Node
	var tree map[string]any
	err = yaml.Unmarshal(data, &document)
	if err == nil {
		err = document.Decode(&tree)
	}
	if err != nil {
		return t1.SynthesisSpec{}, t1.Errorf(t1.KindInvalid, "%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if tree == nil {
		tree = map[string]any{}
	}
	written, err := json.Marshal(tree)
	if err != nil {
		return t1.SynthesisSpec{}, t1.Errorf(t1.KindInvalid, "%s: %w", path, err)
	}
	spec, mistakes := t1.DecodeSynthesisSpec(written)
	if len(mistakes) == 0 {
		return spec, nil
	}
	lines := make([]string, len(mistakes))
	for i, m := range mistakes {
		lines[i] = fmt.Sprintf("%s:%d: %s", path, lineAt(&document, m.Field), m)
	}
	return spec, t1.Errorf(t1.KindInvalid, "%s", strings.Join(lines, "\n")).WithHint("docs/synthesis.md lists every field")
}

var element = regexp.MustCompile(`^(.*)\[(\d+)\]$`)

// lineAt is lineOf for a path that may go through lists, such as "endpoints[1].name".
func lineAt(node *yaml.Node, field string) int {
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		node = node.Content[0]
	}
	line := max(1, node.Line)
	for _, name := range strings.Split(field, ".") {
		at := -1
		if m := element.FindStringSubmatch(name); m != nil {
			name = m[1]
			at, _ = strconv.Atoi(m[2]) // digits
		}
		key, value := member(node, name)
		if key == nil {
			return line
		}
		line, node = key.Line, value
		if at >= 0 && at < len(node.Content) {
			node = node.Content[at]
			line = node.Line
		}
	}
	return line
}

// beside is a path of a spec: relative to the spec's own directory.
func beside(spec, path string) string {
	if filepath.IsAbs(path) || spec == "-" {
		return path
	}
	return filepath.Join(filepath.Dir(spec), path)
}

func readPrompts(spec, directory string) (p t1.SynthesisPrompts, err error) {
	for name, into := range map[string]*string{
		t1.StepAttempt: &p.Attempt, t1.StepCritique: &p.Critique, t1.StepMerge: &p.Merge, t1.StepRewrite: &p.Rewrite,
	} {
		path := filepath.Join(beside(spec, directory), name+".md")
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return p, t1.Errorf(t1.KindNotFound, "there is no prompt %s", path).WithHint("copy examples/synthesis/prompts, and change it")
		}
		if err != nil {
			return p, err
		}
		*into = string(data)
	}
	return p, nil
}

const datasetPrefix = "dataset:"

// readSynthesisProblems reads the problems that a spec names.
func readSynthesisProblems(ctx context.Context, store t1.Store, spec, from string) ([]t1.Problem, error) {
	if name, is := strings.CutPrefix(from, datasetPrefix); is {
		found, err := library.Resolve(ctx, store, name)
		if err != nil {
			return nil, err
		}
		return activities.ReadRows[t1.Problem](ctx, store, found.Ref)
	}
	path := beside(spec, from)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, t1.Errorf(t1.KindNotFound, "there is no file %s", path).WithHint("problems: a JSONL file with id, question and answer, relative to the spec, or dataset:NAME")
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return parseProblems(path, file)
}

// parseProblems reads JSON Lines. Fields beside id, question and answer are
// passed over; a row without id is called by its line.
func parseProblems(path string, r io.Reader) ([]t1.Problem, error) {
	const longest = 16 << 20
	var problems []t1.Problem
	var wrong []string
	lines, seen := bufio.NewScanner(r), map[string]int{}
	lines.Buffer(nil, longest)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		p, why := parseProblem(lines.Bytes(), n)
		if why == "" && seen[p.ID] > 0 {
			why = fmt.Sprintf("id %q stands on line %d too", p.ID, seen[p.ID])
		}
		if why != "" {
			if wrong = append(wrong, fmt.Sprintf("%s:%d: %s", path, n, why)); len(wrong) == 10 {
				break
			}
			continue
		}
		seen[p.ID] = n
		problems = append(problems, p)
	}
	if err := lines.Err(); err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "%s: %w", path, err)
	}
	if len(wrong) > 0 {
		return nil, t1.Errorf(t1.KindInvalid, "%s", strings.Join(wrong, "\n")).WithHint(`each line is {"id": "...", "question": "...", "answer": "..."}`)
	}
	if len(problems) == 0 {
		return nil, t1.Errorf(t1.KindInvalid, "%s holds no problem", path)
	}
	return problems, nil
}

func parseProblem(line []byte, n int) (p t1.Problem, why string) {
	var row struct{ ID, Question, Answer any }
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&row); err != nil {
		return p, "no JSON object: " + err.Error()
	}
	p = t1.Problem{ID: scalar(row.ID), Prompt: strings.TrimSpace(scalar(row.Question)), Answer: strings.TrimSpace(scalar(row.Answer))}
	if row.ID == nil {
		p.ID = fmt.Sprintf("line-%06d", n)
	}
	switch {
	case p.ID == "":
		return p, "id is empty, or neither text nor number"
	case p.Prompt == "":
		return p, "question is missing, empty or no text"
	case p.Answer == "":
		return p, "answer is missing, empty, or neither text nor number"
	}
	return p, ""
}

// scalar is text or a number as text; empty for anything else.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

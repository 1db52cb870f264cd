package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"t1"
)

// readSpec is a spec as a user wrote it and as it is understood.
type readSpec struct {
	json json.RawMessage // as written, for the workflow to decode itself
	spec t1.Spec
}

func (t *tool) specCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "spec",
		Short: "Check a spec, or print the default one",
		Long:  "A spec is a file, YAML or JSON, that says all that a run does. What it leaves out\nhas its default.",
		Example: `  t1 spec default > mine.yaml
  t1 spec check mine.yaml`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.specCheckCommand())
	c.AddCommand(&cobra.Command{
		Use:     "default",
		Short:   "Print the default spec with a comment on every field",
		Example: "  t1 spec default > mine.yaml",
		Args:    none,
		RunE:    func(*cobra.Command, []string) error { return writeDefaultSpec(t.out) },
	})
	return c
}

func (t *tool) specCheckCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Say everything that is wrong with a spec",
		Long: `check reads a spec, YAML or JSON, and prints every mistake in it, a line each:
the field, what stands there and what may. "-" reads standard input. With --json
a spec without mistakes is printed with every default written out.`,
		Example: `  t1 spec check examples/countdown.yaml
  t1 spec default | t1 spec check -
  t1 spec check examples/countdown.yaml --json > spec.json`,
		Args: one("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			spec, err := t.readSpec(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(t.out, spec.spec)
			}
			_, err = fmt.Fprintf(t.out, "%s is a valid spec\n", args[0])
			return err
		},
	}
	jsonFlag(c, &asJSON, "cli-json.md")
	return c
}

// readSpec reads and checks a spec file; "-" is standard input.
func (t *tool) readSpec(path string) (readSpec, error) {
	data, err := t.readInput(path)
	if err != nil {
		return readSpec{}, err
	}
	return parseSpec(path, data)
}

func (t *tool) readInput(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(t.in)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, t1.Errorf(t1.KindNotFound, "there is no file %s", path).WithHint("t1 spec default > %s", path)
	}
	return data, err
}

// parseSpec makes JSON of a spec in YAML, of which JSON is a part, and decodes
// it. Mistakes come all at once, with the line each stands on.
func parseSpec(path string, data []byte) (readSpec, error) {
	written, document, err := jsonOf(path, data)
	if err != nil {
		return readSpec{}, err
	}
	spec, mistakes := t1.DecodeSpec(written)
	if len(mistakes) > 0 {
		return readSpec{}, mistakesIn(path, document, mistakes)
	}
	return readSpec{json: written, spec: spec}, nil
}

// readYAML reads a file of YAML as JSON.
func (t *tool) readYAML(path string) (json.RawMessage, *yaml.Node, error) {
	data, err := t.readInput(path)
	if err != nil {
		return nil, nil, err
	}
	return jsonOf(path, data)
}

// jsonOf makes JSON of YAML, and keeps the document for its lines.
func jsonOf(path string, data []byte) (json.RawMessage, *yaml.Node, error) {
	var document yaml.Node
	var tree map[string]any
	err := yaml.Unmarshal(data, &document)
	if err == nil {
		err = document.Decode(&tree)
	}
	if err != nil {
		return nil, nil, t1.Errorf(t1.KindInvalid, "%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if tree == nil {
		tree = map[string]any{} // an empty file: every default
	}
	written, err := json.Marshal(tree)
	if err != nil {
		return nil, nil, t1.Errorf(t1.KindInvalid, "%s: %w", path, err)
	}
	return written, &document, nil
}

func mistakesIn(path string, document *yaml.Node, mistakes []t1.Mistake) error {
	text := make([]string, len(mistakes))
	for i, m := range mistakes {
		text[i] = fmt.Sprintf("%s:%d: %s", path, lineOf(document, m.Field), m)
	}
	return t1.Errorf(t1.KindInvalid, "%s", strings.Join(text, "\n")).
		WithHint("t1 spec default shows every field and what it means")
}

// lineOf is the line of a field, or of the deepest part of its path that is there.
func lineOf(node *yaml.Node, field string) int {
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		node = node.Content[0]
	}
	line := max(1, node.Line)
	for _, name := range strings.Split(field, ".") {
		key, value := member(node, name)
		if key == nil {
			return line
		}
		line, node = key.Line, value
	}
	return line
}

func member(node *yaml.Node, name string) (key, value *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}

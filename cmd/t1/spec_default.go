package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"t1"
)

const specHead = `# The default spec of t1: the T1 recipe as published where it says what to do,
# with a small game and model. Beside each field stand its meaning, what is
# allowed, and where the default comes from: P the paper, C the authors' sibling
# code, D ours. Leave out what you do not change.
`

// writeDefaultSpec writes the default spec as YAML with the rules as comments.
func writeDefaultSpec(out io.Writer) error {
	var b strings.Builder
	b.WriteString(specHead)
	var above []string // sections we are in
	for _, rule := range t1.SpecRules() {
		path := strings.Split(rule.Field, ".")
		sections, name := path[:len(path)-1], path[len(path)-1]
		for depth, section := range sections {
			if depth >= len(above) || above[depth] != section {
				fmt.Fprintf(&b, "%s%s:\n", indent(depth), section)
				above = append(above[:depth:depth], section)
			}
		}
		above = above[:len(sections)]
		setting := fmt.Sprintf("%s%s: %s", indent(len(sections)), name, yamlOf(rule.Default))
		fmt.Fprintf(&b, "%-36s # %s; %s (%s)\n", setting, rule.Doc, rule.Allowed, rule.Source)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

// yamlOf writes a JSON value as people do: 1.5e-6, and a space after a comma.
func yamlOf(value string) string {
	if f, err := strconv.ParseFloat(value, 64); err == nil && f > 0 && f < 1e-3 {
		return strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e-0", "e-", 1)
	}
	if strings.HasPrefix(value, "[") { // no list of the default spec holds texts
		return strings.ReplaceAll(value, ",", ", ")
	}
	return value
}

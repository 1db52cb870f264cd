package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands walks the tree, with those that cobra adds left out.
func commands(of *cobra.Command, visit func(*cobra.Command)) {
	for _, c := range of.Commands() {
		if c.Name() != "help" && c.Name() != "completion" {
			visit(c)
			commands(c, visit)
		}
	}
}

// exampled is where a command of t1 begins, behind what sets its environment.
var exampled = regexp.MustCompile(`(^|\s)t1 `)

// Every page gives examples, which parse, and fits a terminal.
func TestHelpHasExamplesThatParse(t *testing.T) {
	commands((&tool{}).rootCommand(), func(c *cobra.Command) {
		if c.Name() == "version" {
			return
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			at := exampled.FindStringIndex(line)
			if at == nil {
				t.Errorf("%s: example %q is no command of t1", c.CommandPath(), line)
				continue
			}
			if err := parses(words(comment.ReplaceAllString(strings.TrimSpace(line[at[1]:]), ""))); err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), line, err)
			}
		}
		for line := range strings.Lines(c.Long) {
			if len(line) > 96 {
				t.Errorf("%s: %q is %d characters long", c.CommandPath(), line, len(line))
			}
		}
	})
}

// Flags are sorted by name: one must not be told by what stands above it. A
// default is printed once, and a record is told in the same words everywhere.
func TestFlagsAreToldByThemselves(t *testing.T) {
	leans := regexp.MustCompile(`as above|likewise|of those`)
	var records []string
	commands((&tool{}).rootCommand(), func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			switch {
			case f.Usage == "":
				t.Errorf("%s --%s says nothing", c.CommandPath(), f.Name)
			case leans.MatchString(f.Usage):
				t.Errorf("%s --%s leans on another flag: %s", c.CommandPath(), f.Name, f.Usage)
			}
			if strings.Contains(f.Usage, "record `N` of t1 log RUN, from 0: ") {
				records = append(records, c.Name()+" --"+f.Name)
			}
			if f.Name == "name" && strings.Contains(c.Use, "--name") && !strings.Contains(f.Usage, "required") {
				t.Errorf("%s needs --name and does not say so", c.CommandPath())
			}
		})
		for line := range strings.Lines(c.LocalFlags().FlagUsages()) {
			if strings.Count(line, "default") > 1 {
				t.Errorf("%s tells a default twice: %s", c.CommandPath(), line)
			}
		}
	})
	slices.Sort(records)
	if want := []string{"eval --at", "export --at", "fork --at", "verify --from", "verify --to"}; !slices.Equal(records, want) {
		t.Errorf("flags of records: %q, want %q", records, want)
	}
}

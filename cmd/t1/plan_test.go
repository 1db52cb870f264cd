package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"t1/plan"
)

// plans follows docs/plan.md: its commands print what stands below them there.
func (w *world) plans() {
	commands := runnable(w, "docs/plan.md")
	for _, command := range commands {
		c := exec.Command(binary, words(command.line)[1:]...)
		c.Dir, c.Env = root(w), append(os.Environ(), "T1_HOME="+w.home)
		got, err := c.Output()
		if err != nil {
			w.Fatalf("%s: %v", command.line, err)
		}
		if strings.TrimSpace(string(got)) != strings.TrimSpace(command.shown) {
			w.Errorf("%s prints\n%s\nthe page has\n%s", command.line, got, command.shown)
		}
	}
	if len(commands) != 2 {
		w.Errorf("%d commands were run, want 2", len(commands))
	}
}

// docs/plan.md lists every assumption with its default.
func TestPlanDocument(t *testing.T) {
	page := []byte(page(t, "plan.md"))
	for _, known := range plan.AllAssumptions() {
		row := regexp.MustCompile("(?m)^\\| `" + known.Name + "` \\| ([^ ]+) \\| (.*) \\|$").FindSubmatch(page)
		if row == nil {
			t.Errorf("the page lacks assumption %s", known.Name)
			continue
		}
		if value, err := strconv.ParseFloat(string(row[1]), 64); err != nil || value != known.Default || string(row[2]) != known.Doc {
			t.Errorf("%s is %g, %s; the page has %s, %s", known.Name, known.Default, known.Doc, row[1], row[2])
		}
	}
}

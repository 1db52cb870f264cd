package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"t1/plan"
)

// The commands of docs/plan.md print what stands below them there.
func TestPlanDocument(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "plan.md"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for i, block := range strings.Split(string(page), "\n```") {
		command, want, found := strings.Cut(strings.TrimPrefix(block, "\n"), "\n")
		line, is := strings.CutPrefix(command, "$ t1 ")
		if i%2 == 0 || !is || !found {
			continue
		}
		c := exec.Command(binary, strings.Fields(line)...)
		c.Dir, c.Env = root(t), append(os.Environ(), "T1_HOME="+t.TempDir())
		got, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		if ran++; strings.TrimSpace(string(got)) != strings.TrimSpace(want) {
			t.Errorf("%s prints\n%s\nthe page has\n%s", command, got, want)
		}
	}
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
	if ran != 2 {
		t.Errorf("%d commands were run, want 2", ran)
	}
}

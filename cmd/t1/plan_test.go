package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	if ran != 2 {
		t.Errorf("%d commands were run, want 2", ran)
	}
}

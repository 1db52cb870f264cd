package t1

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mention is a path in code marks or in a link; source is a path of this
// repository rather than of a store or of a reader's machine.
var (
	mention = regexp.MustCompile("`([^`\\s]+)`|\\]\\(([^)\\s]+)\\)")
	source  = regexp.MustCompile(`^(\.\./)?(\w[\w.-]*/)*\w[\w.-]*\.(go|md|py|proto|tf)$|^(\.\./)?(\w[\w.-]*/)+\w[\w.-]*\.(yaml|toml|sh)$`)
)

// mentions gives the source paths that a document names, outside code blocks.
func mentions(document string) []string {
	var paths []string
	fenced := false
	for line := range strings.Lines(document) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		for _, found := range mention.FindAllStringSubmatch(line, -1) {
			path, _, _ := strings.Cut(found[1]+found[2], "#")
			if source.MatchString(path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// A document must not name a file that has moved.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range slices.Concat(documents, decisions, []string{"README.md"}) {
		text, err := os.ReadFile(document)
		if os.IsNotExist(err) {
			continue // only README.md: the others were just listed
		} else if err != nil {
			t.Fatal(err)
		}
		for _, path := range mentions(string(text)) {
			if !exists(path) && !exists(filepath.Join(filepath.Dir(document), path)) {
				t.Errorf("%s names %s, which does not exist", document, path)
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestMentions(t *testing.T) {
	document := "See `draw.go` and [the recipe](docs/recipe.md#loss), `runs/x/spec.json`, `my.yaml`,\n" +
		"`examples/countdown.yaml`, https://example.com/a.go, `docs/*.md`.\n```\n`gone.go`\n```\n[up](../README.md) `t1.Spec`\n"
	want := []string{"draw.go", "docs/recipe.md", "examples/countdown.yaml", "../README.md"}
	if got := mentions(document); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// named is a test's name in code marks.
var named = regexp.MustCompile("`((Test|Fuzz|test_)\\w+)`")

// A document must not name a test that is not there.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	there := map[string]bool{}
	defined := regexp.MustCompile(`(?m)^(?:func|def) ((?:Test|Fuzz|test_)\w+)`)
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go", "*/*/*/*_test.go", "engine/tests/*.py"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range defined.FindAllStringSubmatch(string(text), -1) {
				there[found[1]] = true
			}
		}
	}
	documents, err := filepath.Glob("docs/*.md")
	if err != nil || len(documents) == 0 || len(there) < 300 {
		t.Fatalf("%d documents, %d tests: %v", len(documents), len(there), err)
	}
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range named.FindAllStringSubmatch(string(text), -1) {
			if !there[found[1]] {
				t.Errorf("%s names %s, which is no test", document, found[1])
			}
		}
	}
}

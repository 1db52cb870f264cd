package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"t1/library"
)

// docs/data.md lists what --json prints: every field, its type, no more.
func TestDataJSONContract(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "data.md"))
	if err != nil {
		t.Fatal(err)
	}
	for command, printed := range map[string]any{
		"data import": library.Report{}, "data list": library.Dataset{}, "data show": shown{},
		"model import": importedModel{}, "model list": library.Model{}, "model export": library.Exported{},
	} {
		_, section, found := strings.Cut(string(page), "### t1 "+command+" ")
		if !found {
			t.Errorf("no section on t1 %s", command)
			continue
		}
		section, _, _ = strings.Cut(section, "\n#")
		var documented []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(section, -1) {
			documented = append(documented, row[1]+" "+row[2])
		}
		actual := fields("", reflect.TypeOf(printed))
		slices.Sort(documented)
		slices.Sort(actual)
		if !slices.Equal(documented, slices.DeleteFunc(actual, described(command))) {
			t.Errorf("t1 %s --json\nprints   %v\nthe page %v", command, actual, documented)
		}
	}
}

// described leaves out the fields of a record that stands in another command's
// section whole: the page says so in a sentence.
func described(command string) func(field string) bool {
	within := map[string]string{"data import": "dataset.", "data show": "dataset.", "model import": "model."}[command]
	return func(field string) bool { return within != "" && strings.HasPrefix(field, within) }
}

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"t1"
	"t1/activities"
	"t1/library"
	"t1/plan"
)

// The pages list what --json prints: every field, its type, no more.
func TestJSONContract(t *testing.T) {
	for _, c := range []struct {
		page, command string
		printed       any
		within        string // a record in it that another command's section lists: the page says so in a sentence
	}{
		{page: "cli-json.md", command: "status", printed: t1.Status{}},
		{page: "cli-json.md", command: "log", printed: logLine{}},
		{page: "cli-json.md", command: "log --graph", printed: graphLine{}},
		{page: "cli-json.md", command: "fork", printed: forkedRun{}},
		{page: "cli-json.md", command: "explain", printed: activities.Explained{}},
		{page: "cli-json.md", command: "list", printed: listLine{}},
		{page: "cli-json.md", command: "verify", printed: activities.Verified{}},
		{page: "cli-json.md", command: "verify --deep", printed: activities.Scrubbed{}},
		{page: "cli-json.md", command: "plan", printed: plan.Plan{}},
		{page: "data.md", command: "data import", printed: library.Report{}, within: "dataset."},
		{page: "data.md", command: "data list", printed: library.Dataset{}},
		{page: "data.md", command: "data show", printed: shown{}, within: "dataset."},
		{page: "data.md", command: "model import", printed: importedModel{}, within: "model."},
		{page: "data.md", command: "model list", printed: library.Model{}},
		{page: "data.md", command: "model export", printed: library.Exported{}},
		{page: "synthesis.md", command: "synthesize status", printed: t1.SynthesisStatus{}},
	} {
		documented := documentedFields(t, c.page, c.command)
		printed := fields("", reflect.TypeOf(c.printed))
		printed = slices.DeleteFunc(printed, func(field string) bool {
			return c.within != "" && strings.HasPrefix(field, c.within)
		})
		slices.Sort(printed)
		if !slices.Equal(documented, printed) {
			t.Errorf("t1 %s --json\nprints   %v\ndocs/%s %v", c.command, printed, c.page, documented)
		}
	}
}

// page is a document's text.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fieldRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|")

// documentedFields gives the fields that a page lists of a command, as "path
// type", sorted.
func documentedFields(t *testing.T, name, command string) []string {
	t.Helper()
	_, section, found := strings.Cut(page(t, name), "## t1 "+command+" ")
	if !found {
		t.Errorf("docs/%s: no section on t1 %s", name, command)
	}
	section, _, _ = strings.Cut(section, "\n#")
	var listed []string
	for _, row := range fieldRow.FindAllStringSubmatch(section, -1) {
		listed = append(listed, row[1]+" "+row[2])
	}
	slices.Sort(listed)
	return listed
}

// fields lists a type's JSON fields as "path type".
func fields(path string, of reflect.Type) []string {
	switch of.Kind() {
	case reflect.Pointer:
		return fields(path, of.Elem())
	case reflect.Slice:
		return fields(path+"[]", of.Elem())
	case reflect.Map:
		return fields(path+".*", of.Elem())
	case reflect.String:
		return []string{path + " string"}
	case reflect.Bool:
		return []string{path + " boolean"}
	case reflect.Struct:
		var all []string
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			all = append(all, fields(strings.TrimPrefix(path+"."+name, "."), of.Field(i).Type)...)
		}
		return all
	}
	return []string{path + " number"}
}

// Every spec that we hand out is valid.
func TestExamples(t *testing.T) {
	examples, err := filepath.Glob(filepath.Join(root(t), "examples", "*.yaml"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range append(examples, tiny(t)) {
		if filepath.Base(path) == "prices.yaml" {
			continue // a price table
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseSpec(path, data); err != nil {
			t.Error(err)
		}
	}
}

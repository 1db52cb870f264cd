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
	"t1/plan"
)

// docs/cli-json.md lists what --json prints: every field, its type, no more.
func TestJSONContract(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "cli-json.md"))
	if err != nil {
		t.Fatal(err)
	}
	for command, printed := range map[string]any{
		"status": t1.Status{}, "log": logLine{}, "explain": activities.Explained{}, "list": listLine{}, "verify": activities.Verified{}, "plan": plan.Plan{},
	} {
		_, section, found := strings.Cut(string(page), "## t1 "+command+" ")
		if !found {
			t.Errorf("no section on t1 %s", command)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		var documented []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(section, -1) {
			documented = append(documented, row[1]+" "+row[2])
		}
		actual := fields("", reflect.TypeOf(printed))
		slices.Sort(documented)
		slices.Sort(actual)
		if !slices.Equal(documented, actual) {
			t.Errorf("t1 %s --json\nprints   %v\nthe page %v", command, actual, documented)
		}
	}
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

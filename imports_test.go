package t1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// importRule is one line of the architecture. Names end in "/..." to mean a
// package and what lies below it; "std" is the standard library.
type importRule struct {
	packages string   // that the rule is about
	only     []string // where not empty, all they may import, beside themselves
	never    []string // what they must not import
	through  bool     // never also by way of another package
	why      string
}

var importRules = []importRule{
	{packages: "t1", only: []string{"std"}, why: "the vocabulary depends on nothing"},
	{packages: "t1", never: []string{"net/http", "os/exec", "database/sql"}, through: true, why: "the vocabulary does no I/O"},

	{
		packages: "t1/workflows/...", why: "workflows decide, activities do",
		only: []string{
			"std", "t1", "go.temporal.io/sdk/workflow", "go.temporal.io/sdk/temporal", "go.temporal.io/sdk/log", "go.temporal.io/sdk/worker",
			"go.temporal.io/api/enums/v1", // constants of the workflow package's options
		},
	},
	{packages: "t1/workflows/...", never: []string{"t1/activities/...", "t1/infra/..."}, through: true, why: "activities are named by the root's interfaces"},
	// The SDK itself reaches these, so only direct imports can be forbidden.
	{
		packages: "t1/workflows/...", never: []string{"os/...", "net/...", "math/rand", "crypto/rand", "github.com/google/uuid", "github.com/aws/..."},
		why: "what differs from one execution to the next cannot be replayed",
	},

	{packages: "t1/activities/...", never: []string{"t1/workflows/..."}, through: true, why: "names come from the root"},
	{packages: "t1/activities/...", never: []string{"t1/infra/s3", "t1/infra/dir", "t1/infra/devserver"}, through: true, why: "activities are given a Store"},
	{packages: "t1/activities/...", never: []string{"go.temporal.io/sdk/client"}, why: "activities do not steer workflows"},

	{packages: "t1/infra/...", never: []string{"go.temporal.io/sdk/..."}, through: true, why: "an adapter knows its technology only"},
	{packages: "t1/infra/dir/...", never: othersThan("dir"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/s3/...", never: othersThan("s3"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/engine/...", never: othersThan("engine"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/parquet/...", never: othersThan("parquet"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/devserver/...", never: othersThan("devserver"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/program/...", never: othersThan("program"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/chat/...", never: othersThan("chat"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/vllm/...", never: othersThan("vllm"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/gateway/...", never: othersThan("gateway"), through: true, why: "adapters do not know one another"},
	{packages: "t1/infra/process", only: []string{"std", "t1"}, why: "every adapter may supervise a process"},
	{packages: "t1/...", never: []string{"t1/infra/storetest", "t1/infra/process/processtest"}, why: "what tests share is for tests"},

	{packages: "t1/tasks/...", only: []string{"std", "t1", "t1/tasks/..."}, why: "grading is pure"},
	{packages: "t1/tasks/...", never: []string{"net/http", "os/exec"}, why: "grading is pure"},
	{packages: "t1/lineage/...", only: []string{"std", "t1"}, why: "who made a record is a question to the store alone"},
	{packages: "t1/ablation/...", only: []string{"std", "t1"}, why: "a comparison is made of results only"},
	{packages: "t1/report/...", only: []string{"std", "t1", "t1/lineage", "t1/report/..."}, why: "a report is made of results only"},

	{packages: "t1/plan/...", only: []string{"std", "t1"}, why: "a plan is arithmetic"},
	{packages: "t1/plan/...", never: []string{"net/http", "os/exec"}, through: true, why: "a plan is arithmetic"},
	{packages: "t1/plan/...", never: []string{"os"}, why: "a plan is arithmetic"},
	{packages: "t1/chaos/...", only: []string{"std", "t1", "t1/infra/gateway", "golang.org/x/sys/unix"}, why: "faults come from outside: a run is known by its commands and its objects"},
	{packages: "t1/examples/...", only: []string{"std"}, why: "examples are files"},

	{packages: "t1/workers/...", never: []string{"t1/infra/s3", "t1/infra/dir"}, through: true, why: "a worker is given a Store"},
	{packages: "t1/library/...", never: []string{"t1/infra/s3", "t1/infra/dir", "t1/activities/...", "t1/workflows/..."}, through: true, why: "a library is kept in a Store it is given"},

	// Reading the environment by os.Getenv is TestOnlyCommandsReadTheEnvironment's.
	{packages: "t1", never: settings, why: "only commands read settings"},
	{packages: "t1/workflows/...", never: settings, why: "only commands read settings"},
	{packages: "t1/activities/...", never: settings, why: "only commands read settings"},
	{packages: "t1/infra/...", never: settings, why: "only commands read settings"},
	{packages: "t1/tasks/...", never: settings, why: "only commands read settings"},
	{packages: "t1/report/...", never: settings, why: "only commands read settings"},
	{packages: "t1/workers/...", never: settings, why: "only commands read settings"},
	{packages: "t1/lineage/...", never: settings, why: "only commands read settings"},
	{packages: "t1/ablation/...", never: settings, why: "only commands read settings"},
	{packages: "t1/library/...", never: settings, why: "only commands read settings"},
	{packages: "t1/plan/...", never: settings, why: "only commands read settings"},
}

// settings are the packages that read flags, environment and configuration.
var settings = []string{
	"flag", "github.com/spf13/...", "github.com/kelseyhightower/envconfig", "go.temporal.io/sdk/contrib/envconfig", "go.yaml.in/...",
}

// othersThan lists the adapters but one.
func othersThan(adapter string) []string {
	var others []string
	for _, other := range []string{"dir", "s3", "engine", "parquet", "devserver", "program", "chat", "vllm", "gateway", "storetest"} {
		if other != adapter {
			others = append(others, "t1/infra/"+other+"/...")
		}
	}
	return others
}

// pkg is what `go list` says about a package.
type pkg struct {
	ImportPath string
	Dir        string
	Standard   bool
	GoFiles    []string
	Imports    []string // by its own files, tests not counted
	Deps       []string // those and all that they reach
}

// violations gives a line for each import that a rule forbids.
func violations(pkgs map[string]pkg, rules []importRule) []string {
	var found []string
	for _, path := range sortedKeys(pkgs) {
		for _, rule := range rules {
			if pkgs[path].Standard || !matches(path, rule.packages) {
				continue
			}
			for _, imported := range forbidden(pkgs, pkgs[path], rule) {
				found = append(found, fmt.Sprintf("%s imports %s: %s", path, imported, rule.why))
			}
		}
	}
	return found
}

func forbidden(pkgs map[string]pkg, p pkg, rule importRule) []string {
	imports := p.Imports
	if rule.through {
		imports = p.Deps
	}
	return slices.DeleteFunc(slices.Clone(imports), func(imported string) bool {
		if rule.only != nil {
			return matches(imported, rule.packages) || allowed(pkgs, imported, rule.only)
		}
		return !slices.ContainsFunc(rule.never, func(pattern string) bool { return matches(imported, pattern) })
	})
}

func allowed(pkgs map[string]pkg, imported string, only []string) bool {
	return slices.ContainsFunc(only, func(pattern string) bool {
		return pattern == "std" && pkgs[imported].Standard || matches(imported, pattern)
	})
}

func matches(path, pattern string) bool {
	tree, ok := strings.CutSuffix(pattern, "/...")
	return path == tree || ok && strings.HasPrefix(path, tree+"/")
}

func sortedKeys(pkgs map[string]pkg) []string {
	keys := make([]string, 0, len(pkgs))
	for key := range pkgs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// listPackages asks the go command for the module's packages and all they
// reach. Test results are cached without regard to what it reads: run these
// tests with -count=1.
func listPackages(t *testing.T) map[string]pkg {
	t.Helper()
	command := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Dir,Standard,GoFiles,Imports,Deps", "./...")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	listed, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	pkgs := map[string]pkg{}
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
}

func TestImports(t *testing.T) {
	pkgs := listPackages(t)
	for _, line := range violations(pkgs, importRules) {
		t.Error(line)
	}
	for path := range pkgs {
		adapter, ok := strings.CutPrefix(path, "t1/infra/")
		adapter, _, _ = strings.Cut(adapter, "/")
		if ok && adapter != "process" && !slices.Contains(othersThan(""), "t1/infra/"+adapter+"/...") {
			t.Errorf("%s has no rule: add it to the adapters", path)
		}
	}
}

// The check itself must report what is planted, and nothing else.
func TestViolations(t *testing.T) {
	std := pkg{Standard: true}
	clean := map[string]pkg{
		"fmt": std, "net/http": std, "os": std, "math/rand": std, "math/rand/v2": std,
		"t1":                          {Imports: []string{"fmt"}, Deps: []string{"fmt"}},
		"t1/workflows":                {Imports: []string{"fmt", "math/rand/v2", "t1", "go.temporal.io/sdk/workflow"}, Deps: []string{"math/rand"}},
		"t1/activities":               {Imports: []string{"os", "t1"}, Deps: []string{"net/http"}},
		"t1/infra/engine":             {Imports: []string{"t1", "t1/infra/engine/enginepb"}, Deps: []string{"t1/infra/engine/enginepb"}},
		"go.temporal.io/sdk/workflow": {Imports: []string{"math/rand"}},
	}
	if got := violations(clean, importRules); got != nil {
		t.Errorf("clean packages: %q", got)
	}
	tests := []struct {
		path string
		pkg  pkg
		want []string
	}{
		{"t1", pkg{Imports: []string{"example.com/x"}}, []string{"t1 imports example.com/x: the vocabulary depends on nothing"}},
		{"t1", pkg{Deps: []string{"net/http"}}, []string{"t1 imports net/http: the vocabulary does no I/O"}},
		{"t1/workflows", pkg{Imports: []string{"math/rand"}}, []string{"t1/workflows imports math/rand: what differs from one execution to the next cannot be replayed"}},
		{"t1/workflows/deep", pkg{Deps: []string{"t1/activities"}}, []string{"t1/workflows/deep imports t1/activities: activities are named by the root's interfaces"}},
		{"t1/infra/s3", pkg{Deps: []string{"t1/infra/dir"}}, []string{"t1/infra/s3 imports t1/infra/dir: adapters do not know one another"}},
		{"t1/workers", pkg{Imports: []string{"flag"}}, []string{"t1/workers imports flag: only commands read settings"}},
	}
	for _, test := range tests {
		if got := violations(map[string]pkg{test.path: test.pkg, "math/rand": std, "flag": std}, importRules); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.path, got, test.want)
		}
	}
}

func TestOnlyCommandsReadTheEnvironment(t *testing.T) {
	for path, p := range listPackages(t) {
		if !matches(path, "t1/...") || matches(path, "t1/cmd/...") || slices.Contains(p.Imports, "testing") {
			continue
		}
		for _, file := range p.GoFiles {
			for _, line := range environmentReads(t, filepath.Join(p.Dir, file), nil) {
				t.Error(line)
			}
		}
	}
}

func TestEnvironmentReads(t *testing.T) {
	source := "package x\nimport \"os\"\nvar a = os.Getenv(\"A\")\nvar b, _ = os.LookupEnv(\"B\")\nvar c = os.TempDir()\n"
	want := []string{"x.go:3:9: reads os.Getenv: only commands read settings", "x.go:4:12: reads os.LookupEnv: only commands read settings"}
	if got := environmentReads(t, "x.go", source); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// environmentReads gives a line for each use of the environment or the command
// line in a file; source nil means the file's own.
func environmentReads(t *testing.T, path string, source any) []string {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if selected, ok := n.(*ast.SelectorExpr); ok {
			from, _ := selected.X.(*ast.Ident)
			if from != nil && from.Name == "os" && slices.Contains([]string{"Getenv", "LookupEnv", "ExpandEnv", "Args"}, selected.Sel.Name) {
				found = append(found, fmt.Sprintf("%v: reads os.%s: only commands read settings", files.Position(selected.Pos()), selected.Sel.Name))
			}
		}
		return true
	})
	return found
}

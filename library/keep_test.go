package library

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"

	"t1"
)

var worked = []Demonstration{
	{"a", "What is 6 x 7?", "36? Wait. 42."},
	{"b", "What is 6 x 8?", "48."},
	{"c", " What is 6 x 8? ", "48.\n"},
	{"d", "How many?", "Many."},
}

const maker = "synthesis/made"

func made(t *testing.T, store t1.Store, rows []Demonstration) Report {
	t.Helper()
	report, err := KeepDemonstrations(t.Context(), store, rows, maker, ImportOptions{Name: "made", Replace: true, CreatedBy: "v"})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// What t1 makes is the data set that importing the same rows would make.
func TestKeptDemonstrationsAreAsImported(t *testing.T) {
	store := testStore(t)
	mustImport(t, store, write(t, `{"id":"x","question":"How many?","answer":"7"}`), ImportOptions{Name: "bench", Benchmark: true})
	report := made(t, store, worked)
	var lines []string
	for _, d := range worked {
		line, err := json.Marshal(map[string]string{"id": d.Problem, "question": d.Prompt, "response": d.Response})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	imported := mustImport(t, store, write(t, lines...), ImportOptions{Name: "other", Kind: Demonstrations})
	counts := report.Dataset.Counts
	if report.Dataset.Ref != imported.Dataset.Ref || counts.Read != 4 || counts.Kept != 2 || counts.Found[Duplicate] != 1 || counts.Found[BenchmarkOverlap] != 1 {
		t.Errorf("made %+v\nimported %+v", report.Dataset, imported.Dataset)
	}
	found, err := Resolve(t.Context(), store, "made")
	if err != nil || found.Source != maker || found.Kind != Demonstrations || found.Version != 1 || found.CreatedBy != "v" || len(found.Against) != 1 {
		t.Errorf("resolved %+v, %v", found, err)
	}
	rows, err := ReadDemonstrations(t.Context(), store, found)
	if err != nil || len(rows) != 2 || rows[0] != worked[0] || rows[1] != worked[1] {
		t.Errorf("rows %+v, %v", rows, err)
	}
}

func TestKeptAgain(t *testing.T) {
	store := testStore(t)
	if first := made(t, store, worked[:1]); !first.Stored || first.Dataset.Version != 1 {
		t.Errorf("first %+v", first)
	}
	twice := []Demonstration{worked[0], worked[0]}
	if again := made(t, store, twice); again.Stored || again.Dataset.Version != 1 || again.Dataset.Counts.Found[Duplicate] != 1 {
		t.Errorf("the same rows again: %+v", again)
	}
	if more := made(t, store, worked); !more.Stored || more.Dataset.Version != 2 || more.Dataset.Counts.Kept != 3 {
		t.Errorf("more rows: %+v", more)
	}
	mustImport(t, store, write(t, `{"id":"x","question":"What is 6 x 7?","answer":"42"}`), ImportOptions{Name: "bench", Benchmark: true})
	if none := made(t, store, worked[:1]); none.Stored || none.Dataset.Version != 0 || none.Dataset.Counts.Found[BenchmarkOverlap] != 1 {
		t.Errorf("no row is left: %+v", none)
	}
}

// racing lets another attempt be faster: it comes between the look at a name and
// the giving of it.
type racing struct {
	t1.Store
	faster func()
}

func (r *racing) Create(ctx context.Context, key string, from io.Reader) (t1.Ref, error) {
	if strings.HasPrefix(key, datasetNames) {
		r.faster()
	}
	return r.Store.Create(ctx, key, from)
}

// Two attempts at the same work end alike, whichever is faster; two that differ
// do not both get the version.
func TestKeptByTwo(t *testing.T) {
	store := testStore(t)
	slow := &racing{Store: store, faster: sync.OnceFunc(func() { made(t, store, worked) })}
	if report := made(t, slow, worked); report.Stored || report.Dataset.Version != 1 || report.Dataset.Ref.Key == "" {
		t.Errorf("the slower one: %+v", report)
	}
	slow.faster = sync.OnceFunc(func() { made(t, store, worked[:2]) })
	_, err := KeepDemonstrations(t.Context(), slow, worked[:1], maker, ImportOptions{Name: "made", Replace: true})
	if t1.KindOf(err) != t1.KindConflict {
		t.Errorf("two that differ: %v", err)
	}
}

func TestANameIsFree(t *testing.T) {
	store := testStore(t)
	if err := CheckFree(t.Context(), store, "made", maker); err != nil {
		t.Errorf("nothing has it: %v", err)
	}
	made(t, store, worked)
	if err := CheckFree(t.Context(), store, "made", maker); err != nil {
		t.Errorf("its own: %v", err)
	}
	err := CheckFree(t.Context(), store, "made", "synthesis/other")
	if t1.KindOf(err) != t1.KindConflict || !strings.Contains(err.Error(), maker) || !strings.Contains(t1.HintOf(err), "--name") {
		t.Errorf("another's: %v", err)
	}
	if err := CheckFree(t.Context(), store, strings.Repeat("a", 64), maker); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("a digest: %v", err)
	}
}

// The name of a synthesis waits for what it makes.
func TestImportUnderTheNameOfASynthesis(t *testing.T) {
	store := testStore(t)
	if _, err := store.Create(t.Context(), t1.SynthesisOrderKey("made"), strings.NewReader("{}")); err != nil {
		t.Fatal(err)
	}
	path := write(t, `{"id":"x","question":"q","answer":"7"}`)
	_, err := Import(t.Context(), store, path, ImportOptions{Name: "made"})
	if t1.KindOf(err) != t1.KindConflict || !strings.Contains(err.Error(), "name of a synthesis") {
		t.Errorf("got %v", err)
	}
	if _, err := Resolve(t.Context(), store, "made"); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("it has the name: %v", err)
	}
	if report := made(t, store, worked); report.Dataset.Version != 1 {
		t.Errorf("the synthesis: %+v", report)
	}
	if report := mustImport(t, store, path, ImportOptions{Name: "made", Replace: true}); report.Dataset.Version != 2 {
		t.Errorf("with --replace: %+v", report.Dataset)
	}
}

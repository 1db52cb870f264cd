package library

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"t1"
	"t1/infra/dir"
)

func testStore(t testing.TB) t1.Store {
	t.Helper()
	store, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func testProblems(t testing.TB, file string) []t1.Problem {
	t.Helper()
	store := testStore(t)
	report, err := Import(t.Context(), store, filepath.Join("testdata", file), ImportOptions{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := ReadProblems(t.Context(), store, report.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

// write makes a file of lines.
func write(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustImport(t testing.TB, store t1.Store, path string, o ImportOptions) Report {
	t.Helper()
	report, err := Import(t.Context(), store, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestImportReal(t *testing.T) {
	store := testStore(t)
	mustImport(t, store, "testdata/gsm8k-test-20.jsonl", ImportOptions{Name: "bench", Benchmark: true})
	report := mustImport(t, store, "testdata/gsm8k-train-20.jsonl", ImportOptions{Name: "train", CreatedBy: "v"})
	if report.Dataset.Counts.Read != 20 || report.Dataset.Counts.Kept != 19 || report.Dataset.Counts.Found[BenchmarkOverlap] != 1 {
		t.Errorf("counts: %+v", report.Dataset.Counts)
	}
	if len(report.Examples) != 1 || report.Examples[0].Row != 20 || !strings.Contains(report.Examples[0].Detail, "gsm8k/test/632 of bench") {
		t.Errorf("examples: %+v", report.Examples)
	}
	found, err := Resolve(t.Context(), store, "train")
	if err != nil || !reflect.DeepEqual(found, report.Dataset) {
		t.Errorf("resolved %+v, %v\nstored %+v", found, err, report.Dataset)
	}
	if by, err := Resolve(t.Context(), store, found.Ref.SHA256); err != nil || by.Name != "train" {
		t.Errorf("by digest: %+v, %v", by, err)
	}
	problems, err := ReadProblems(t.Context(), store, found)
	if err != nil || len(problems) != 19 {
		t.Fatalf("%d problems, %v", len(problems), err)
	}
	first := problems[0]
	if first.ID != "gsm8k/train/0" || first.Answer != "72" || !strings.HasPrefix(first.Prompt, "Natalia sold clips") || !strings.HasPrefix(first.Data, `{"solution":"Natalia sold 48/2 = 24`) {
		t.Errorf("first row: %+v", first)
	}
	if _, err := ReadDemonstrations(t.Context(), store, found); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("problems as demonstrations: %v", err)
	}
}

func TestImportDemonstrations(t *testing.T) {
	store := testStore(t)
	report := mustImport(t, store, "testdata/gsm8k-train-20.jsonl", ImportOptions{Name: "worked", Kind: Demonstrations})
	rows, err := ReadDemonstrations(t.Context(), store, report.Dataset)
	if err != nil || len(rows) != 20 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if rows[0].Problem != "gsm8k/train/0" || !strings.HasPrefix(rows[0].Prompt, "Natalia") || !strings.HasSuffix(rows[0].Response, "72 clips altogether in April and May.") {
		t.Errorf("first row: %+v", rows[0])
	}
	several := write(t, `{"prompt":"q","response":"one way"}`, `{"prompt":"q","response":"another"}`, `{"prompt":"Q","response":"One way."}`)
	if counts := mustImport(t, store, several, ImportOptions{Name: "several", Kind: Demonstrations}).Dataset.Counts; counts.Kept != 2 || counts.Found[Duplicate] != 1 {
		t.Errorf("a problem solved in two ways: %+v", counts)
	}
}

// The same rows make the same bytes, whatever the file is packed in.
func TestImportForms(t *testing.T) {
	plain, err := os.ReadFile("testdata/gsm8k-train-20.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	files := map[string][]byte{
		"plain":   plain,
		"windows": append([]byte("\ufeff"), bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n\r\n"))...),
		"gzip":    gzipped(t, plain),
		"parquet": columns(t, plain),
	}
	digests := map[string]string{}
	for form, data := range files {
		path := filepath.Join(directory, form) // no ending: what it is shows in its bytes
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		digests[form] = mustImport(t, testStore(t), path, ImportOptions{Name: "x"}).Dataset.Ref.SHA256
	}
	for form, digest := range digests {
		if digest != digests["plain"] {
			t.Errorf("%s: %s, plain: %s", form, digest, digests["plain"])
		}
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func columns(t *testing.T, lines []byte) []byte {
	type row struct {
		ID       string `json:"id" parquet:"id"`
		Question string `json:"question" parquet:"question"`
		Solution string `json:"solution" parquet:"solution"`
		Answer   string `json:"answer" parquet:"answer,optional"`
	}
	var rows []row
	for line := range bytes.Lines(lines) {
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	var b bytes.Buffer
	if err := parquet.Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Each reason, with the row it is found at and what is then kept.
func TestReasons(t *testing.T) {
	store := testStore(t)
	mustImport(t, store, write(t, `{"id":"b","question":"What is 2 + 3?","answer":5}`), ImportOptions{Name: "bench", Benchmark: true})
	lines := []string{
		`{"id":"1","question":"first","answer":"1"}`,
		`{"id":"2","question":" ","answer":"1"}`,
		`{"id":"3","question":"second","answer":null}`,
		`{"id":"4","question":"First!?","answer":"1"}`,
		`{"id":"5","question":"FIRST","answer":"1."}`,
		`{"id":"6","question":"first","answer":"2"}`,
		`{"id":"1","question":"third","answer":"3"}`,
		`{"id":"8","question":"what is 2+3","answer":"5"}`,
		`{"id":"9","question":"fourth","answer":4.50}`,
	}
	want := []string{"empty_question 2", "empty_answer 3", "duplicate 5", "other_answer 6", "repeated_id 7", "benchmark_overlap 8"}
	report := mustImport(t, store, write(t, lines...), ImportOptions{Name: "train"})
	var got []string
	for _, e := range report.Examples {
		got = append(got, fmt.Sprintf("%s %d", e.Reason, e.Row))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	problems, err := ReadProblems(t.Context(), store, report.Dataset)
	if err != nil || len(problems) != 3 || problems[1].Prompt != "First!?" || problems[2].Answer != "4.50" {
		t.Errorf("kept %+v, %v", problems, err)
	}
	kept := mustImport(t, store, write(t, lines...), ImportOptions{Name: "kept", Overlap: Keep})
	if kept.Dataset.Counts.Kept != 4 || kept.Dataset.Counts.Found[BenchmarkOverlap] != 1 {
		t.Errorf("with overlap kept: %+v", kept.Dataset.Counts)
	}
}

func TestRefuse(t *testing.T) {
	path := write(t, `{"question":"q","answer":"1"}`, `{"question":"Q","answer":"1"}`)
	for name, o := range map[string]ImportOptions{"as asked": {Name: "x", Duplicates: Refuse}, "of a benchmark": {Name: "x", Benchmark: true}} {
		store := testStore(t)
		report, err := Import(t.Context(), store, path, o)
		if t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "duplicate: 1") {
			t.Errorf("%s: %v", name, err)
		}
		if report.Stored || len(report.Examples) != 1 {
			t.Errorf("%s: report %+v", name, report)
		}
		if _, err := Resolve(t.Context(), store, "x"); t1.KindOf(err) != t1.KindNotFound {
			t.Errorf("%s: there is a name: %v", name, err)
		}
	}
}

// A name keeps its content until it is replaced, and then its history.
func TestNames(t *testing.T) {
	store := testStore(t)
	a, b := write(t, `{"question":"q","answer":"1"}`), write(t, `{"question":"r","answer":"1"}`)
	first := mustImport(t, store, a, ImportOptions{Name: "x"})
	if again := mustImport(t, store, a, ImportOptions{Name: "x"}); again.Stored || again.Dataset.Version != 1 {
		t.Errorf("the same again: %+v", again)
	}
	if _, err := Import(t.Context(), store, b, ImportOptions{Name: "x"}); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("other content: %v", err)
	}
	second := mustImport(t, store, b, ImportOptions{Name: "x", Replace: true})
	found, err := Resolve(t.Context(), store, "x")
	if err != nil || found.Version != 2 || found.Ref != second.Dataset.Ref {
		t.Errorf("after the replacement: %+v, %v", found, err)
	}
	if old, err := Resolve(t.Context(), store, first.Dataset.Ref.SHA256); err != nil || !reflect.DeepEqual(old, first.Dataset) {
		t.Errorf("what was replaced: %+v, %v", old, err)
	}
	mustImport(t, store, b, ImportOptions{Name: "bench", Benchmark: true})
	checked, err := Import(t.Context(), store, a, ImportOptions{Name: "y"})
	if err != nil || len(checked.Dataset.Against) != 1 || checked.Dataset.Against[0].Name != "bench" {
		t.Errorf("compared: %+v, %v", checked.Dataset.Against, err)
	}
	late := mustImport(t, store, write(t, `{"question":"s","answer":"1"}`), ImportOptions{Name: "late", Benchmark: true})
	if !reflect.DeepEqual(late.Unchecked, []string{"x", "y"}) {
		t.Errorf("not compared with a late benchmark: %q", late.Unchecked)
	}
	all, err := Datasets(t.Context(), store)
	if err != nil || len(all) != 4 || all[0].Name != "bench" || all[2].Name != "x" || all[2].Version != 2 {
		t.Errorf("listed: %+v, %v", all, err)
	}
}

func TestFields(t *testing.T) {
	for name, test := range map[string]struct {
		o    ImportOptions
		line string
		want t1.Problem
	}{
		"as MATH is published":  {ImportOptions{}, `{"problem":"p","solution":"s","answer":"a","unique_id":"u"}`, t1.Problem{ID: "u", Prompt: "p", Answer: "a", Data: `{"solution":"s"}`}},
		"as AIME is published":  {ImportOptions{}, `{"ID":"1","Problem":"p","Answer":7}`, t1.Problem{ID: "1", Prompt: "p", Answer: "7", Data: `{}`}},
		"as GSM8K is published": {ImportOptions{}, `{"question":"p","answer":"a < b\nso\n#### 72"}`, t1.Problem{ID: "0c4b3cfa4e6fb4ca", Prompt: "p", Answer: "72", Data: `{"solution":"a < b\nso"}`}},
		"mapped":                {ImportOptions{Map: map[string]string{"question": "task", "answer": "question"}}, `{"id":3,"task":"p","question":"a"}`, t1.Problem{ID: "3", Prompt: "p", Answer: "a", Data: `{}`}},
		"data spread out":       {ImportOptions{}, `{"id":"1","question":"p","answer":"a","level":2,"data":"{\"choices\":[1,2]}"}`, t1.Problem{ID: "1", Prompt: "p", Answer: "a", Data: `{"choices":[1,2],"level":2}`}},
	} {
		store, o := testStore(t), test.o
		o.Name = "x"
		report := mustImport(t, store, write(t, test.line), o)
		got, err := ReadProblems(t.Context(), store, report.Dataset)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", name, got, err)
		}
		got[0].Tokens = nil
		if name == "as GSM8K is published" {
			test.want.ID = contentID(item{question: "p", result: "72"})
		}
		if !reflect.DeepEqual(got[0], test.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got[0], test.want)
		}
	}
}

// What cannot be read is named: file, line, what is wrong.
func TestBroken(t *testing.T) {
	good := `{"question":"q","answer":"a"}`
	parquet := columns(t, []byte(good))
	for _, test := range []struct{ name, data, want string }{
		{"torn", good + "\n" + `{"question":"q","ans`, ":2: not JSON: unexpected end"},
		{"an array", `[` + good + `]`, ":1: a JSON array"},
		{"no object", good + "\n\n" + `"text"`, ":3: not a JSON object"},
		{"null", "null", ":1: not a JSON object"},
		{"Latin-1", good + "\n{\"question\":\"caf\xe9\"}", ":2: it is not UTF-8"},
		{"an object for an answer", good + "\n" + `{"question":"r","answer":{"value":1}}`, `:2: field "answer" is an object; text or a number is wanted`},
		{"no field", `{"text":"q"}`, "no field of the first row is known to hold the question; it has text"},
		{"empty", "", "no row of set is left to store (0 read)"},
		{"torn gzip", string(gzipped(t, []byte(good+"\n"+good))[:30]), ":1: unexpected EOF"},
		{"torn Parquet", string(parquet[:len(parquet)/2]), "damaged Parquet"},
		{"a long line", `{"question":"` + strings.Repeat("x", maxLine), ":1: the line is longer than 16 MiB"},
	} {
		path := filepath.Join(t.TempDir(), "set")
		if err := os.WriteFile(path, []byte(test.data), 0o600); err != nil {
			t.Fatal(err)
		}
		store := testStore(t)
		_, err := Import(t.Context(), store, path, ImportOptions{Name: "x"})
		if t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), test.want) || t1.HintOf(err) == "" {
			t.Errorf("%s: %v (%s), want %q and a hint", test.name, err, t1.HintOf(err), test.want)
		}
		if _, err := Resolve(t.Context(), store, "x"); t1.KindOf(err) != t1.KindNotFound {
			t.Errorf("%s: something is stored: %v", test.name, err)
		}
	}
}

func TestImportOptions(t *testing.T) {
	path := write(t, `{"question":"q","answer":"a"}`)
	for name, test := range map[string]struct {
		o    ImportOptions
		kind t1.Kind
	}{
		"no name":             {ImportOptions{}, t1.KindInvalid},
		"a name with a slash": {ImportOptions{Name: "a/b"}, t1.KindInvalid},
		"a digest":            {ImportOptions{Name: strings.Repeat("a", 64)}, t1.KindInvalid},
		"no kind":             {ImportOptions{Name: "x", Kind: "rows"}, t1.KindInvalid},
		"keep duplicates":     {ImportOptions{Name: "x", Duplicates: Keep}, t1.KindInvalid},
		"worked benchmark":    {ImportOptions{Name: "x", Kind: Demonstrations, Benchmark: true}, t1.KindInvalid},
		"unknown part":        {ImportOptions{Name: "x", Map: map[string]string{"prompt": "question"}}, t1.KindInvalid},
		"unknown field":       {ImportOptions{Name: "x", Map: map[string]string{"question": "text"}}, t1.KindInvalid},
		"unknown set":         {ImportOptions{Name: "x", Against: []string{"y"}}, t1.KindNotFound},
	} {
		if _, err := Import(t.Context(), testStore(t), path, test.o); t1.KindOf(err) != test.kind {
			t.Errorf("%s: %v, want %s", name, err, test.kind)
		}
	}
	if _, err := Import(t.Context(), testStore(t), path+"x", ImportOptions{Name: "x"}); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("no file: %v", err)
	}
}

// An import that is interrupted names nothing.
func TestImportInterrupted(t *testing.T) {
	store := testStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Import(ctx, store, "testdata/gsm8k-train-20.jsonl", ImportOptions{Name: "x"}); err == nil {
		t.Error("imported")
	}
	if all, err := Datasets(t.Context(), store); len(all) > 0 || err != nil {
		t.Errorf("stored %+v, %v", all, err)
	}
}

// Of two imports that would make the same version, one is told so.
func TestPutNameOnce(t *testing.T) {
	store := testStore(t)
	key := DatasetNameKey("x", 1)
	if err := putName(t.Context(), store, key, Dataset{Name: "x", Version: 1}); err != nil {
		t.Fatal(err)
	}
	if err := putName(t.Context(), store, key, Dataset{Name: "x", Version: 1, Source: "other"}); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("second: %v", err)
	}
}

// Row groups end by the rows' bytes; nothing is lost where one ends.
func TestImportLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.jsonl")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	filler := strings.Repeat("x", 100<<10)
	const rows = 2 * groupBytes / (100 << 10)
	for i := range rows {
		fmt.Fprintf(file, `{"question":"q%d","answer":"%d","text":%q}`+"\n", i, i, filler)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	store := testStore(t)
	report := mustImport(t, store, path, ImportOptions{Name: "x"})
	problems, err := ReadProblems(t.Context(), store, report.Dataset)
	if err != nil || len(problems) != rows {
		t.Fatalf("%d problems of %d, %v", len(problems), rows, err)
	}
	for i, p := range problems {
		if p.Answer != fmt.Sprint(i) {
			t.Fatalf("row %d answers %s", i, p.Answer)
		}
	}
}

// A damaged data set is never learnt from.
func TestDamage(t *testing.T) {
	directory := t.TempDir()
	store, err := dir.New(directory)
	if err != nil {
		t.Fatal(err)
	}
	d := mustImport(t, store, "testdata/gsm8k-train-20.jsonl", ImportOptions{Name: "x"}).Dataset
	path := filepath.Join(directory, filepath.FromSlash(d.Ref.Key))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[100] ^= 1
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadProblems(t.Context(), store, d); t1.KindOf(err) != t1.KindCorrupt {
		t.Errorf("read: %v", err)
	}
	if _, err := Import(t.Context(), store, "testdata/gsm8k-train-20.jsonl", ImportOptions{Name: "y"}); t1.KindOf(err) != t1.KindCorrupt {
		t.Errorf("imported again: %v", err)
	}
}

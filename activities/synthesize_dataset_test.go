package activities

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/testsuite"

	"t1"
	"t1/library"
)

// benchmark stores one with a question.
func (l *lesson) benchmark(name, question string) {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "b.jsonl")
	if err := os.WriteFile(path, []byte(`{"id":"x","question":"`+question+`","answer":"42"}`+"\n"), 0o600); err != nil {
		l.t.Fatal(err)
	}
	if _, err := library.Import(l.t.Context(), l.store, path, library.ImportOptions{Name: name, Benchmark: true}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lesson) assembled() t1.SynthesisResult {
	l.t.Helper()
	result, err := l.assemble(context.Background(), t1.SynthesizeInput{Name: "s"}, unheard)
	if err != nil {
		l.t.Fatal(err)
	}
	return result
}

// What a benchmark asks is not paid for; what a benchmark asks that came later is
// left out of the data set, and counted.
func TestSynthesisStaysOffBenchmarks(t *testing.T) {
	l := newLesson(t, 3, nil)
	l.benchmark("early", "what is 6 x 7:  NUMBER 0")
	l.restart()
	if out := l.must(0); out.Kept || out.Reason != t1.RejectOverlap || out.Spent.Calls != 0 || l.room.total() != 0 {
		t.Errorf("a benchmark's question: %+v after %d requests", out, l.room.total())
	}
	l.must(1)
	l.benchmark("late", "What is 6 x 7, number 2?")
	if out := l.must(2); !out.Kept {
		t.Errorf("the benchmark was known already: %+v", out)
	}
	result := l.assembled()
	if result.Kept != 1 || !maps.Equal(result.Rejected, map[string]int{t1.RejectOverlap: 2}) || strings.Join(result.Against, " ") != "early late" {
		t.Errorf("result %+v", result)
	}
	rows, err := ReadRows[library.Demonstration](t.Context(), l.store, result.Dataset)
	if err != nil || len(rows) != 1 || rows[0].Problem != "set/001" {
		t.Errorf("rows %+v, %v", rows, err)
	}
	report, err := readJSON[t1.SynthesisReport](t.Context(), l.store, result.Report.Key)
	if err != nil || report.Result.Kept != 1 || report.Result.Version != 1 {
		t.Errorf("report %+v, %v", report, err)
	}
}

// A synthesis that starts again knows the benchmarks that came since.
func TestOpeningReadsTheBenchmarksAnew(t *testing.T) {
	l := newLesson(t, 2, nil)
	l.must(0)
	l.benchmark("late", "What is 6 x 7, number 1?")
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(l.Synthesizer)
	if _, err := env.ExecuteActivity("OpenSynthesis", t1.SynthesizeInput{Name: "s"}); err != nil {
		t.Fatal(err)
	}
	if out := l.must(1); out.Reason != t1.RejectOverlap || l.room.total() != 6 {
		t.Errorf("%+v after %d requests", out, l.room.total())
	}
}

func TestSynthesisOfNothing(t *testing.T) {
	l := newLesson(t, 1, nil)
	result := l.assembled()
	if result.Version != 0 || result.Dataset != (t1.Ref{}) || result.Unfinished != 1 || result.Against == nil {
		t.Errorf("result %+v", result)
	}
	if _, err := library.Resolve(t.Context(), l.store, "s"); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("a data set of nothing: %v", err)
	}
}

// A name that another data set has is refused before anything is kept or asked.
func TestSynthesisUnderATakenName(t *testing.T) {
	l := newLesson(t, 1, nil)
	l.benchmark("taken", "how many?")
	order := t1.Synthesis{Name: "taken", Spec: l.spec(), Prompts: plainPrompts}
	if err := KeepSynthesis(t.Context(), l.store, order, sums(1)); t1.KindOf(err) != t1.KindConflict || !strings.Contains(err.Error(), "data set named taken") {
		t.Errorf("got %v", err)
	}
	if _, err := l.job(t.Context(), "taken"); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("an order was kept: %v", err)
	}
	l.must(0)
	l.assembled()
	order.Name = "s"
	if err := KeepSynthesis(t.Context(), l.store, order, sums(1)); err != nil {
		t.Errorf("its own data set: %v", err)
	}
}

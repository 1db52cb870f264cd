package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"t1"
	"t1/infra/dir"
	"t1/library"
)

const planted = "sk-planted-0123456789"

// classroom is a scripted OpenAI-compatible endpoint: it tells the steps apart
// by the first word of a prompt, and its model "right" gets sums right.
type classroom struct {
	*httptest.Server
	mu      sync.Mutex
	calls   map[string]int                          // by step
	replies func(step, prompt string) (string, int) // text and status; nil means the good ones
	keys    []string
}

func newClassroom(t *testing.T) *classroom {
	t.Helper()
	c := &classroom{calls: map[string]int{}}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.Close)
	return c
}

func (c *classroom) serve(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model    string
		Messages []struct{ Content string }
	}
	data, _ := io.ReadAll(r.Body)
	if json.Unmarshal(data, &in) != nil || len(in.Messages) != 1 {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	prompt := in.Messages[0].Content
	step, _, _ := strings.Cut(prompt, " ")
	c.mu.Lock()
	c.calls[step]++
	c.keys = append(c.keys, r.Header.Get("Authorization"))
	text, status := good(step, in.Model), http.StatusOK
	if c.replies != nil {
		if other, code := c.replies(step, prompt); code != 0 {
			text, status = other, code
		}
	}
	c.mu.Unlock()
	if status != http.StatusOK {
		http.Error(w, text, status)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"model": in.Model, "choices": []any{map[string]any{"message": map[string]any{"content": text}, "finish_reason": "stop"}},
		"usage": map[string]any{"prompt_tokens": 100, "completion_tokens": 10},
	})
}

func good(step, model string) string {
	switch {
	case step == "ATTEMPT" && model == "right":
		return "6 times 7 is 42.\nAnswer: 42"
	case step == "ATTEMPT":
		return "6 times 7 is 36.\nAnswer: 36"
	case step == "CRITIQUE":
		return "it is as it is"
	case step == "MERGE":
		return "36? Wait, no. 42. Let me verify: 42 / 7 = 6."
	}
	return "6 times 7 is 36. Wait, that is wrong: 36 is 6 times 6. So 42.\nLet me check: 42 / 7 = 6.\nAnswer: 42"
}

func (c *classroom) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, calls := range c.calls {
		n += calls
	}
	return n
}

var plainPrompts = t1.SynthesisPrompts{
	Attempt:  "ATTEMPT {{.Question}} End with {{.Cue}}",
	Critique: "CRITIQUE {{.Attempt.Text}} {{if .Attempt.Right}}right{{else}}wrong{{end}} {{.Answer}}",
	Merge:    "MERGE {{range .Attempts}}[{{.Number}} {{.Given}}: {{.Critique}}]{{end}}",
	Rewrite:  "REWRITE {{.Merged}}",
}

func sums(n int) []t1.Problem {
	problems := make([]t1.Problem, n)
	for i := range problems {
		problems[i] = t1.Problem{ID: fmt.Sprintf("set/%03d", i), Prompt: fmt.Sprintf("What is 6 x 7, number %d?", i), Answer: "42"}
	}
	return problems
}

// lesson is a synthesis on a fresh store.
type lesson struct {
	*Synthesizer
	t     *testing.T
	room  *classroom
	root  string
	cache string
	store t1.Store
	log   *bytes.Buffer
}

func newLesson(t *testing.T, problems int, change func(*t1.SynthesisSpec)) *lesson {
	t.Helper()
	l := &lesson{t: t, room: newClassroom(t), root: t.TempDir(), cache: t.TempDir(), log: &bytes.Buffer{}}
	store, err := dir.New(l.root)
	if err != nil {
		t.Fatal(err)
	}
	l.store = store
	spec := l.spec()
	if change != nil {
		change(&spec)
	}
	err = KeepSynthesis(context.Background(), store, t1.Synthesis{Name: "s", Spec: spec, Prompts: plainPrompts}, sums(problems))
	if err != nil {
		t.Fatal(err)
	}
	l.restart()
	return l
}

func (l *lesson) spec() t1.SynthesisSpec {
	spec := t1.DefaultSynthesisSpec()
	for _, name := range []string{"right", "wrong"} {
		e := t1.DefaultEndpoint()
		e.Name, e.Model, e.BaseURL, e.APIKeyEnv, e.Attempts, e.PriceIn, e.PriceOut = name, name, l.room.URL, "ROOM_API_KEY", 1, 1000, 2000
		spec.Endpoints = append(spec.Endpoints, e)
	}
	spec.Roles = t1.SynthesisRoles{Critique: "right", Merge: "right", Rewrite: "right"}
	spec.Checks.MinChars = 20
	return spec
}

// restart is a new process on the same store: nothing is left in memory.
func (l *lesson) restart() {
	host := &Host{Store: l.store, Cache: l.cache, Version: "v", Log: zerolog.New(l.log)}
	l.Synthesizer = NewSynthesizer(host, func(name string) string { return map[string]string{"ROOM_API_KEY": planted}[name] })
	l.backoff = time.Millisecond
}

func (l *lesson) problem(index int) (t1.SynthesizedProblem, error) {
	return l.synthesize(context.Background(), t1.SynthesizeProblemInput{Name: "s", Index: index}, unheard)
}

func (l *lesson) must(index int) t1.SynthesizedProblem {
	l.t.Helper()
	out, err := l.problem(index)
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

func (l *lesson) outcome(index int) t1.SynthesisOutcome {
	l.t.Helper()
	out, err := readJSON[t1.SynthesisOutcome](context.Background(), l.store, t1.SynthesisOutcomeKey("s", fmt.Sprintf("set/%03d", index)))
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

func TestSynthesizeKeepsEveryStep(t *testing.T) {
	l := newLesson(t, 1, nil)
	out := l.must(0)
	each := 0.1 + 0.02 // 100 tokens at 1000 a million, 10 at 2000
	if !out.Kept || out.Made != 6 || out.Spent.Calls != 6 || out.Spent.TokensIn != 600 || out.Spent.TokensOut != 60 || out.Spent.Cost < 5.99*each || out.Spent.Cost > 6.01*each {
		t.Errorf("got %+v", out)
	}
	outcome := l.outcome(0)
	want := []t1.SynthesisAttempt{{Endpoint: "right", Correct: true, Answer: "42"}, {Endpoint: "wrong", Answer: "36"}}
	if !slices.Equal(outcome.Attempts, want) || outcome.Response != good("REWRITE", "") || len(outcome.Reasons) != 0 {
		t.Errorf("outcome %+v", outcome)
	}
	folder := path.Dir(t1.SynthesisOutcomeKey("s", "set/000"))
	var names []string
	for ref, err := range l.store.List(context.Background(), folder+"/") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, path.Base(ref.Key))
	}
	if got := strings.Join(names, " "); got != "attempt-0.json attempt-1.json critique-0.json critique-1.json merge.json outcome.json rewrite.json" {
		t.Errorf("kept %s", got)
	}
	call, err := readJSON[t1.SynthesisCall](context.Background(), l.store, t1.SynthesisStepKey("s", "set/000", "attempt-1"))
	if err != nil || call.Endpoint != "wrong" || call.Served != "wrong" || call.Finish != "stop" || len(call.Request) != 64 || call.Spent.Calls != 1 || call.Text != good("ATTEMPT", "wrong") {
		t.Errorf("attempt-1: %+v, %v", call, err)
	}
}

// The merge sees the wrong attempt first, with what the critique said.
func TestMergeIsInOrder(t *testing.T) {
	l := newLesson(t, 1, nil)
	var merge string
	l.room.replies = func(step, prompt string) (string, int) {
		if step == "MERGE" {
			merge = prompt
		}
		return "", 0
	}
	l.must(0)
	if merge != "MERGE [2 36: it is as it is][1 42: it is as it is]" {
		t.Errorf("merge was asked %q", merge)
	}
}

// A killed worker is the activity run again by another: no reply that is in the
// store is asked for a second time, wherever the first one died.
func TestSynthesizeAsksNothingTwice(t *testing.T) {
	for _, dies := range []string{"", "ATTEMPT", "CRITIQUE", "MERGE", "REWRITE"} {
		t.Run("dies at "+dies, func(t *testing.T) {
			l := newLesson(t, 1, nil)
			answered := map[string]int{}
			l.room.replies = func(step, prompt string) (string, int) {
				if step == dies && (step != "ATTEMPT" && step != "CRITIQUE" || answered[step] == 1) {
					return "dead", http.StatusBadRequest
				}
				answered[step]++
				return "", 0
			}
			out, err := l.problem(0)
			if (err != nil) != (dies != "") {
				t.Fatalf("first attempt: %+v, %v", out, err)
			}
			l.room.replies = func(step, _ string) (string, int) { answered[step]++; return "", 0 }
			l.restart()
			if out := l.must(0); !out.Kept || out.Spent.Calls != 6 {
				t.Errorf("second attempt: %+v", out)
			}
			if want := map[string]int{"ATTEMPT": 2, "CRITIQUE": 2, "MERGE": 1, "REWRITE": 1}; !maps.Equal(answered, want) {
				t.Errorf("the endpoint answered %v, want %v", answered, want)
			}
			l.restart()
			before := l.room.total()
			if out := l.must(0); out.Made != 0 || out.Spent.Calls != 6 || l.room.total() != before {
				t.Errorf("third attempt: %+v, %d requests", out, l.room.total()-before)
			}
		})
	}
}

func TestRejects(t *testing.T) {
	long := "Wait, 36 is wrong. Let me check: 42 / 7 = 6.\n"
	tests := []struct {
		reason string
		change func(*t1.SynthesisSpec)
		step   string
		text   string
		calls  int
	}{
		{t1.RejectNoRightAttempt, nil, "ATTEMPT", "Answer: 36", 2},
		{t1.RejectNoRightAttempt, nil, "ATTEMPT", "I do not know.", 2},
		{t1.RejectNoWrongAttempt, nil, "ATTEMPT", "Answer: 42", 2},
		{t1.RejectEmpty, nil, "CRITIQUE", " \n", 2 + 2*emptyTries},
		{t1.RejectEmpty, nil, "MERGE", "", 4 + emptyTries},
		{t1.RejectEmpty, nil, "REWRITE", "", 5 + emptyTries},
		{t1.RejectNoAnswer, nil, "REWRITE", long + "So it is 42.", 6},
		{t1.RejectWrongAnswer, nil, "REWRITE", long + "Answer: 36", 6},
		{t1.RejectAnswerNotLast, nil, "REWRITE", long + "Answer: 42\n\nI hope\nthat this\nhelps!", 6},
		{t1.RejectNoTrial, nil, "REWRITE", "6 x 7 = 42. Let me check: 42 / 7 = 6.\nAnswer: 42", 6},
		{t1.RejectWrongNotShown, func(s *t1.SynthesisSpec) { s.Checks.WrongAttempt = "shown" }, "REWRITE", "Wait. Let me check: 42 / 7 = 6.\nAnswer: 42", 6},
		{t1.RejectNoVerification, nil, "REWRITE", "36? Wait, that is wrong. 42.\nAnswer: 42", 6},
		{t1.RejectForbidden, nil, "REWRITE", long + "Attempt 1 said so.\nAnswer: 42", 6},
		{t1.RejectTooShort, func(s *t1.SynthesisSpec) { s.Checks.MinChars = 1000 }, "REWRITE", long + "Answer: 42", 6},
		{t1.RejectTooLong, func(s *t1.SynthesisSpec) { s.Checks.MaxChars = 30 }, "REWRITE", long + "Answer: 42", 6},
	}
	for _, test := range tests {
		t.Run(test.reason+" "+test.step, func(t *testing.T) {
			l := newLesson(t, 1, test.change)
			l.room.replies = func(step, _ string) (string, int) {
				if step == test.step {
					return test.text, http.StatusOK
				}
				return "", 0
			}
			out := l.must(0)
			if out.Kept || out.Reason != test.reason || out.Spent.Calls != test.calls || l.room.total() != test.calls {
				t.Errorf("got %+v after %d requests, want %s after %d", out, l.room.total(), test.reason, test.calls)
			}
			if outcome := l.outcome(0); outcome.Kept || outcome.Reasons[0] != test.reason {
				t.Errorf("outcome %+v", outcome)
			}
		})
	}
}

func TestSkippingAsksNobody(t *testing.T) {
	l := newLesson(t, 1, nil)
	out, err := l.synthesize(context.Background(), t1.SynthesizeProblemInput{Name: "s", Skip: true}, unheard)
	if err != nil || out.Kept || out.Reason != t1.RejectSkipped || l.room.total() != 0 {
		t.Errorf("got %+v, %v after %d requests", out, err, l.room.total())
	}
}

func TestLookingAsksNobody(t *testing.T) {
	l := newLesson(t, 1, nil)
	look := t1.SynthesizeProblemInput{Name: "s", Found: true}
	out, err := l.synthesize(context.Background(), look, unheard)
	if err != nil || !out.Missing || l.room.total() != 0 {
		t.Errorf("without an outcome: %+v, %v after %d requests", out, err, l.room.total())
	}
	made := l.must(0)
	out, err = l.synthesize(context.Background(), look, unheard)
	if err != nil || out.Missing || !out.Kept || out.Spent != made.Spent || l.room.total() != 6 {
		t.Errorf("with one: %+v, %v after %d requests", out, err, l.room.total())
	}
}

// The key reaches the endpoint, and nothing else: no object, no log, no failure
// that goes into a history, whatever the endpoint says back.
func TestTheKeyIsNowhere(t *testing.T) {
	l := newLesson(t, 2, nil)
	l.must(0)
	if !slices.Contains(l.room.keys, "Bearer "+planted) {
		t.Fatal("the key did not reach the endpoint")
	}
	l.room.replies = func(_, _ string) (string, int) {
		return `{"error":{"message":"Incorrect API key provided: ` + planted + `"}}`, http.StatusUnauthorized
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(l.Synthesizer)
	_, err := env.ExecuteActivity("SynthesizeProblem", t1.SynthesizeProblemInput{Name: "s", Index: 1})
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != string(t1.KindInvalid) || !failure.NonRetryable() {
		t.Fatalf("a refused key: %v", err)
	}
	var hint string
	if err := failure.Details(&hint); err != nil || !strings.Contains(hint, "put a valid key into ROOM_API_KEY") {
		t.Errorf("hint %q, %v", hint, err)
	}
	if !strings.Contains(failure.Message(), `endpoint "right"`) {
		t.Errorf("%q names no endpoint", failure.Message())
	}
	said := fmt.Sprintf("%+v %s %s", err, hint, l.log)
	if strings.Contains(said, planted) {
		t.Errorf("the key is in %q", said)
	}
	searched := 0
	err = filepath.WalkDir(l.root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		if searched++; bytes.Contains(data, []byte(planted)) {
			t.Errorf("the key is in %s", file)
		}
		return err
	})
	if err != nil || searched < 9 {
		t.Errorf("searched %d objects: %v", searched, err)
	}
}

func TestAssembly(t *testing.T) {
	l := newLesson(t, 5, nil)
	l.room.replies = func(step, prompt string) (string, int) {
		if step == "ATTEMPT" && strings.Contains(prompt, "number 1?") {
			return "no idea", http.StatusOK
		}
		return "", 0
	}
	for _, index := range []int{3, 0, 2, 1} { // the order they end in says nothing
		l.must(index)
	}
	first, err := l.assemble(context.Background(), t1.SynthesizeInput{Name: "s"}, unheard)
	if err != nil {
		t.Fatal(err)
	}
	if first.Problems != 5 || first.Kept != 3 || first.Unfinished != 1 || !maps.Equal(first.Rejected, map[string]int{t1.RejectNoRightAttempt: 1}) || first.Spent.Calls != 20 {
		t.Errorf("result %+v", first)
	}
	rows, err := ReadRows[library.Demonstration](context.Background(), l.store, first.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	for i, index := range []int{0, 2, 3} {
		p := sums(5)[index]
		if want := (library.Demonstration{Problem: p.ID, Prompt: p.Prompt, Response: good("REWRITE", "")}); rows[i] != want {
			t.Errorf("row %d: %+v", i, rows[i])
		}
	}
	named, err := library.Resolve(context.Background(), l.store, "s")
	if err != nil || named.Ref != first.Dataset || named.Version != 1 || first.Version != 1 || named.Source != "synthesis/s" || named.CreatedBy != "v" {
		t.Errorf("the data set named s is %+v, %v, not %+v", named, err, first)
	}
	inSpec, mistakes := "s", []t1.Mistake{}
	_, err = l.host.pinDataset(context.Background(), "task.data.demonstrations", &inSpec, library.Demonstrations, &mistakes)
	if err != nil || len(mistakes) > 0 || inSpec != first.Dataset.SHA256 {
		t.Errorf("in a run's spec s is %s, %v, %v", inSpec, mistakes, err)
	}
	report, err := readJSON[t1.SynthesisReport](context.Background(), l.store, first.Report.Key)
	if err != nil || report.Attempts["right"] != (t1.Tally{Made: 4, Right: 3}) || report.Attempts["wrong"] != (t1.Tally{Made: 4}) || report.Result.Kept != 3 {
		t.Errorf("report %+v, %v", report, err)
	}
	l.restart()
	again, err := l.assemble(context.Background(), t1.SynthesizeInput{Name: "s"}, unheard)
	if err != nil || again.Dataset != first.Dataset || again.Version != 1 || again.Report != first.Report {
		t.Errorf("a second assembly: %+v, %v", again, err)
	}
	l.must(4)
	whole, err := l.assemble(context.Background(), t1.SynthesizeInput{Name: "s"}, unheard)
	if err != nil || whole.Kept != 4 || whole.Unfinished != 0 || whole.Dataset == first.Dataset || whole.Version != 2 {
		t.Errorf("with the last problem: %+v, %v", whole, err)
	}
}

func TestKeepSynthesis(t *testing.T) {
	l := newLesson(t, 2, nil)
	ctx := context.Background()
	same := t1.Synthesis{Name: "s", Spec: l.spec(), Prompts: plainPrompts}
	if err := KeepSynthesis(ctx, l.store, same, sums(2)); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := KeepSynthesis(ctx, l.store, same, sums(3)); t1.KindOf(err) != t1.KindConflict || t1.HintOf(err) == "" {
		t.Errorf("other problems: %v", err)
	}
	same.Prompts.Merge = "{{.Quesion}}"
	if err := KeepSynthesis(ctx, l.store, same, sums(2)); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "merge.md") {
		t.Errorf("a prompt with a mistake: %v", err)
	}
	if _, err := l.job(ctx, "other"); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("no such synthesis: %v", err)
	}
}

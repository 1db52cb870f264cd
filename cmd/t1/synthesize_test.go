package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"t1"
	"t1/activities"
)

// docs/synthesis.md lists every field of a spec with its default, and why a problem is rejected.
func TestSynthesisContract(t *testing.T) {
	text := page(t, "synthesis.md")
	for _, rule := range t1.SynthesisRules() {
		if !strings.Contains(text, "\n| `"+rule.Field+"` |") {
			t.Errorf("docs/synthesis.md has no line on %s", rule.Field)
		}
	}
	for _, reason := range []string{t1.RejectOverlap, t1.RejectDuplicate, t1.RejectNoRightAttempt, t1.RejectTooLong, t1.RejectWrongNotShown, t1.RejectSkipped} {
		if !strings.Contains(text, "`"+reason+"`") {
			t.Errorf("docs/synthesis.md has no line on %s", reason)
		}
	}
}

func TestSynthesisExample(t *testing.T) {
	tool := &tool{}
	path := filepath.Join(root(t), "examples", "synthesis", "sums.yaml")
	spec, err := tool.readSynthesis(path)
	if err != nil {
		t.Fatal(err)
	}
	prompts, err := readPrompts(path, spec.Prompts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := activities.ParsePrompts(prompts); err != nil {
		t.Error(err)
	}
	problems, err := readSynthesisProblems(t.Context(), nil, path, spec.Problems)
	if err != nil || len(problems) != 4 || problems[3].Answer != "300" {
		t.Errorf("problems %+v, %v", problems, err)
	}
}

func TestSynthesisMistakesHaveTheirLines(t *testing.T) {
	tool := &tool{in: strings.NewReader("version: 1\nproblems: p.jsonl\nendpoints:\n  - name: a\n    base_url: http://h/v1\n    model: m\n    attempts: 1\n" +
		"  - name: b\n    base_url: ftp://h\n    model: m\n    api_key_env: sk-planted\nroles: {critique: a, merge: a, rewrite: c}\nbugdet: 5\n")}
	_, err := tool.readSynthesis("-")
	if t1.KindOf(err) != t1.KindInvalid {
		t.Fatal(err)
	}
	for _, want := range []string{"-:9: endpoints[1].base_url", "-:11: endpoints[1].api_key_env", "-:12: roles.rewrite", "-:13: bugdet", "did you mean budget?"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nlacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "sk-planted") {
		t.Errorf("repeats what may be a key: %s", err)
	}
}

func TestParseProblems(t *testing.T) {
	got, err := parseProblems("p", strings.NewReader(`{"id":"a","question":"1+1?","answer":2}`+"\n\n"+`{"question":"2+2?","answer":"4","solution":"x"}`+"\n"))
	want := []t1.Problem{{ID: "a", Prompt: "1+1?", Answer: "2"}, {ID: "line-000003", Prompt: "2+2?", Answer: "4"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for text, says := range map[string]string{
		``:                          "holds no problem",
		`{"id":"a","question":"q"}`: "p:1: answer is missing",
		`{"id":"a","answer":1}`:     "p:1: question is missing",
		`{"id":[],"question":1}`:    "p:1: id is empty",
		`[1]`:                       "p:1: no JSON object",
		"{\"id\":\"a\",\"question\":\"q\",\"answer\":1}\n{\"id\":\"a\",\"question\":\"q\",\"answer\":1}": `p:2: id "a" stands on line 1 too`,
	} {
		if _, err := parseProblems("p", strings.NewReader(text)); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", text, err, says)
		}
	}
}

// teacher is an endpoint that answers every step of any sum of the form "6 x 7".
func teacher(t *testing.T, calls *atomic.Int64) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		if r.Header.Get("Authorization") != "Bearer sk-planted" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		if n%5 == 0 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		data, _ := io.ReadAll(r.Body)
		text := "36? Wait, that is wrong: 36 is 6 times 6. So 42. Let me verify: 42 / 7 = 6. " + strings.Repeat("It holds. ", 20) + "\nAnswer: 42"
		if strings.Contains(string(data), `"model":"weak"`) {
			text = "Answer: 36"
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"choices": []any{map[string]any{"message": map[string]string{"content": text}, "finish_reason": "stop"}},
			"usage":   map[string]int{"prompt_tokens": 10, "completion_tokens": 20},
		})
	}))
	t.Cleanup(server.Close)
	return server
}

// A whole synthesis through the tool, a real server and a real worker: parked
// for its budget, resolved, done; and started again, which asks nobody.
func TestSynthesizeOnAServer(t *testing.T) {
	t.Setenv("TEACHER_API_KEY", "sk-planted")
	w := newWorld(t)
	w.up()
	var calls atomic.Int64
	server := teacher(t, &calls)
	w.writeSynthesis(server.URL)
	w.write("bench.jsonl", `{"id":"x","question":"What is 6 x 7, asked 6 times?","answer":42}`+"\n")
	w.run("t1", "data", "import", "bench.jsonl", "--name", "bench", "--benchmark")
	w.run("t1", "synthesize", "s.yaml")
	w.eventually(time.Minute, "budget", func() bool { return w.synthesis("s").Phase == t1.PhaseParked })
	if parked := w.synthesis("s").Parked; parked.Kind != t1.KindBudget {
		t.Fatalf("parked for %+v", parked)
	}
	w.run("t1", "synthesize", "resolve", "s", "retry", "--budget", "0")
	var end t1.SynthesisStatus
	if err := json.Unmarshal([]byte(w.run("t1", "synthesize", "s.yaml", "--wait", "--json")), &end); err != nil {
		t.Fatal(err)
	}
	if end.Phase != t1.PhaseDone || end.Kept != 6 || end.Result.Kept != 6 || end.Spent.Calls != 36 || end.Rejected[t1.RejectOverlap] != 1 {
		t.Errorf("it ended as %+v", end)
	}
	if got := w.run("t1", "data", "list"); !regexp.MustCompile(`(?m)^s +6 demonstrations +synthesis/s +`).MatchString(got) {
		t.Errorf("t1 data list:\n%s", got)
	}
	if got := w.run("t1", "synthesize", "status", "s"); !strings.Contains(got, "s, version 1: 6 demonstrations, compared with bench") {
		t.Errorf("t1 synthesize status:\n%s", got)
	}
	before := calls.Load()
	var again t1.SynthesisStatus
	if err := json.Unmarshal([]byte(w.run("t1", "synthesize", "s.yaml", "--wait", "--json")), &again); err != nil {
		t.Fatal(err)
	}
	if calls.Load() != before || again.Result.Dataset != end.Result.Dataset || !maps.Equal(again.Rejected, end.Rejected) {
		t.Errorf("started again it asked %d times and ended as %+v", calls.Load()-before, again)
	}
	refused, err := w.command("t1", "synthesize", "s.yaml", "--name", "bench").CombinedOutput()
	if err == nil || !strings.Contains(string(refused), "there is a data set named bench already, from bench.jsonl") {
		t.Errorf("under a name that is taken: %v\n%s", err, refused)
	}
	history := w.run("temporal", "workflow", "show", "--workflow-id", "synthesis/s", "--output", "json")
	if strings.Contains(history, "sk-planted") || !strings.Contains(history, "SynthesizeProblem") {
		t.Error("the key is in the history, or there is none")
	}
}

func (w *world) writeSynthesis(address string) {
	w.Helper()
	problems := ""
	for i := range 7 {
		problems += fmt.Sprintf(`{"id":"p%d","question":"What is 6 x 7, asked %d times?","answer":42}`+"\n", i, i)
	}
	spec := fmt.Sprintf(`
problems: p.jsonl
prompts: %s
endpoints:
  - {name: weak, model: weak, base_url: %[2]q, api_key_env: TEACHER_API_KEY, attempts: 1, price_out: 50000}
  - {name: good, model: good, base_url: %[2]q, api_key_env: TEACHER_API_KEY, attempts: 1}
roles: {critique: good, merge: good, rewrite: good}
width: 2
budget: 2
`, filepath.Join(root(w), "examples", "synthesis", "prompts"), address)
	for name, text := range map[string]string{"p.jsonl": problems, "s.yaml": spec} {
		if err := os.WriteFile(filepath.Join(w.home, name), []byte(text), 0o600); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) synthesis(name string) (status t1.SynthesisStatus) {
	out, err := w.command("t1", "synthesize", "status", name, "--json").Output()
	if err == nil {
		err = json.Unmarshal(out, &status)
	}
	if err != nil {
		return t1.SynthesisStatus{}
	}
	return status
}

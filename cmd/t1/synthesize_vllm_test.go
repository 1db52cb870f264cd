package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"t1"
	"t1/infra/chat"
	"t1/infra/dir"
	"t1/library"
)

// A whole synthesis by a real model behind a real server, which takes a minute
// or two: T1_TEST_VLLM=1 asks for it, as `make test-vllm` does. The model is a
// small one, so the checks are loose and the problems easy: what it gets right
// is kept for real, and what it gets wrong is rejected for real.
func TestVLLMSynthesizes(t *testing.T) {
	wantVLLM(t)
	w := newWorld(t)
	server := w.serveChat()
	w.up()
	w.write("sums.jsonl", `{"id":"two","question":"What is 2 + 3?","answer":5}
{"id":"tens","question":"What is 10 + 10?","answer":20}
{"id":"hard","question":"What is 17 * 23?","answer":391}
{"id":"known","question":"What is 7 + 7?","answer":14}
`)
	w.write("bench.jsonl", `{"id":"x","question":"what is 7 + 7","answer":14}`+"\n")
	w.run("t1", "data", "import", "bench.jsonl", "--name", "bench", "--benchmark")
	for step, prompt := range map[string]string{
		t1.StepAttempt:  "{{.Question}}",
		t1.StepCritique: "Check this: {{.Attempt.Text}}",
		t1.StepMerge:    "{{range .Attempts}}{{.Text}}\n{{.Critique}}\n{{end}}{{.Question}}",
		t1.StepRewrite:  "{{.Question}}\nHint: {{.Merged}}",
	} {
		w.write(step+".md", prompt)
	}
	w.write("sums.yaml", fmt.Sprintf(`
problems: sums.jsonl
prompts: .
endpoints:
  - {name: greedy, model: smollm2, base_url: %q, temperature: 0, attempts: 2, max_tokens: 16}
roles: {critique: greedy, merge: greedy, rewrite: greedy}
answer_cue: "="
checks: {wrong_attempt: none, trial: [], verification: [], forbidden: [], min_chars: 1}
`, server+"/v1"))

	end := w.synthesized()
	if end.Phase != t1.PhaseDone || end.Done != 4 || end.Result.Unfinished != 0 || end.Rejected[t1.RejectOverlap] != 1 {
		t.Fatalf("it ended as %+v", end)
	}
	if end.Kept == 0 || end.Rejected[t1.RejectNoRightAttempt] == 0 {
		t.Errorf("kept %d, rejected %v: want a sum that the model can do, and one that it cannot", end.Kept, end.Rejected)
	}
	kept, calls := w.replies(t, "two", "tens", "hard")
	if kept != end.Kept || calls != end.Spent.Calls {
		t.Errorf("%d outcomes are kept and %d replies stored, not as in %+v", kept, calls, end)
	}
	store, err := dir.New(filepath.Join(w.home, "store"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := library.Resolve(t.Context(), store, "sums")
	if err != nil || set.Ref != end.Result.Dataset || set.Kind != library.Demonstrations || set.Counts.Kept != int64(end.Kept) || len(set.Against) != 1 {
		t.Errorf("the data set sums is %+v, %v", set, err)
	}
	served := func() t1.Spent { return w.served(server) }
	want := end.Spent
	w.eventually(20*time.Second, "agreement of server and status", func() bool { return served() == want })

	again := w.synthesized()
	if got := served(); got != want {
		t.Errorf("started again it asked: the server has answered %+v, was %+v", got, want)
	}
	if again.Result.Dataset != end.Result.Dataset || again.Result.Version != 1 || again.Spent != end.Spent {
		t.Errorf("started again it ended as %+v, first as %+v", again.Result, end.Result)
	}

	client := chat.New(chat.Options{Name: "chat", BaseURL: server + "/v1", Timeout: time.Minute})
	_, err = client.Ask(t.Context(), chat.Request{Model: "no-such-model", Prompt: "x", MaxTokens: 1})
	if t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("a model that is not there: %v", err)
	}
}

// synthesized is `t1 synthesize --wait` with an end: one that parks waits for ever.
func (w *world) synthesized() (status t1.SynthesisStatus) {
	w.Helper()
	c := w.command("t1", "synthesize", "sums.yaml", "--wait", "--json")
	c.Stderr = os.Stderr
	detach := time.AfterFunc(4*time.Minute, func() { _ = c.Process.Signal(os.Interrupt) })
	defer detach.Stop()
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &status)
	}
	if err != nil {
		w.Fatalf("%v: %s", err, out)
	}
	return status
}

// replies reads what is stored of each problem, all of which must be there, and
// counts the outcomes that are kept and the calls behind them.
func (w *world) replies(t *testing.T, problems ...string) (kept, calls int) {
	t.Helper()
	store, err := dir.New(filepath.Join(w.home, "store"))
	if err != nil {
		t.Fatal(err)
	}
	attempts := []string{"attempt-0", "attempt-1"}
	for _, problem := range problems {
		var outcome t1.SynthesisOutcome
		readStored(t, store, t1.SynthesisOutcomeKey("sums", problem), &outcome)
		steps := attempts
		if !slices.Equal(outcome.Reasons, []string{t1.RejectNoRightAttempt}) {
			steps = append(slices.Clone(attempts), "critique-0", "critique-1", "merge", "rewrite")
		}
		for _, step := range steps {
			var call t1.SynthesisCall
			readStored(t, store, t1.SynthesisStepKey("sums", problem, step), &call)
			t.Logf("%s %s: %q (%s)", problem, step, call.Text, call.Finish)
			if call.Text == "" || call.Served != "smollm2" || call.Estimated || call.Spent.TokensIn == 0 || call.Spent.TokensOut == 0 {
				t.Errorf("%s %s: %+v", problem, step, call)
			}
			calls += call.Spent.Calls
		}
		if outcome.Kept {
			kept++
		}
		if outcome.Kept != (len(outcome.Reasons) == 0) || len(outcome.Attempts) != 2 {
			t.Errorf("%s: %+v", problem, outcome)
		}
	}
	return kept, calls
}

func readStored(t *testing.T, store t1.Store, key string, into any) {
	t.Helper()
	r, err := store.OpenRange(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := json.NewDecoder(r).Decode(into); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
}

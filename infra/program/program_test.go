package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"t1"
)

// scripted does what the first word of a response says; a response that is the
// answer is right.
const scripted = `
import json, os, subprocess, sys, time
for line in sys.stdin:
    item = json.loads(line)
    word, _, rest = item["response"].partition(" ")
    verdict = {"id": item["id"], "correct": item["response"] == item["answer"], "answer": item["response"]}
    if word == "hang":
        time.sleep(600)
    elif word == "exit":
        sys.exit("said before\n" + rest)
    elif word == "silent-exit":
        sys.exit(7)
    elif word == "print":
        print(rest, flush=True)
        continue
    elif word == "long":
        verdict["answer"] = "x" * 100_000
    elif word == "allocate":
        bytearray(int(rest))
    elif word == "spawn":
        child = subprocess.Popen(["sleep", "600"])
        verdict["answer"] = f"{os.getpid()} {child.pid}"
    elif word == "environment":
        verdict["answer"] = " ".join(sorted(f"{k}={v}" for k, v in os.environ.items()))
    elif word == "trials":
        verdict["answer"] = str(trials)
    if item["id"] == "trial":
        trials = item
    print(json.dumps(verdict), flush=True)
`

func script(source string) Program {
	return Program{Command: []string{python(), "-c", source}, Limit: time.Minute}
}

// python is the interpreter itself: what PATH leads to may be a slow script that
// looks for it and changes the environment.
var python = sync.OnceValue(func() string {
	path, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(path))
})

func begin(t *testing.T, p Program) *Grader {
	t.Helper()
	g, err := Start(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// batch makes an item of each response; the reference answer of all is 4.
func batch(responses ...string) []Item {
	items := make([]Item, len(responses))
	for i, response := range responses {
		items[i] = Item{ID: strconv.Itoa(i), Prompt: "2 + 2 = ? asked " + strconv.Itoa(i), Answer: "4", Data: `{"a":1}`, Response: response}
	}
	return items
}

func grade(t *testing.T, g *Grader, items []Item) []Verdict {
	t.Helper()
	verdicts, err := g.Grade(t.Context(), items, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(verdicts) != len(items) {
		t.Fatalf("%d verdicts on %d items", len(verdicts), len(items))
	}
	return verdicts
}

func TestGrade(t *testing.T) {
	g := begin(t, script(scripted))
	var told []string
	odd := "<&> \u2028 \xff \"\n"
	got, err := g.Grade(t.Context(), batch("4", "5", odd), func(done, total int) { told = append(told, fmt.Sprint(done, "/", total)) })
	want := []Verdict{{ID: "0", Correct: true, Answer: "4"}, {ID: "1", Answer: "5"}, {ID: "2", Answer: strings.ToValidUTF8(odd, "\ufffd")}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if !slices.Equal(told, []string{"1/3", "2/3", "3/3"}) {
		t.Errorf("told %q", told)
	}
	pid := g.process.command.Process.Pid
	if got := grade(t, g, batch("4", strings.Repeat("y", 60_000))); !got[0].Correct || len(got[1].Answer) != 60_000 || g.process.command.Process.Pid != pid {
		t.Errorf("the second batch: %+v, pid %d before %d", got, g.process.command.Process.Pid, pid)
	}
	if got := grade(t, g, nil); len(got) != 0 {
		t.Errorf("no items: %+v", got)
	}
}

// A response that the program cannot deal with costs that response its verdict,
// and nothing else.
func TestFaults(t *testing.T) {
	p := script(scripted)
	p.Limit = 2500 * time.Millisecond
	tests := []struct{ response, reason, detail string }{
		{"hang", TimedOut, "after 2.5s"},
		{"exit with a reason", Crashed, "with a reason"},
		{"silent-exit", Crashed, "exit status 7"},
		{"print hello there", NotAVerdict, "hello there"},
		{"print ", NotAVerdict, ""},
		{`print {"id":"0","correct":true}`, NotAVerdict, `{"id":"0","correct":true}`},
		{`print {"id":"1","correct":true,"answer":"4"}`, NotAVerdict, `{"id":"1","correct":true,"answer":"4"}`},
		{`print {"id":"0","correct":1,"answer":"4"}`, NotAVerdict, `{"id":"0","correct":1,"answer":"4"}`},
		{"print " + strings.Repeat("é", 1000), NotAVerdict, strings.Repeat("é", 100) + " ..."},
		{"long", NotAVerdict, "a line of over 64 KiB"},
	}
	g := begin(t, p)
	for _, test := range tests {
		got := grade(t, g, batch(test.response, "4"))
		if want := (Verdict{ID: "0", Reason: test.reason, Detail: test.detail}); got[0] != want {
			t.Errorf("%.60s: got %+v, want %+v", test.response, got[0], want)
		}
		if want := (Verdict{ID: "1", Correct: true, Answer: "4"}); got[1] != want {
			t.Errorf("%.60s: the next item: %+v", test.response, got[1])
		}
	}
	// A second verdict on one item is the next one's garbage.
	twice := `print {"id":"0","correct":true,"answer":"4"}` + "\n" + `{"id":"0","correct":true,"answer":"4"}`
	if got := grade(t, g, batch(twice, "4", "4")); got[0].Reason != "" || got[1].Reason != NotAVerdict || !got[2].Correct {
		t.Errorf("two verdicts: %+v", got)
	}
}

// All of a hard problem's responses may hang without the program being broken.
func TestOneProblemHangs(t *testing.T) {
	p := script(scripted)
	p.Limit = 700 * time.Millisecond
	items := batch("hang", "hang", "hang", "hang", "4")
	for i := range 4 {
		items[i].Prompt = "the same"
	}
	got := grade(t, begin(t, p), items)
	for i := range 4 {
		if got[i].Reason != TimedOut {
			t.Errorf("item %d: %+v", i, got[i])
		}
	}
	if !got[4].Correct {
		t.Errorf("the last item: %+v", got[4])
	}
}

func TestBroken(t *testing.T) {
	quick := func(p Program, limit time.Duration) Program {
		p.Limit, p.Startup = limit, limit
		return p
	}
	tests := map[string]struct {
		program Program
		items   []Item
		kind    t1.Kind
		message string
	}{
		"ends": {script("import sys; sys.exit('no licence')"), batch("4"), t1.KindInvalid,
			"gives no verdict on a reference answer given as the response: crashed (no licence)"},
		"prints": {script("print('welcome', flush=True); input()"), batch("4"), t1.KindInvalid,
			"reference answer given as the response: not a verdict (welcome)"},
		"reads nothing": {quick(Program{Command: []string{"sleep", "600"}}, 150*time.Millisecond), batch("4"), t1.KindUnavailable, "timeout (after"},
		"reads nothing of much": {quick(Program{Command: []string{"sleep", "600"}}, 150*time.Millisecond),
			[]Item{{ID: "0", Answer: strings.Repeat("4", 1<<20)}}, t1.KindUnavailable, "timeout (after"},
		"judges nothing": {script(scripted), batch("exit a", "exit b", "exit c", "4"), t1.KindInvalid,
			"gives no verdict on the first three problems: crashed (c)"},
		"cannot run": {Program{Command: []string{executable(t, "not a program")}}, batch("4"), t1.KindInvalid, "crashed ("},
	}
	for name, test := range tests {
		g := begin(t, test.program)
		_, err := g.Grade(t.Context(), test.items, nil)
		if t1.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.message) || t1.HintOf(err) == "" {
			t.Errorf("%s: %s: %v", name, t1.KindOf(err), err)
		}
	}
}

// executable makes an executable file with a content.
func executable(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "grader")
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStartRejects(t *testing.T) {
	for name, test := range map[string]struct {
		program Program
		kind    t1.Kind
	}{
		"no command":     {Program{}, t1.KindInvalid},
		"empty command":  {Program{Command: []string{""}}, t1.KindInvalid},
		"no such file":   {Program{Command: []string{"/nowhere/grader"}}, t1.KindNotFound},
		"not executable": {Program{Command: []string{"/etc/passwd"}}, t1.KindNotFound},
		"negative limit": {Program{Command: []string{"cat"}, Limit: -1}, t1.KindInvalid},
	} {
		if g, err := Start(test.program); t1.KindOf(err) != test.kind {
			t.Errorf("%s: %v", name, err)
			if g != nil {
				g.Close()
			}
		}
	}
}

func TestIDs(t *testing.T) {
	g := begin(t, script(scripted))
	for _, id := range []string{"1", "trial"} {
		items := batch("4", "4")
		items[0].ID = id
		if _, err := g.Grade(t.Context(), items, nil); t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestCancel(t *testing.T) {
	g := begin(t, script(scripted))
	why := errors.New("the worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	began := time.Now()
	_, err := g.Grade(ctx, batch("4", "hang"), func(int, int) { time.AfterFunc(50*time.Millisecond, func() { cancel(why) }) })
	if !errors.Is(err, why) || time.Since(began) > 30*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	if _, err := g.Grade(ctx, batch("4"), nil); !errors.Is(err, why) {
		t.Errorf("cancelled before: %v", err)
	}
	if got := grade(t, g, batch("4")); !got[0].Correct {
		t.Errorf("afterwards: %+v", got)
	}
}

func TestTrial(t *testing.T) {
	items := batch("trials", "x")
	items[1].Answer, items[1].Prompt, items[0].Answer = "4", "the easiest", "44"
	want := "{'id': 'trial', 'prompt': 'the easiest', 'answer': '4', 'data': '{\"a\":1}', 'response': '4'}"
	if got := grade(t, begin(t, script(scripted)), items); got[0].Answer != want {
		t.Errorf("got %s", got[0].Answer)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("T1_SECRET", "x")
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("HOME", "/nonexistent")
	p := script(scripted)
	p.Environment = []string{"GRADER=y"}
	got := grade(t, begin(t, p), batch("environment"))[0].Answer
	for _, name := range []string{"GRADER=y", "HOME=/nonexistent", "LANG=C.UTF-8", "PATH=" + os.Getenv("PATH")} {
		if !strings.Contains(got, name) {
			t.Errorf("no %s in %s", name, got)
		}
	}
	if strings.Contains(got, "T1_SECRET") {
		t.Errorf("all of our environment: %s", got)
	}
}

func TestMemory(t *testing.T) {
	p := script(scripted)
	p.Memory = 300 << 20
	got := grade(t, begin(t, p), batch("allocate 50000000", "allocate 400000000"))
	if got[0].Reason != "" || got[1] != (Verdict{ID: "1", Reason: Crashed, Detail: "MemoryError"}) {
		t.Errorf("got %+v", got)
	}
	p.Memory = -1
	if got := grade(t, begin(t, p), batch("allocate 400000000")); got[0].Reason != "" {
		t.Errorf("without a bound: %+v", got)
	}
}

// What an item costs beside the program's own work: two writes and two switches
// of process.
func BenchmarkGrade(b *testing.B) {
	g, err := Start(script(scripted))
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	items := batch(slices.Repeat([]string{"4"}, 1000)...)
	for b.Loop() {
		if _, err := g.Grade(b.Context(), items, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(items)), "µs/item")
}

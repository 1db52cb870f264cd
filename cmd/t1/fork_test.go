package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"t1"
)

// A run is forked by the tool and by the plain Temporal CLI: its log, the tree
// of runs, its report and its verification go over the point where it begins.
func TestFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.up()
	w.run("t1", "train", tiny(t), "--run", "base")
	w.until("base", "end", done) // it has collected what its last records do not need
	base := w.logged("base")
	at := slices.IndexFunc(base, func(l logLine) bool { return l.Kind == t1.RecordUpdate }) + 1

	var made forkedRun
	out := w.run("t1", "fork", "base", "--at", fmt.Sprint(at), "--run", "same", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || made != (forkedRun{"same", "base", at, base[at].Result, true}) {
		t.Errorf("fork: %s, %v", out, err)
	}
	w.run("t1", "fork", "base", "--at", fmt.Sprint(at), "--run", "k2", "--set", "rl.k=2", "--set", "rl.iterations=4")
	w.until("same", "end", done)
	if got := w.logged("same"); !equal(digests(got), digests(base)) || got[at].Run != "base" || got[at+1].Run != "same" {
		t.Errorf("the fork has\n%v\nthe run\n%v", digests(got), digests(base))
	}
	w.until("k2", "end", done)
	k2 := w.logged("k2")
	if !equal(digests(k2[:at+1]), digests(base[:at+1])) || k2[at+1].Result == base[at+1].Result || k2[len(k2)-1].Iteration != 4 {
		t.Errorf("with another K:\n%v\nthe run\n%v", digests(k2), digests(base))
	}

	input := fmt.Sprintf(`{"fork": {"run": "k2", "at": %d, "set": {"rl.beta": 0.5}}}`, at+1)
	w.run("temporal", "workflow", "start", "--type", "Train", "--task-queue", t1.QueueControl, "--workflow-id", "second", "--input", input)
	status := w.until("second", "end", done)
	if status.Fork == nil || *status.Fork != (t1.ForkPoint{Run: "k2", At: at + 1}) {
		t.Errorf("status: fork %+v", status.Fork)
	}
	if got := w.run("t1", "log", "--graph", "second"); got != strings.Join([]string{
		fmt.Sprintf("base  records 0 to %d", len(base)-1),
		fmt.Sprintf("├─ k2  from record %d, to %d  rl.iterations=4 rl.k=2", at, len(k2)-1),
		fmt.Sprintf("│  └─ second  from record %d, to %d  rl.beta=0.5", at+1, len(k2)-1),
		fmt.Sprintf("└─ same  from record %d, to %d", at, len(base)-1), "",
	}, "\n") {
		t.Errorf("graph:\n%s", got)
	}
	if out := w.run("t1", "log", "second"); !strings.Contains(out, fmt.Sprintf("records 0 to %d are shared with run base\n", at)) {
		t.Errorf("log:\n%s", out)
	}
	if out := w.run("t1", "list"); !strings.Contains(out, fmt.Sprintf("second  countdown  %d records", len(k2))) {
		t.Errorf("list:\n%s", out)
	}
	if out := w.run("t1", "verify", "second", "--from", fmt.Sprint(at-1)); !strings.Contains(out, "every digest is the same") {
		t.Errorf("verify: %s", out)
	}
	w.run("t1", "report", "second")
	w.run("t1", "model", "export", "second", "exported")
	w.refused("temporal", "workflow", "execute", "--type", "Train", "--task-queue", t1.QueueControl, "--workflow-id", "none", "--input", `{"fork": {"run": "base", "at": 99}}`)
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"t1"
)

// A run whose engine, worker and server are killed, each in the middle of an
// iteration, goes on by itself, and ends in the state of a run that nobody
// disturbed: each record of its log has the same digest.
func TestSurvivesKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.up()
	w.detached("undisturbed")
	w.until("undisturbed", "end", done)
	want := digests(w.logged("undisturbed"))
	if len(want) < 8 {
		t.Fatalf("the undisturbed run has records %v", want)
	}
	w.run("t1", "train", tiny(t), "--run", "killed")
	for _, victim := range []struct {
		name      string
		iteration int
		pid       func() int
	}{
		{"engine", 2, func() int { return childOf(t, w.upState().WorkerPID) }},
		{"worker", 4, func() int { return w.upState().WorkerPID }},
		{"server", 6, func() int { return w.upState().ServerPID }},
	} {
		w.until("killed", "an iteration", func(s t1.Status) bool { return s.Phase == t1.PhaseRL && s.Iteration >= victim.iteration })
		pid := victim.pid()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatalf("kill -9 %d: %v", pid, err)
		}
		w.eventually(time.Minute, "other "+victim.name, func() bool { now := victim.pid(); return now != 0 && now != pid })
	}
	w.until("killed", "end", done)
	if got := digests(w.logged("killed")); !equal(got, want) {
		t.Errorf("digests after kill -9 of engine, worker and server:\n%v\nundisturbed:\n%v", got, want)
	}
	// The last state is what its log says, computed once more.
	if out := w.run("t1", "verify", "killed", "--from", "5"); !strings.Contains(out, "every digest is the same") {
		t.Errorf("verify: %s", out)
	}
	w.leaves("undisturbed", "2")
}

// detached starts a run, looks on, and is ended: the run is not.
func (w *world) detached(run string) {
	w.Helper()
	c := w.start("train", tiny(w), "--run", run, "--wait")
	w.until(run, "first record", func(s t1.Status) bool { return s.Seq >= 0 })
	w.end(c)
	said, err := os.ReadFile(filepath.Join(w.home, "train.out"))
	if err != nil || !strings.Contains(string(said), "detached; the run goes on") {
		w.Errorf("train --wait, ended: %s, %v", said, err)
	}
}

func done(s t1.Status) bool { return s.Phase == t1.PhaseDone }

func digests(log []logLine) []string {
	out := make([]string, len(log))
	for i, line := range log {
		out[i] = fmt.Sprintf("%s %.12s", line.Kind, line.Result)
	}
	return out
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// childOf finds the one child of a process, which for a worker is its engine.
func childOf(t *testing.T, parent int) int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid ...
		_, rest, _ := strings.Cut(string(data), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	return 0
}

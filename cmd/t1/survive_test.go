package main

import (
	"fmt"
	"io/fs"
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
// disturbed: each record of its log has the same digest. Keys that were in the
// environment of all of it are in no file that it leaves: no record, no log, and
// not in the server's database of histories.
func TestSurvivesKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const planted = "planted-where-keys-are"
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "TEMPORAL_API_KEY", "HF_TOKEN", "OPENAI_API_KEY"} {
		w.env = append(w.env, name+"="+planted)
	}
	w.env = append(w.env, "TEMPORAL_TLS=false") // which a key would ask for
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
	w.keepsNo(planted)
}

// keepsNo looks through every file of the world for a text.
func (w *world) keepsNo(text string) {
	w.Helper()
	looked := 0
	err := filepath.WalkDir(w.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		looked++
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			w.Errorf("%s has %q", path, text)
		}
		return err
	})
	if err != nil || looked < 100 {
		w.Errorf("looked into %d files: %v", looked, err)
	}
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

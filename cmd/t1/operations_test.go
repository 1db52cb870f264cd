package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"t1"
)

// operations follows docs/operations.md: a run is started, steered, parked and
// forked by Temporal's own CLI; then t1 steers the fork, which lives the longest.
func (w *world) operations() {
	second := w.command("t1", "up")
	if out, err := second.CombinedOutput(); err == nil || second.ProcessState.ExitCode() != t1.KindConflict.ExitCode() || !strings.Contains(string(out), messages[0]) {
		w.Errorf("a second t1 up: %v\n%s", err, out)
	}
	data := filepath.Join(w.home, "store", t1.DataKey("demo"))
	var whole []byte
	commands := runnable(w, "docs/operations.md")
	temporals := func(c told) bool { return strings.HasPrefix(c.line, "temporal ") }
	byTemporal, byT1 := slices.DeleteFunc(slices.Clone(commands), func(c told) bool { return !temporals(c) }), slices.DeleteFunc(commands, temporals)
	w.write("spec.json", w.run("t1", "spec", "check", tiny(w), "--json"))
	w.follow(byTemporal, nil, map[string]func(out string){
		"--workflow-id demo --input-file": func(string) {
			w.until("demo", "first iteration", func(s t1.Status) bool { return s.Iteration >= 1 })
		},
		"--type status": func(out string) {
			if !strings.Contains(out, `"phase"`) {
				w.Errorf("status: %s", out)
			}
		},
		"--name pause": func(string) {
			w.until("demo", "pause", func(s t1.Status) bool { return s.Phase == t1.PhasePaused })
			whole = damage(w.T, data)
		},
		"--name resume": func(string) {
			parked := w.until("demo", "parked", func(s t1.Status) bool { return s.Phase == t1.PhaseParked }).Parked
			if parked.Kind != t1.KindCorrupt || !strings.Contains(parked.Reason, t1.DataKey("demo")) || parked.Command == "" {
				w.Errorf("a damaged object parks the run with %+v", parked)
			}
		},
		"--name set": func(out string) {
			if !strings.Contains(out, "learning_rate") {
				w.Errorf("set: %s", out)
			}
			w.refused("temporal", "workflow", "update", "execute", "--workflow-id", "demo", "--name", "set", "--input", `{"beta": -1}`)
			w.refused("temporal", "workflow", "update", "execute", "--workflow-id", "demo", "--name", "set", "--input", `{"learning_rat": 1}`)
			if err := os.WriteFile(data, whole, 0o600); err != nil { // before resolve
				w.Fatal(err)
			}
		},
		"--name resolve": func(string) {
			w.until("demo", "parked", func(s t1.Status) bool { return s.Parked == nil })
		},
		"--name stop": func(string) {
			w.until("demo", "end", func(s t1.Status) bool { return s.Phase == t1.PhaseStopped })
		},
		"--workflow-id k2": func(string) {
			if s := w.until("k2", "record", func(s t1.Status) bool { return s.Seq > 2 }); *s.Fork != (t1.ForkPoint{Run: "demo", At: 2}) {
				w.Errorf("k2 is a fork of %+v", s.Fork)
			}
		},
	})
	w.steered()
	w.steerFork(byT1)
}

// steerFork follows the commands of t1 in the page's sentences and tables; those
// that steer demo, which has ended, steer k2, and the last of all stops it.
func (w *world) steerFork(commands []told) {
	w.Helper()
	stops := func(c told) bool { return strings.HasPrefix(c.line, "t1 stop ") }
	last := slices.IndexFunc(commands, stops)
	commands = append(slices.DeleteFunc(slices.Clone(commands), stops), commands[last])
	for i, c := range commands {
		if !strings.HasPrefix(c.line, "t1 status ") && !strings.HasPrefix(c.line, "t1 fork ") {
			commands[i].line = strings.Replace(c.line, " demo", " k2", 1)
		}
	}
	w.follow(commands, nil, map[string]func(string){
		"t1 fork demo --at 2": func(out string) {
			if !strings.Contains(out, "joined it") {
				w.Errorf("t1 does not make the fork that temporal made: %s", out)
			}
		},
		"t1 pause": func(string) {
			w.until("k2", "pause", func(s t1.Status) bool { return s.PauseAsked || s.Phase == t1.PhasePaused })
		},
		"t1 stop": func(string) { w.until("k2", "end", func(s t1.Status) bool { return s.Phase == t1.PhaseStopped }) },
	})
}

// steered checks that the log has what `set` changed.
func (w *world) steered() {
	w.Helper()
	status, ok := w.status("demo")
	if !ok || status.Steered.LearningRate == nil || *status.Steered.LearningRate != 5e-4 {
		w.Errorf("steered: %+v", status.Steered)
	}
	last := w.logged("demo")
	if rate := last[len(last)-1].Metrics["learning_rate"]; last[len(last)-1].Kind == t1.RecordUpdate && rate != 5e-4 {
		w.Errorf("the last record has learning rate %g", rate)
	}
}

// refused runs a command that must end with an error.
func (w *world) refused(name string, args ...string) {
	w.Helper()
	if out, err := w.command(name, args...).CombinedOutput(); err == nil {
		w.Errorf("%s %v was taken: %s", name, args, out)
	}
}

// damage spoils a file and gives what it held.
func damage(t *testing.T, path string) []byte {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, whole[:len(whole)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// A demo that is ended goes on when it is started again; one that is started
// while another lives joins it, and takes over when that one is ended.
func TestDemoGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	demo := []string{"demo", "--spec", tiny(t), "--temporal-port", w.port, "--ui-port", w.ui}
	first := w.start(demo...)
	w.until("tiny", "fine-tuning", func(s t1.Status) bool { return s.Seq >= 1 })
	w.end(first)
	before := len(w.logged("tiny"))

	second := w.start(demo...)
	w.eventually(time.Minute, "second demo", func() bool { return w.upState().PID == second.Process.Pid })
	third := w.command("t1", append(demo, "--output", "third.html")...)
	out, err := os.Create(filepath.Join(w.home, "third.out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	third.Stdout, third.Stderr = out, out
	if err := third.Start(); err != nil {
		t.Fatal(err)
	}
	w.until("tiny", "more records", func(s t1.Status) bool { return s.Seq+1 > before })
	w.end(second)
	if err := third.Wait(); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"joined it", "accuracy, sampled", "RL over SFT", "report: "} {
		if !strings.Contains(string(said), want) {
			t.Errorf("the demo does not say %q:\n%s", want, said)
		}
	}
	if page, err := os.ReadFile(filepath.Join(w.home, "third.html")); err != nil || !strings.Contains(string(page), "</html>") {
		t.Errorf("report: %d bytes, %v", len(page), err)
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"t1"
)

// The commands of docs/operations.md, run as they stand there, in their order,
// against a live server. Between them the run is brought to where each is for.
func TestOperationsCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.up()
	second := w.command("t1", "up")
	if out, err := second.CombinedOutput(); err == nil || second.ProcessState.ExitCode() != t1.KindConflict.ExitCode() || !strings.Contains(string(out), "is up already") {
		t.Errorf("a second t1 up: %v\n%s", err, out)
	}
	spec := w.run("t1", "spec", "check", tiny(t), "--json")
	if err := os.WriteFile(filepath.Join(w.home, "spec.json"), []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(w.home, "store", t1.DataKey("demo"))
	var whole []byte
	after := map[string]func(out string){
		"workflow start": func(string) {
			w.until("demo", "first iteration", func(s t1.Status) bool { return s.Iteration >= 1 })
		},
		"workflow query": func(out string) {
			if !strings.Contains(out, `"phase"`) {
				t.Errorf("status: %s", out)
			}
		},
		"pause": func(string) {
			w.until("demo", "pause", func(s t1.Status) bool { return s.Phase == t1.PhasePaused })
			whole = damage(t, data)
		},
		"resume": func(string) {
			parked := w.until("demo", "parked", func(s t1.Status) bool { return s.Phase == t1.PhaseParked }).Parked
			if parked.Kind != t1.KindCorrupt || !strings.Contains(parked.Reason, t1.DataKey("demo")) || parked.Command == "" {
				t.Errorf("a damaged object parks the run with %+v", parked)
			}
		},
		"set": func(out string) {
			if !strings.Contains(out, "learning_rate") {
				t.Errorf("set: %s", out)
			}
			w.refused("temporal", "workflow", "update", "execute", "--workflow-id", "demo", "--name", "set", "--input", `{"beta": -1}`)
			w.refused("temporal", "workflow", "update", "execute", "--workflow-id", "demo", "--name", "set", "--input", `{"learning_rat": 1}`)
			if err := os.WriteFile(data, whole, 0o600); err != nil { // before resolve
				t.Fatal(err)
			}
		},
		"resolve": func(string) {
			w.until("demo", "parked", func(s t1.Status) bool { return s.Parked == nil })
		},
		"stop": func(string) {
			w.until("demo", "end", func(s t1.Status) bool { return s.Phase == t1.PhaseStopped })
		},
	}
	ran := 0
	for _, command := range documented(t) {
		out := w.run("temporal", command[1:]...)
		ran++
		for key, hook := range after {
			if strings.Join(command[1:3], " ") == key || (len(command) > 7 && command[7] == key) {
				hook(out)
			}
		}
	}
	if ran < 10 {
		t.Errorf("docs/operations.md has %d commands", ran)
	}
	w.steered()
	w.farFromTheTrainer()
	if s := w.until("k2", "record of its own", func(s t1.Status) bool { return s.Iteration > 0 }); *s.Fork != (t1.ForkPoint{Run: "demo", At: 2}) {
		t.Errorf("k2 is a fork of %+v", s.Fork)
	}
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

// documented gives the temporal command lines of docs/operations.md.
func documented(t *testing.T) [][]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var commands [][]string
	fenced := false
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced && strings.HasPrefix(line, "temporal "):
			commands = append(commands, words(line))
		}
	}
	return commands
}

// words splits a command line at spaces, but for what stands in single quotes.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
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

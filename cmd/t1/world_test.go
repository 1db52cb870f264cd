package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"t1"
	"t1/infra/process/processtest"
)

// world is a T1_HOME of its own on free ports, with the real server, worker
// and engine.
type world struct {
	*testing.T
	home string
	port string
	ui   string
	env  []string // more of its commands', as NAME=VALUE

	typed map[string]bool // commands of documents that were run
	wrong *[]string       // what made the test fail, this one's or a part of it
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, home: t.TempDir(), port: strconv.Itoa(processtest.FreePort(t)), ui: strconv.Itoa(processtest.FreePort(t)), wrong: new([]string)}
	t.Cleanup(func() {
		if t.Failed() {
			w.showLogs()
		}
	})
	return w
}

// command is a command line in this world; temporal and t1 are found.
func (w *world) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = w.home
	path := filepath.Dir(binary) + ":" + filepath.Join(root(w), ".bin") + ":" + os.Getenv("PATH")
	c.Env = append(os.Environ(), "PATH="+path, "T1_HOME="+w.home, "T1_ENGINE_DIR="+filepath.Join(root(w), "engine"))
	c.Env = append(c.Env, w.env...)
	if name == "temporal" {
		c.Env = append(c.Env, "TEMPORAL_ADDRESS=127.0.0.1:"+w.port)
	}
	for _, dir := range strings.Split(path, ":") {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			c.Path, c.Err = found, nil
			break
		}
	}
	return c
}

// run runs a command line that must succeed and gives its standard output.
func (w *world) run(name string, args ...string) string {
	w.Helper()
	c := w.command(name, args...)
	var errors bytes.Buffer
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		w.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, &errors)
	}
	return string(out)
}

// up starts `t1 up` and returns when the worker is there.
func (w *world) up() {
	w.Helper()
	c := w.start("up", "--temporal-port", w.port, "--ui-port", w.ui)
	w.Cleanup(func() { w.end(c) })
	w.eventually(time.Minute, "t1 up", func() bool { return w.upState().WorkerPID != 0 })
}

// start starts t1 in the background, its output in a log of its own. It dies with
// this test, however that dies.
func (w *world) start(args ...string) *exec.Cmd {
	w.Helper()
	if _, err := os.Stat(filepath.Join(root(w), "engine", ".venv", "bin", "python")); err != nil {
		w.Fatalf("no engine environment: run `make setup` first (%v)", err)
	}
	c := w.command("t1", args...)
	c.SysProcAttr = childAttributes()
	log, err := os.Create(filepath.Join(w.home, args[0]+".out"))
	if err != nil {
		w.Fatal(err)
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		w.Fatal(err)
	}
	return c
}

// end ends a process of ours with SIGTERM, as Ctrl-C does, and waits for it.
func (w *world) end(c *exec.Cmd) {
	w.Helper()
	if c.ProcessState != nil {
		return
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			w.Errorf("%v: %v", c.Args, err)
		}
	case <-time.After(time.Minute):
		_ = c.Process.Kill()
		w.Errorf("%v does not end", c.Args)
	}
}

func (w *world) upState() upState {
	w.Helper()
	state, err := settings{Home: w.home}.readUp()
	if err != nil {
		w.Fatal(err)
	}
	return state
}

// status asks a run how it is; ok is false while it does not answer.
func (w *world) status(run string) (status t1.Status, ok bool) {
	ctx, cancel := context.WithTimeout(w.Context(), 20*time.Second)
	defer cancel()
	c := w.command("t1", "status", run, "--json")
	out, err := c.Output()
	if err != nil || ctx.Err() != nil {
		return status, false
	}
	return status, json.Unmarshal(out, &status) == nil
}

// until waits for a run's status to be as asked.
func (w *world) until(run, what string, holds func(t1.Status) bool) t1.Status {
	w.Helper()
	var status t1.Status
	w.eventually(4*time.Minute, what+" in run "+run, func() bool {
		var ok bool
		status, ok = w.status(run)
		if ok && status.Parked != nil && what != "parked" {
			w.Fatalf("run %s is parked: %s: %s", run, status.Parked.Step, status.Parked.Reason)
		}
		return ok && holds(status)
	})
	return status
}

func (w *world) eventually(limit time.Duration, what string, holds func() bool) {
	w.Helper()
	for began := time.Now(); !holds(); time.Sleep(250 * time.Millisecond) {
		if time.Since(began) > limit {
			w.Fatalf("no %s within %s", what, limit)
		}
	}
}

// logged is a run's log as `t1 log --json` prints it.
func (w *world) logged(run string) []logLine {
	w.Helper()
	var lines []logLine
	decoder := json.NewDecoder(strings.NewReader(w.run("t1", "log", run, "--json")))
	decoder.DisallowUnknownFields()
	for decoder.More() {
		var line logLine
		if err := decoder.Decode(&line); err != nil {
			w.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// showLogs shows the ends of all logs, and then again what went wrong: who reads
// the last lines of a long output shall find it there.
func (w *world) showLogs() {
	files, _ := filepath.Glob(filepath.Join(w.home, "logs", "*.log"))
	outs, _ := filepath.Glob(filepath.Join(w.home, "*.out"))
	for _, path := range append(files, outs...) {
		data, _ := os.ReadFile(path)
		w.Logf("%s:\n%s", path, data[max(0, len(data)-3000):])
	}
	w.Logf("what went wrong: %s", strings.Join(*w.wrong, "\n"))
}

func (w *world) Errorf(format string, args ...any) {
	w.Helper()
	*w.wrong = append(*w.wrong, fmt.Sprintf(format, args...))
	w.T.Errorf(format, args...)
}

func (w *world) Fatalf(format string, args ...any) {
	w.Helper()
	*w.wrong = append(*w.wrong, fmt.Sprintf(format, args...))
	w.T.Fatalf(format, args...)
}

func (w *world) Fatal(args ...any) {
	w.Helper()
	w.Fatalf("%s", strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
}

// tiny is the spec of these tests.
func tiny(t testing.TB) string { return filepath.Join(root(t), "cmd", "t1", "testdata", "tiny.yaml") }

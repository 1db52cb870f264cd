package devserver

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"t1"
	"t1/infra/process/processtest"
)

func TestMain(m *testing.M) {
	if db := os.Getenv(parentThatDies); db != "" {
		startAndHang(db)
	}
	goleak.VerifyTestMain(m)
}

// temporal is the real binary.
func temporal(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.bin/temporal")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatal("no .bin/temporal: run `make setup`")
	}
	return path
}

// script is a stand-in for the binary.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "temporal")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func options(t *testing.T, binary string) Options {
	dir := t.TempDir()
	return Options{
		Binary: binary, Port: processtest.FreePort(t), UIPort: processtest.FreePort(t),
		DBFile: filepath.Join(dir, "temporal.db"), LogFile: filepath.Join(dir, "temporal.log"),
		SearchAttributes: map[string]string{"RunName": "Keyword"},
	}
}

func ask(t *testing.T, binary string, s *Server, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, append(args, "--address", s.Address)...).CombinedOutput()
	if err != nil {
		t.Fatalf("temporal %v: %v: %s", args, err, out)
	}
	return string(out)
}

func TestServer(t *testing.T) {
	binary := temporal(t)
	o := options(t, binary)
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if out := ask(t, binary, s, "operator", "search-attribute", "list"); !strings.Contains(out, "RunName") {
		t.Errorf("search attributes: %s", out)
	}
	if out := ask(t, binary, s, "operator", "namespace", "describe", "default"); !strings.Contains(out, "720h0m0s") {
		t.Errorf("retention: %s", out)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.UIAddress, "http://")); err != nil {
		t.Errorf("web UI: %v", err)
	}
	ask(t, binary, s, "workflow", "start", "--type", "Any", "--task-queue", "any", "--workflow-id", "kept")
	if _, err := Start(t.Context(), o); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("a second server on the database: %v", err)
	}

	// Killed in the middle, it goes on where it was.
	s.Kill()
	if err := s.Wait(); t1.KindOf(err) != t1.KindUnavailable {
		t.Errorf("killed: %v", err)
	}
	again, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if out := ask(t, binary, again, "workflow", "describe", "--workflow-id", "kept"); !strings.Contains(out, "HistoryLength") {
		t.Errorf("the workflow after a restart: %s", out)
	}
	if err := again.Stop(); err != nil || again.Wait() != nil {
		t.Errorf("stop: %v, %v", err, again.Wait())
	}
	if _, err := os.Stat(pidFile(o)); err == nil {
		t.Error("the pid file is still there")
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, script(t, "exit 0"))
	for _, port := range []*int{&o.Port, &o.UIPort} {
		free := *port
		*port = l.Addr().(*net.TCPAddr).Port
		_, err = Start(t.Context(), o)
		if t1.KindOf(err) != t1.KindConflict || !strings.Contains(err.Error(), "is in use by another program") || t1.HintOf(err) == "" {
			t.Errorf("got %v", err)
		}
		*port = free
	}
}

func TestNoBinary(t *testing.T) {
	_, err := Start(t.Context(), options(t, "/nowhere/temporal"))
	if t1.KindOf(err) != t1.KindNotFound || !strings.Contains(t1.HintOf(err), "make setup") {
		t.Errorf("got %v", err)
	}
}

// A server whose own ports were taken between its choice and its use is started
// again; one that always fails so is given up with what it said.
func TestPortLost(t *testing.T) {
	lost := `echo start >>$0.starts; test $(wc -l <$0.starts) -gt 1 || { echo listen tcp 127.0.0.1:44153: bind: address already in use; exit 1; }; `
	for name, c := range map[string]struct{ text, reason, starts string }{
		"once":   {lost + "echo the database is broken; exit 3", "the database is broken", "start\nstart\n"},
		"always": {strings.Replace(lost, "-gt 1", "-gt 9", 1), "address already in use", strings.Repeat("start\n", starts)},
	} {
		o := options(t, script(t, c.text))
		_, err := Start(t.Context(), o)
		if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", name, err)
		}
		if text, _ := os.ReadFile(o.Binary + ".starts"); string(text) != c.starts {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestEndsAtOnce(t *testing.T) {
	_, err := Start(t.Context(), options(t, script(t, "echo the database is broken >&2; exit 3")))
	if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), "the database is broken") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

// A server that never answers and does not want to end leaves nothing behind.
func TestHangs(t *testing.T) {
	o := options(t, script(t, "trap '' TERM; echo $$ > $0.pid; sleep 1000 & wait; wait"))
	o.StartTimeout, o.Grace = 300*time.Millisecond, 200*time.Millisecond
	_, err := Start(t.Context(), o)
	if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), "did not answer within 300ms") {
		t.Errorf("got %v", err)
	}
	text, err := os.ReadFile(o.Binary + ".pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	processtest.WantNoGroup(t, pid)
}

func TestCancelledStart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	o := options(t, script(t, "exec sleep 1000"))
	if _, err := Start(ctx, o); err == nil || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
}

func TestLeftoverIsEnded(t *testing.T) {
	left := exec.Command("sleep", "1000")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() { gone <- left.Wait() }()
	o := options(t, "")
	if err := writePID(o, left.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := endLeftover(o); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("its parent lives: %v", err)
	}
	data, _ := os.ReadFile(pidFile(o))
	dead := strings.Replace(string(data), `"parent":{"pid":`, `"parent":{"pid":9`, 1)
	if err := os.WriteFile(pidFile(o), []byte(dead), 0o600); err != nil {
		t.Fatal(err)
	}
	o.setDefaults()
	if err := endLeftover(o); err != nil {
		t.Errorf("its parent is dead: %v", err)
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("it still runs")
	}
	if err := os.WriteFile(pidFile(o), []byte("{half"), 0o600); err != nil || endLeftover(o) != nil {
		t.Errorf("a damaged pid file is in the way")
	}
}

// parentThatDies makes this test binary start a server and wait for its death.
const parentThatDies = "T1_TEST_DEVSERVER_PARENT"

func startAndHang(binary string) {
	s := &Server{options: Options{DBFile: binary}, done: make(chan struct{})}
	if err := s.spawn(binary); err != nil {
		panic(err)
	}
	os.Stdout.WriteString("started\n")
	select {}
}

func TestDiesWithItsParent(t *testing.T) {
	o := Options{DBFile: script(t, "exec sleep 1000")}
	line, kill := processtest.Owner(t, parentThatDies, o.DBFile)
	if line != "started" {
		t.Fatal(line)
	}
	data, err := os.ReadFile(pidFile(o))
	if err != nil {
		t.Fatal(err)
	}
	var n note
	if err := json.Unmarshal(data, &n); err != nil || !n.Server.lives() || !n.Parent.lives() {
		t.Fatalf("%s: %v", data, err)
	}
	kill()
	if runtime.GOOS != "linux" { // there the next start has to end it
		o.setDefaults()
		if err := endLeftover(o); err != nil {
			t.Error(err)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); n.Server.lives(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server outlives its parent")
		}
	}
}

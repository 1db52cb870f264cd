package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"t1"
	"t1/infra/process/processtest"
)

// wantNoProcess fails where a process of any engine's group lives on.
func wantNoProcess(t *testing.T, o Options) {
	t.Helper()
	pids := processtest.Starts(o.Dir)
	if len(pids) == 0 {
		t.Error("no engine was started")
	}
	for _, pid := range pids {
		processtest.WantNoGroup(t, pid)
	}
}

func TestCannotStart(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   string
		change func(*Options)
		kind   t1.Kind
		says   string
	}{
		{"no interpreter", "serve", func(o *Options) { o.Python = "/nowhere/python" }, t1.KindNotFound, "/nowhere/python"},
		{"no package", "serve", func(o *Options) { o.Dir = "/nowhere" }, t1.KindNotFound, "no engine package t1_engine in /nowhere"},
		{"no torch", "no module", func(*Options) {}, t1.KindNotFound, "No module named 'torch'"},
		{"ends at once", "exit", func(*Options) {}, t1.KindUnavailable, "(exit status 2); its log ends: socket /x: its directory"},
		{"ends at once, no log", "exit", func(o *Options) { o.Log = "" }, t1.KindUnavailable, "its directory must belong"},
		{"never answers", "hang", func(o *Options) { o.Start = 300 * time.Millisecond }, t1.KindUnavailable, "did not answer within 300ms; its log ends: thinking"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := fake(t, c.mode)
			changed := o
			c.change(&changed)
			_, err := supervised(t, changed).Get(t.Context())
			if t1.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s: %v", t1.KindOf(err), err)
			}
			if c.mode != "hang" && t1.HintOf(err) == "" {
				t.Error("no hint")
			}
			if c.mode != "serve" {
				wantNoProcess(t, o)
			}
			if left, _ := filepath.Glob(filepath.Join(o.Dir, "t1-*")); len(left) > 0 {
				t.Errorf("socket directories left: %v", left)
			}
		})
	}
}

func TestCallersShareOneStart(t *testing.T) {
	o := fake(t, "slow")
	p := supervised(t, o)
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Get(impatient); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller in a hurry: %v", err)
	}
	clients := make([]*Client, 8)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			var err error
			if clients[i], err = p.Get(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, c := range clients {
		if c != clients[0] || c == nil {
			t.Error("callers have several clients")
		}
	}
	if n := len(processtest.Starts(o.Dir)); n != 1 {
		t.Errorf("%d starts", n)
	}
}

func TestKillAndClose(t *testing.T) {
	o := fake(t, "stubborn")
	p := supervised(t, o)
	p.Kill() // nothing to kill
	if _, err := p.Get(t.Context()); err != nil || p.PID() == 0 {
		t.Fatal(p.PID(), err)
	}
	first := p.PID()
	p.Kill()
	wantNoProcess(t, o)
	client, err := p.Get(t.Context())
	if err != nil || p.PID() == first {
		t.Fatalf("after a kill: pid %d, before %d, %v", p.PID(), first, err)
	}
	if about, err := client.Describe(t.Context()); err != nil || about.Version != "fake" {
		t.Errorf("%+v, %v", about, err)
	}
	p.Close()
	p.Close()
	if _, err := p.Get(t.Context()); t1.KindOf(err) != t1.KindPreempted || p.PID() != 0 {
		t.Errorf("after the close: pid %d, %v", p.PID(), err)
	}
	wantNoProcess(t, o)
}

func TestCloseWhileStarting(t *testing.T) {
	o := fake(t, "hang")
	p := supervised(t, o)
	got := make(chan error)
	go func() {
		_, err := p.Get(context.Background())
		got <- err
	}()
	for range 200 { // until the process is there
		if _, err := os.Stat(filepath.Join(o.Dir, "pids")); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.Close()
	if err := <-got; t1.KindOf(err) != t1.KindUnavailable || !errors.Is(err, errEnded) {
		t.Errorf("got %v", err)
	}
	wantNoProcess(t, o)
}

func startAndHang(python string) {
	os.Unsetenv(fakeParent) // or the engine would take itself for the parent
	p := New(Options{Python: python, Dir: filepath.Dir(python), Threads: 1})
	if _, err := p.Get(context.Background()); err != nil {
		panic(err)
	}
	os.Stdout.WriteString("started\n")
	select {}
}

// Our own sudden death ends the engine, even one that heeds nothing.
func TestDiesWithItsParent(t *testing.T) {
	mode := "deaf"
	if runtime.GOOS != "linux" {
		mode = "serve" // there only the end of its input tells it
	}
	o := fake(t, mode)
	line, kill := processtest.Owner(t, fakeParent, o.Python)
	if line != "started" {
		t.Fatal(line)
	}
	kill()
	wantNoProcess(t, o)
}

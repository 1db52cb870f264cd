package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"t1/infra/process/processtest"
)

// owner is the variable that makes this test binary a process that grades and
// is then killed; see TestKilledOwner.
const owner = "T1_TEST_GRADER_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(owner) != "" {
		own()
	}
	os.Exit(m.Run())
}

func own() {
	g, err := Start(script(scripted))
	if err != nil {
		panic(err)
	}
	verdicts, err := g.Grade(context.Background(), batch("spawn"), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(verdicts[0].Answer)
	time.Sleep(time.Hour)
}

// wantGone fails unless the processes with the numbers, and the whole group of
// the first, end soon.
func wantGone(t *testing.T, pids string) {
	t.Helper()
	for _, pid := range strings.Fields(pids) {
		number, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(5 * time.Second); lives(number); {
			if time.Now().After(end) {
				t.Errorf("process %d lives", number)
				_ = syscall.Kill(number, syscall.SIGKILL)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	processtest.WantNoGroup(t, leader(t, pids))
}

// leader is the first of the numbers.
func leader(t *testing.T, pids string) int {
	t.Helper()
	first, _, _ := strings.Cut(pids, " ")
	number, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// lives reports whether a process runs; a zombie does not.
func lives(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func TestNothingIsLeft(t *testing.T) {
	p := script(scripted)
	p.Limit = 2 * time.Second
	for name, end := range map[string]func(*Grader){
		"close":   (*Grader).Close,
		"timeout": func(g *Grader) { grade(t, g, batch("hang")) },
		"crash":   func(g *Grader) { grade(t, g, batch("exit")) },
		"garbage": func(g *Grader) { grade(t, g, batch("print hello")) },
	} {
		g := begin(t, p)
		pids := grade(t, g, batch("spawn"))[0].Answer
		if len(strings.Fields(pids)) != 2 || len(processtest.Group(t, leader(t, pids))) == 0 {
			t.Fatalf("%s: no processes to end: %q", name, pids)
		}
		end(g)
		wantGone(t, pids)
		g.Close()
		g.Close() // again is harmless
	}
}

// Whoever grades may be killed, and can then end nothing itself.
func TestKilledOwner(t *testing.T) {
	pids, kill := processtest.Owner(t, owner, "1")
	kill()
	wantGone(t, pids)
}

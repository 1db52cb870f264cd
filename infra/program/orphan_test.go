package program

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
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
	if left := group(t, strings.Fields(pids)[0]); left != "" {
		t.Errorf("left in its group: %s", left)
	}
}

// lives reports whether a process runs; a zombie does not.
func lives(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

// group lists the processes of a group, zombies left out.
func group(t *testing.T, id string) string {
	t.Helper()
	all, err := exec.Command("ps", "-e", "-o", "pgid=,pid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(all)) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == id && f[2][0] != 'Z' {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "; ")
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
		if len(strings.Fields(pids)) != 2 || group(t, strings.Fields(pids)[0]) == "" {
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
	us := exec.Command(os.Args[0])
	us.Env = append(os.Environ(), owner+"=1")
	out, err := us.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := us.Start(); err != nil {
		t.Fatal(err)
	}
	pids, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Errorf("read: %v", err)
	}
	_ = us.Process.Kill()
	_ = us.Wait()
	wantGone(t, pids)
}

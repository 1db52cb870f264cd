package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"t1"
	"t1/infra/process/processtest"
)

// The variables make this test binary a process that starts another and is
// killed then. Their value is a shell script.
const (
	owner        = "T1_TEST_PROCESS_OWNER"
	guardedOwner = "T1_TEST_PROCESS_GUARDED_OWNER"
)

func TestMain(m *testing.M) {
	for _, variable := range []string{owner, guardedOwner} {
		if script := os.Getenv(variable); script != "" {
			own(script, variable == guardedOwner)
		}
	}
	goleak.VerifyTestMain(m)
}

func own(script string, guarded bool) {
	p, err := Start(exec.Command("/bin/sh", "-c", script), Options{Name: "child", Guard: guarded})
	if err != nil {
		panic(err)
	}
	fmt.Println(p.group)
	select {}
}

// begin starts a shell script.
func begin(t *testing.T, script string, o Options) *Process {
	t.Helper()
	o.Name = "child"
	p, err := Start(exec.Command("/bin/sh", "-c", script), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.End()
		processtest.WantNoGroup(t, p.group)
	})
	return p
}

// wait returns when the process is gone.
func wait(t *testing.T, p *Process) {
	t.Helper()
	select {
	case <-p.Gone():
	case <-time.After(10 * time.Second):
		t.Fatal("the process does not end")
	}
}

// members waits until a group has so many processes.
func members(t *testing.T, group, want int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); len(processtest.Group(t, group)) != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %q, want %d processes", processtest.Group(t, group), want)
		}
	}
}

// deaf heeds nothing but SIGKILL.
const deaf = "trap '' HUP INT TERM; "

func TestDiesWithItsParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel has no parent-death signal")
	}
	line, kill := processtest.Owner(t, owner, deaf+"while :; do sleep 0.05; done")
	group, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if len(processtest.Group(t, group)) == 0 {
		t.Fatal("there is no process")
	}
	kill()
	processtest.WantNoGroup(t, group)
}

// What the process started dies with us only by the guard.
func TestGuardEndsTheGroupWithItsParent(t *testing.T) {
	for variable, started := range map[string]int{owner: 2, guardedOwner: 3} { // the guard is one more
		line, kill := processtest.Owner(t, variable, deaf+"sleep 1000 & wait")
		group, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		members(t, group, started)
		kill()
		if variable == owner && runtime.GOOS == "linux" {
			members(t, group, 1)
			_ = syscall.Kill(-group, syscall.SIGKILL)
		}
		processtest.WantNoGroup(t, group)
	}
}

// What the process started ends with it by the guard.
func TestGuardEndsTheGroupWithTheProcess(t *testing.T) {
	p := begin(t, deaf+"sleep 1000 & exit 3", Options{Guard: true})
	wait(t, p)
	processtest.WantNoGroup(t, p.group)
	if got := p.State().String(); got != "exit status 3" {
		t.Errorf("it ended: %s", got)
	}
}

// The kernel's parent-death signal is about the thread that started the process,
// and threads come and go.
func TestOutlivesTheThreadsAroundIt(t *testing.T) {
	started := make(chan *Process, 40)
	for range cap(started) {
		go func() {
			runtime.LockOSThread() // and the thread ends with the goroutine
			p, err := Start(exec.Command("sleep", "1000"), Options{})
			if err != nil {
				t.Error(err)
			}
			started <- p
		}()
	}
	for range cap(started) {
		if p := <-started; p != nil {
			defer p.End()
			time.Sleep(10 * time.Millisecond)
			if !p.Alive() {
				t.Errorf("it ended: %s", p.State())
			}
		}
	}
}

// The number of a group may be another's when the process is gone: here it is
// that of a process left over.
func TestGroupIsNotSignalledWhenTheProcessIsGone(t *testing.T) {
	p := begin(t, "sleep 1000 & exit", Options{})
	wait(t, p)
	p.Signal(syscall.SIGTERM)
	p.Kill()
	p.End()
	time.Sleep(100 * time.Millisecond)
	members(t, p.group, 1)
	_ = syscall.Kill(-p.group, syscall.SIGKILL)
}

// Whoever signals meets a process that lives, or none: the guard is waited for
// last, so that the number is ours until nobody signals any more.
func TestGuardKeepsTheNumberUntilTheProcessIsGone(t *testing.T) {
	for range 20 {
		p := begin(t, "exit", Options{Guard: true})
		var signalling sync.WaitGroup
		for range 4 {
			signalling.Go(func() {
				for p.Alive() {
					p.Signal(syscall.SIGCONT)
				}
			})
		}
		wait(t, p)
		signalling.Wait()
		if p.guard.command.ProcessState == nil {
			t.Error("the guard is left")
		}
		if err := syscall.Kill(-p.group, 0); err != syscall.ESRCH {
			t.Errorf("the group is left: %v", err)
		}
	}
}

func TestSignal(t *testing.T) {
	p := begin(t, "trap 'exit 7' TERM; sleep 1000 & echo ready; wait", Options{Log: filepath.Join(t.TempDir(), "log")})
	for !strings.Contains(p.Written(), "ready") {
		time.Sleep(10 * time.Millisecond)
	}
	p.Signal(syscall.SIGTERM)
	wait(t, p)
	if got := p.State().String(); got != "exit status 7" {
		t.Errorf("it ended: %s", got)
	}
}

func TestEnd(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		directory, err := SocketDirectory("child", 10)
		if err != nil {
			t.Fatal(err)
		}
		p := begin(t, deaf+"sleep 1000 & wait", Options{Directory: directory, Guard: guarded})
		if !p.Alive() || p.PID() == 0 {
			t.Error("it does not run")
		}
		var ending sync.WaitGroup
		for range 4 {
			ending.Go(p.End)
		}
		ending.Wait()
		if p.Alive() {
			t.Error("it lives")
		}
		if got := p.State().String(); got != "signal: killed" {
			t.Errorf("it ended: %s", got)
		}
		processtest.WantNoGroup(t, p.group)
		if _, err := os.Stat(directory); !os.IsNotExist(err) {
			t.Errorf("its directory: %v", err)
		}
	}
}

func TestCannotStart(t *testing.T) {
	for _, c := range []struct {
		name, path, log string
		says, hint      string
	}{
		{"no program", "/nowhere/program", "", "/nowhere/program cannot be run: ", "install it"},
		{"no log", "/bin/sh", "/nowhere/log", "log of the child: ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "private")
			if err := os.Mkdir(directory, 0o700); err != nil {
				t.Fatal(err)
			}
			_, err := Start(exec.Command(c.path), Options{
				Name: "child", Log: c.log, Directory: directory, RunHint: "install it", Guard: true,
			})
			if t1.KindOf(err) != t1.KindInvalid || !strings.HasPrefix(err.Error(), c.says) || t1.HintOf(err) != c.hint {
				t.Errorf("got %s: %v (%s)", t1.KindOf(err), err, t1.HintOf(err))
			}
			if _, err := os.Stat(directory); !os.IsNotExist(err) {
				t.Errorf("its directory: %v", err)
			}
			if left := children(t); left != "" {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}

// children lists our living children.
func children(t *testing.T) string {
	t.Helper()
	table, err := exec.Command("ps", "-A", "-o", "ppid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == strconv.Itoa(os.Getpid()) && f[1][0] != 'Z' && f[2] != "ps" {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "; ")
}

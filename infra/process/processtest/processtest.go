// Package processtest is for tests of what supervises processes.
package processtest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Group lists the living processes of a group: number, state, arguments. A
// zombie, which waits for its parent and does nothing, is none.
func Group(t testing.TB, number int) []string {
	t.Helper()
	// Its option -g would be about sessions.
	table, err := exec.Command("ps", "-A", "-o", "pgid=,pid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var living []string
	for line := range strings.Lines(string(table)) {
		group, process, _ := strings.Cut(strings.TrimSpace(line), " ")
		f := strings.Fields(process)
		if group == strconv.Itoa(number) && len(f) > 1 && f[1][0] != 'Z' {
			living = append(living, strings.TrimSpace(process))
		}
	}
	return living
}

// WantNoGroup fails where processes of a group stay, and kills them.
func WantNoGroup(t testing.TB, number int) {
	t.Helper()
	if number <= 1 || number == syscall.Getpgrp() {
		t.Fatalf("group %d is not that of a process under test", number)
	}
	for end := time.Now().Add(5 * time.Second); len(Group(t, number)) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("left behind: %q", Group(t, number))
			_ = syscall.Kill(-number, syscall.SIGKILL)
			return
		}
	}
}

// StandIn makes a script in a directory that becomes this test binary, to play
// an interpreter; see [Starts].
func StandIn(t testing.TB, directory string) string {
	t.Helper()
	path := filepath.Join(directory, "python")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >> '%s'\nexec '%s' \"$@\"\n", filepath.Join(directory, "pids"), os.Args[0])
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// Starts gives the process numbers of all stand-ins started so far.
func Starts(directory string) []int {
	text, _ := os.ReadFile(filepath.Join(directory, "pids"))
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// FreePort is below the ports that systems give out by themselves (32768 and up
// on Linux, 49152 elsewhere), where another test would be given it.
func FreePort(t testing.TB) int {
	t.Helper()
	for {
		port := 10000 + rand.IntN(20000)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = l.Close()
			return port
		}
	}
}

// Die ends a stand-in, with last words.
func Die(status int, words string) {
	fmt.Fprintln(os.Stderr, words)
	os.Exit(status)
}

// Hang is what a stand-in does that says something and then nothing more.
func Hang(words string) {
	fmt.Fprintln(os.Stderr, words)
	time.Sleep(time.Hour)
}

// Owner runs this test binary once more, with a variable by which its TestMain
// knows that it is to start something, write a line and wait. It gives the line,
// and what kills the owner, which the end of the test does too.
func Owner(t testing.TB, variable, value string) (line string, kill func()) {
	t.Helper()
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), variable+"="+value)
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = owner.Process.Kill()
		_ = owner.Wait() // an error the second time
	}
	t.Cleanup(kill)
	line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the owner wrote %q: %v", line, err)
	}
	return strings.TrimSpace(line), kill
}

package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// kept is a process that is started again whenever it ends.
type kept struct {
	name  string
	ended chan struct{} // closed when it is kept no longer

	mu       sync.Mutex
	command  *exec.Cmd // nil between two
	stopping bool
}

func (k *kept) run(command func() *exec.Cmd, log string) {
	defer close(k.ended)
	for {
		c := command()
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			c.Stdout, c.Stderr = file, file
			defer file.Close()
		}
		k.mu.Lock()
		if k.stopping {
			k.mu.Unlock()
			return
		}
		if err := c.Start(); err != nil {
			panic(err) // it was found before
		}
		k.command = c
		k.mu.Unlock()
		_ = c.Wait()
		k.mu.Lock()
		k.command = nil
		k.mu.Unlock()
		time.Sleep(250 * time.Millisecond)
	}
}

// pid is 0 between two processes.
func (k *kept) pid() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.command == nil {
		return 0
	}
	return k.command.Process.Pid
}

// stop ends it as Ctrl-C does, for good.
func (k *kept) stop() {
	k.mu.Lock()
	k.stopping = true
	if k.command != nil {
		_ = k.command.Process.Signal(syscall.SIGTERM)
	}
	k.mu.Unlock()
	select {
	case <-k.ended:
	case <-time.After(time.Minute):
		if pid := k.pid(); pid != 0 {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
}

// upFile is what this package reads of T1_HOME/up.json.
type upFile struct {
	Worker int `json:"worker_pid"`
	Server int `json:"server_pid"`
}

func (w *World) up() (u upFile) {
	if data, err := os.ReadFile(filepath.Join(w.home, "up.json")); err == nil {
		_ = json.Unmarshal(data, &u)
	}
	return u
}

// victim gives the processes that a part of the world is, now: those it may have
// none of just then are left out.
func (w *World) victim(part string) ([]int, error) {
	up := w.up()
	var pids []int
	switch part {
	case "engine":
		for _, worker := range w.workers() {
			pids = append(pids, children(worker, "t1_engine")...)
		}
	case "worker":
		pids = []int{up.Worker}
	case "server":
		pids = []int{up.Server}
	case "tree":
		pids = append(pids, processes(w.mark)...)
		pids = deleteOne(pids, w.gateway.PID())
	default: // a role
		for _, k := range w.kept {
			if k.name == part {
				pids = append(pids, k.pid())
			}
		}
		if part == "t1-control" {
			pids = []int{up.Worker}
		}
	}
	pids = deleteOne(pids, 0)
	if len(pids) == 0 {
		return nil, fmt.Errorf("there is no %s", part)
	}
	return pids, nil
}

// workers are all worker processes.
func (w *World) workers() []int {
	pids := []int{w.up().Worker}
	for _, k := range w.kept[1:] {
		pids = append(pids, k.pid())
	}
	return pids
}

func deleteOne(pids []int, pid int) []int {
	kept := pids[:0]
	for _, p := range pids {
		if p != pid {
			kept = append(kept, p)
		}
	}
	return kept
}

// Strike sends a signal to a part of the world.
func (w *World) Strike(part string, signal syscall.Signal) error {
	pids, err := w.victim(part)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("%s of %s, process %d: %w", signal, part, pid, err)
		}
	}
	return nil
}

// processes lists those that have mark in their environment, but for zombies.
func processes(mark string) []int {
	var found []int
	for pid := range table() {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(environment, []byte(mark)) {
			found = append(found, pid)
		}
	}
	return found
}

// children lists the child processes of one whose command line has a word.
func children(parent int, word string) []int {
	var found []int
	for pid, stat := range table() {
		if stat.parent != parent || parent == 0 {
			continue
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.Contains(line, []byte(word)) {
			found = append(found, pid)
		}
	}
	return found
}

type stat struct{ parent int }

// table is the process table, without zombies.
func table() map[int]stat {
	all := map[int]stat{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(data), ") ") // pid (name) state ppid ...
		fields := strings.Fields(rest)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if len(fields) > 1 && fields[0] != "Z" {
			parent, _ := strconv.Atoi(fields[1])
			all[pid] = stat{parent}
		}
	}
	return all
}

package main

import (
	"sync"
	"syscall"
)

// family is the process groups of this process's children, for the second
// Ctrl-C: everything must be gone when the prompt is back.
var family = struct {
	sync.Mutex
	groups map[int]bool
}{groups: map[int]bool{}}

func adopt(pid int) {
	family.Lock()
	defer family.Unlock()
	family.groups[pid] = true
}

func disown(pid int) {
	family.Lock()
	defer family.Unlock()
	delete(family.groups, pid)
}

func killChildren() {
	family.Lock()
	defer family.Unlock()
	for pid := range family.groups {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}

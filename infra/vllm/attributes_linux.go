package vllm

import "syscall"

// childAttributes puts the server into a group, so that the processes it starts
// can be ended with it, and has the kernel kill it when we die.
func childAttributes(group int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: group, Pdeathsig: syscall.SIGKILL}
}

//go:build !linux

package vllm

import "syscall"

// childAttributes puts the server into a group, so that the processes it starts
// can be ended with it.
func childAttributes(group int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: group}
}

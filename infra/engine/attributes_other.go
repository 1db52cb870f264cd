//go:build !linux

package engine

import "syscall"

// childAttributes puts the engine into a group of its own, so that its children
// can be ended with it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

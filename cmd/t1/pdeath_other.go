//go:build !linux

package main

import "syscall"

// childAttributes puts a child into a group of its own; that it dies with this
// process is left to the end of its standard input.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

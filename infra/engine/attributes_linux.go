package engine

import "syscall"

// childAttributes puts the engine into a group of its own, so that its children
// can be ended with it, and has the kernel kill it when we die: a hung engine
// does not notice that its standard input closed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

//go:build !linux

package process

import "syscall"

// attributes puts the process into a group, 0 meaning a new one.
func attributes(group int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: group}
}

// reap waits for the process and returns with p.mu held. For the instant in
// between, a process without a guard has lost its number and is not gone yet.
func (p *Process) reap() {
	_ = p.command.Wait() // State says how it ended
	p.mu.Lock()
}

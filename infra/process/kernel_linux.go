package process

import "syscall"

// attributes puts the process into a group, 0 meaning a new one, and has the
// kernel kill it when we die.
func attributes(group int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: group, Pdeathsig: syscall.SIGKILL}
}

// reap waits for the process and returns with p.mu held, which it takes while
// the dead process still has its number.
func (p *Process) reap() {
	const ofProcess = 1 // P_PID of waitid(2)
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, ofProcess, uintptr(p.PID()), 0, syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if err != syscall.EINTR {
			break
		}
	}
	p.mu.Lock()
	_ = p.command.Wait() // State says how it ended
}

package process

import (
	"os/exec"
	"syscall"
)

// guard is a process that leads a group and kills the group when our end of a
// pipe closes, with us at the latest: the parent-death signal does not reach the
// processes that ours starts. Until end has waited for it, dead or alive, the
// group's number cannot become another's. A nil guard is none.
type guard struct{ command *exec.Cmd }

func startGuard() (*guard, error) {
	c := exec.Command("/bin/sh", "-c", "read -r _; kill -KILL 0")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := c.StdinPipe(); err != nil { // closed by Wait
		return nil, err
	}
	return &guard{c}, c.Start()
}

func (g *guard) group() int { return g.command.Process.Pid }

// end kills the group, the guard included.
func (g *guard) end() {
	if g != nil {
		_ = syscall.Kill(-g.group(), syscall.SIGKILL)
		_ = g.command.Wait()
	}
}

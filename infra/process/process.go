// Package process supervises a child process from its start to its end. The
// child leads or joins a process group of its own: what is typed at a terminal
// reaches us alone, and what the child starts is ended with it. It does not
// outlive us, however we end: see [Options.Guard].
package process

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"t1"
)

// Options says what a process is, beside its command.
type Options struct {
	Name      string                   // what messages call it, such as "engine"
	Log       string                   // file that its output is appended to; empty means "log" in Directory, and discards it without one
	Directory string                   // its own, see [SocketDirectory]; removed when it was ended or cannot be started; may be empty
	Quote     func(line string) string // what errors quote of a line of its output; nil means the whole line
	RunHint   string                   // what to do where the command cannot be run
	StartHint string                   // what to do where it ends before it answers, see [Process.Await]

	// Guard has a process of ours kill the whole group when we end, or the
	// process does. Without it, where we are killed, the kernel kills the process
	// alone, and only Linux does; where the process ends, what it started lives on.
	Guard bool
}

// Process is one process. Its methods may be called from many goroutines.
type Process struct {
	options Options
	command *exec.Cmd
	log     string        // file; empty where output is discarded
	logFrom int64         // where this process's output begins in it
	guard   *guard        // nil without one
	gone    chan struct{} // closed when the process has ended

	mu    sync.Mutex // held while the group is signalled, and when gone is closed
	group int        // number of the process group
}

// Start starts a command, whose output and attributes it sets. KindInvalid: the
// log cannot be written, or the command cannot be run. KindInternal: there is no
// guard.
func Start(command *exec.Cmd, options Options) (*Process, error) {
	p := &Process{options: options, command: command, gone: make(chan struct{})}
	if err := p.start(); err != nil {
		_ = os.RemoveAll(options.Directory)
		return nil, err
	}
	return p, nil
}

func (p *Process) start() error {
	log, err := p.openLog()
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if log != nil {
		p.command.Stdout, p.command.Stderr = log, log
	}
	if p.options.Guard {
		if p.guard, err = startGuard(); err != nil {
			return t1.Errorf(t1.KindInternal, "guard of the %s: %w", p.options.Name, err)
		}
		p.group = p.guard.group()
	}
	p.command.SysProcAttr = attributes(p.group)
	if err := p.run(); err != nil {
		p.guard.end()
		return t1.Errorf(t1.KindInvalid, "%s cannot be run: %w", p.command.Path, err).WithHint("%s", p.options.RunHint)
	}
	return nil
}

// run starts the process from a thread that lives as long as the process: the
// kernel's parent-death signal is sent when the thread that forked ends.
func (p *Process) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // until the goroutine ends, and the thread with it
		err := p.command.Start()
		if err == nil && p.guard == nil {
			p.group = p.command.Process.Pid
		}
		started <- err
		if err == nil {
			p.wait()
		}
	}()
	return <-started
}

// wait closes gone when the process has ended. From then on nobody signals the
// group, and not before is its number free: the guard holds it, or the process
// itself does until reap has returned.
func (p *Process) wait() {
	p.reap()
	defer p.mu.Unlock()
	p.guard.end()
	close(p.gone)
}

// PID is the process ID, which may be another's when the process is gone.
func (p *Process) PID() int { return p.command.Process.Pid }

// Directory is that of the options.
func (p *Process) Directory() string { return p.options.Directory }

// Gone is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// State says how the process ended; ask only when it is gone.
func (p *Process) State() *os.ProcessState { return p.command.ProcessState }

// Alive says whether the process has not ended yet.
func (p *Process) Alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// Signal reaches the process and what it started, unless the process is gone:
// the group's number may be another's by then.
func (p *Process) Signal(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Alive() {
		_ = syscall.Kill(-p.group, signal)
	}
}

// Kill ends the process where it stands, and what it started.
func (p *Process) Kill() { p.Signal(syscall.SIGKILL) }

// End kills the process, waits until it is gone and removes its directory. It
// may be called again.
func (p *Process) End() {
	p.Kill()
	<-p.gone
	_ = os.RemoveAll(p.options.Directory)
}

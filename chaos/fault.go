package chaos

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Row is one fault, done at each of its phases within one run.
type Row struct {
	Fault  string
	Must   string  // what is to hold, beside what holds of every row
	Phases []Phase // nil: all
	Roles  bool    // in a world with a worker for each role
	Parks  bool    // a person goes on with the run, once for each phase
	Names  bool    // the reason a parked run gives names the object
	Deaf   bool    // see plan
	Strike func(w *World, run, phase, key string) error
	Undo   func(w *World, run string) error // before a parked run goes on; may be nil
	Harm   Hook
	Lasts  time.Duration
}

// Rows is the table of faults.
func Rows() []Row {
	all := kills()
	all = append(all, endings()...)
	all = append(all, hangs()...)
	all = append(all, storage()...)
	all = append(all, numbers()...)
	return all
}

func kills() []Row {
	rows := []Row{
		kill("engine", false), kill("worker", true), kill("server", false),
		{Fault: "kill -9 of the whole tree", Deaf: true, Strike: signal("tree", syscall.SIGKILL)},
	}
	for _, role := range []string{"t1-train", "t1-sample", "t1-score", "t1-control"} {
		row := kill(role, true)
		row.Fault, row.Roles = "kill -9 of the worker of "+role, true
		rows = append(rows, row)
	}
	return rows
}

func kill(part string, deaf bool) Row {
	return Row{Fault: "kill -9 of the " + part, Deaf: deaf, Strike: signal(part, syscall.SIGKILL)}
}

func signal(part string, s syscall.Signal) func(*World, string, string, string) error {
	return func(w *World, _, _, _ string) error { return w.Strike(part, s) }
}

func endings() []Row {
	return []Row{
		{Fault: "SIGTERM to the worker", Must: "what is finished is committed", Strike: signal("worker", syscall.SIGTERM)},
		{Fault: "SIGTERM to the worker of t1-sample", Roles: true, Must: "what is finished is committed", Strike: signal("t1-sample", syscall.SIGTERM)},
	}
}

func hangs() []Row {
	stop := func(w *World, _, _, _ string) error { return w.Strike("engine", syscall.SIGSTOP) }
	return []Row{
		{Fault: "the engine hangs (SIGSTOP)", Must: "found by its progress, killed by process group", Phases: some("sample", "score", "evaluate"), Strike: stop},
		{
			Fault: "an attempt that hangs ends after its successor", Must: "one record", Roles: true, Phases: some("score", "update", "record"),
			Strike: func(w *World, _, _, _ string) error {
				if err := w.Strike("t1-train", syscall.SIGSTOP); err != nil {
					return err
				}
				time.AfterFunc(20*time.Second, func() { _ = w.Strike("t1-train", syscall.SIGCONT) })
				return nil
			},
		},
	}
}

// some are phases by name.
func some(names ...string) []Phase {
	var chosen []Phase
	for _, phase := range Phases() {
		if slices.Contains(names, phase.Name) {
			chosen = append(chosen, phase)
		}
	}
	return chosen
}

func numbers() []Row {
	set := func(value string) func(*World, string) error {
		return func(w *World, run string) error {
			_, err := w.Do("set", run, "--beta", value)
			return err
		}
	}
	var limited atomic.Int64 // the engine's process
	return []Row{
		{
			Fault: "a loss that is not finite (beta 1e300)", Must: "parks, the state unchanged", Parks: true, Phases: some("score"),
			Strike: func(w *World, run, _, _ string) error { return set("1e300")(w, run) },
			Undo:   set("0.0002"),
		},
		{
			Fault: "the engine gets no more memory (prlimit)", Must: "parks, the state unchanged", Parks: true, Phases: some("score"),
			Strike: func(w *World, _, _, _ string) error {
				pids, err := w.victim("engine")
				if err != nil {
					return err
				}
				limited.Store(int64(pids[0]))
				return limitMemory(pids[0])
			},
			Undo: func(*World, string) error {
				return unix.Prlimit(int(limited.Load()), unix.RLIMIT_AS, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}, nil)
			},
		},
	}
}

// limitMemory gives a process no address space beyond what it has.
func limitMemory(pid int) error {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(data), &pages); err != nil {
		return err
	}
	limit := unix.Rlimit{Cur: pages * uint64(os.Getpagesize()), Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(pid, unix.RLIMIT_AS, &limit, nil); err != nil {
		return fmt.Errorf("prlimit of process %s: %w", strconv.Itoa(pid), err)
	}
	return nil
}

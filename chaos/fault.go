package chaos

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

// reads are the moments at which an object is read that a step learns from.
func reads() []Phase {
	get := func(name, prefix string) Phase {
		return Phase{Name: name, is: func(m moment) bool {
			return m.method == http.MethodGet && strings.HasPrefix(m.key, prefix)
		}}
	}
	return []Phase{get("score", "rollouts/000001/"), get("update", "scores/000002"), get("evaluate", "eval/")}
}

func storage() []Row {
	const window = 5 * time.Second
	answer := func(status int, code string) Hook {
		return func(w http.ResponseWriter, r *http.Request, _ string, _ http.Handler) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			refuse(w, status, code)
			return true
		}
	}
	return []Row{
		{Fault: "storage answers 500 for 5 s", Harm: answer(500, "InternalError"), Lasts: window},
		{Fault: "storage answers 503 for 5 s", Harm: answer(503, "SlowDown"), Lasts: window},
		{Fault: "storage is slow: 1 s a request, for 5 s", Harm: slow, Lasts: window},
		{Fault: "the connection is cut in the body, for 2 s", Harm: cut, Lasts: 2 * time.Second},
		{Fault: "storage answers 403 for 5 s", Must: "the reason names the permission", Parks: true, Harm: answer(403, "AccessDenied"), Lasts: window},
		{Fault: "the bucket is gone, and back after 5 s", Parks: true, Phases: some("sample", "update", "record", "snapshot"), Strike: gone(window)},
		{Fault: "a bit flips on the way", Must: "found, named, not trained on", Parks: true, Names: true, Phases: reads(), Harm: flip},
		{Fault: "a stored object is truncated", Must: "found, named, not trained on", Parks: true, Names: true, Phases: stored(), Strike: damage(truncate), Undo: repair},
		{Fault: "a bit of a stored object flips", Must: "found, named, not trained on", Parks: true, Names: true, Phases: stored(), Strike: damage(flipped), Undo: repair},
	}
}

// stored are the moments after which somebody reads what was stored. What a state
// is restored from is read when the engine has died.
func stored() []Phase { return some("sample", "evaluate", "snapshot") }

func slow(w http.ResponseWriter, r *http.Request, _ string, pass http.Handler) bool {
	time.Sleep(time.Second)
	pass.ServeHTTP(w, r)
	return true
}

// cut passes half of what is sent or read.
func cut(w http.ResponseWriter, r *http.Request, _ string, pass http.Handler) bool {
	if r.Method != http.MethodGet {
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	}
	whole := httptest.NewRecorder()
	pass.ServeHTTP(whole, r)
	passOn(w, whole, whole.Body.Bytes()[:whole.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// flip passes an answer with one bit changed.
func flip(w http.ResponseWriter, r *http.Request, _ string, pass http.Handler) bool {
	whole := httptest.NewRecorder()
	pass.ServeHTTP(whole, r)
	body := whole.Body.Bytes()
	if len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	passOn(w, whole, body)
	return true
}

// gone takes the bucket away for a while.
func gone(d time.Duration) func(*World, string, string, string) error {
	return func(w *World, _, _, _ string) error {
		there, away := filepath.Join(w.disk, bucket), filepath.Join(filepath.Dir(w.disk), "away")
		if err := os.Rename(there, away); err != nil {
			return err
		}
		time.AfterFunc(d, func() { _ = os.Rename(away, there) })
		return nil
	}
}

// damage changes an object where the server keeps it, once it is there.
func damage(how func(path string) error) func(*World, string, string, string) error {
	return func(w *World, _, phase, key string) error {
		path := filepath.Join(w.disk, bucket, filepath.FromSlash(key))
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(w.spare(), data, 0o600); err != nil {
			return err
		}
		w.damaged = path
		if err := how(path); err != nil {
			return err
		}
		if phase == "snapshot" {
			return w.Strike("engine", syscall.SIGKILL)
		}
		return nil
	}
}

// spare is where the object lies as it was before it was damaged.
func (w *World) spare() string { return w.disk + ".whole" }

func truncate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}

func flipped(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at, b := info.Size()/2, make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b, at)
	return err
}

// repair puts the object back, in the file that is there: its metadata are that file's.
func repair(w *World, _ string) error {
	if w.damaged == "" {
		return errors.New("nothing was damaged")
	}
	data, err := os.ReadFile(w.spare())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(w.damaged, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(data)
	return err
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

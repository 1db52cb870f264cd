package devserver

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"t1"
)

// A server normally dies with its parent. Where the system has no way to see
// to that (anything but Linux), one whose parent was killed stays, and holds
// the database and the ports. The pid file beside the database tells who it is.

// identity names a process for good: a bare number is used again.
type identity struct {
	PID  int    `json:"pid"`
	Born string `json:"born"` // see born
}

// note is a pid file.
type note struct {
	Server identity `json:"server"`
	Parent identity `json:"parent"`
}

func (p identity) lives() bool {
	since, err := born(p.PID)
	return err == nil && since == p.Born
}

func pidFile(o Options) string { return o.DBFile + ".pid" }

func writePID(o Options, pid int) error {
	if o.DBFile == "" {
		return nil
	}
	n := note{Server: identity{PID: pid}, Parent: identity{PID: os.Getpid()}}
	var err error
	if n.Server.Born, err = born(pid); err != nil {
		return nil // it has ended already, which is told by others
	}
	if n.Parent.Born, err = born(os.Getpid()); err != nil {
		return err
	}
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return os.WriteFile(pidFile(o), append(data, '\n'), 0o600)
}

func removePID(o Options) {
	if o.DBFile != "" {
		_ = os.Remove(pidFile(o))
	}
}

// endLeftover ends the server that a killed process left behind on our
// database, if there is one.
func endLeftover(o Options) error {
	if o.DBFile == "" {
		return nil
	}
	data, err := os.ReadFile(pidFile(o))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var n note
	if err != nil || json.Unmarshal(data, &n) != nil || !n.Server.lives() {
		removePID(o) // unreadable, or long gone
		return nil
	}
	if n.Parent.lives() {
		return t1.Errorf(t1.KindConflict, "process %d runs a Temporal server on %s", n.Parent.PID, o.DBFile).
			WithHint("use that one, or end it first")
	}
	return n.Server.end(o.Grace)
}

func (p identity) end(grace time.Duration) error {
	_ = syscall.Kill(p.PID, syscall.SIGTERM)
	for began := time.Now(); p.lives(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > grace {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
		if time.Since(began) > grace+5*time.Second {
			return t1.Errorf(t1.KindConflict, "a Temporal server left behind (process %d) does not end", p.PID).
				WithHint("end it with `kill -9 %d`", p.PID)
		}
	}
	return nil
}

package chaos

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

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
		{Fault: "the bucket is gone, and back after 5 s", Parks: true, Phases: some("sample", "update", "record", "snapshot"), Strike: gone(window), Lasts: window},
		{Fault: "the S3 server's disk is full, and has room after 5 s", Parks: true, Phases: some("sample", "update", "record", "snapshot"), Strike: full(window), Lasts: window},
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
		there, away := filepath.Join(w.disk, bucket), filepath.Join(w.disk, "away")
		if err := os.Rename(there, away); err != nil {
			return err
		}
		time.AfterFunc(d, func() { _ = os.Rename(away, there) })
		return nil
	}
}

// spareRoom is what others may write, in bytes, while the disk is being filled.
const spareRoom = 8 << 20

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// full leaves no room on the disk for a while.
func full(d time.Duration) func(*World, string, string, string) error {
	return func(w *World, _, _, _ string) error {
		if w.bounded != nil {
			return fmt.Errorf("the disk has no bound, which only root can give it: %w", w.bounded)
		}
		var disk unix.Statfs_t
		if err := unix.Statfs(w.disk, &disk); err != nil {
			return err
		}
		filler, err := os.Create(filepath.Join(w.disk, "filler"))
		if err != nil {
			return err
		}
		defer filler.Close()
		time.AfterFunc(d, func() { _ = os.Remove(filler.Name()) })
		// Others write meanwhile: first most of it, then to the last block.
		if err := unix.Fallocate(int(filler.Fd()), 0, 0, int64(disk.Bavail)*disk.Bsize-spareRoom); err != nil {
			return err
		}
		if _, err := filler.Seek(0, io.SeekEnd); err != nil {
			return err
		}
		_, err = io.CopyN(filler, zeros{}, 2*spareRoom)
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("the disk is not full: %w", err)
		}
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

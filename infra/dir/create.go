package dir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"t1"
)

// Create stores an object; see [t1.Store]. The bytes go into a nameless place
// first and are synced; link(2) then gives them their name, or fails where the
// name is taken; the directory is synced last. So an object is whole whenever
// it is seen, and there to stay once Create has returned.
func (s *Store) Create(ctx context.Context, key string, r io.Reader) (t1.Ref, error) {
	path, err := s.path(ctx, key)
	if err != nil {
		return t1.Ref{}, err
	}
	if _, err := os.Lstat(path); err == nil { // spare the writing; link decides
		return t1.Ref{}, taken(key)
	}
	temp, err := s.temp()
	if err != nil {
		return t1.Ref{}, s.explain("create", key, err)
	}
	defer temp.Close()
	defer os.Remove(temp.Name())
	source := &sourceReader{r: t1.ContextReader(ctx, r)}
	ref, err := fill(temp, source)
	if source.err != nil {
		return t1.Ref{}, t1.Errorf(kindOf(source.err), "create %s: the source failed: %w", key, source.err)
	}
	if err == nil {
		err = s.publish(temp.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return t1.Ref{}, taken(key)
	}
	ref.Key = key
	return ref, s.explain("create", key, err)
}

// fill copies r into f, syncs it and says what it copied.
func fill(f *os.File, r io.Reader) (t1.Ref, error) {
	hash := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(f, hash), r, make([]byte, 256<<10))
	if err == nil {
		err = f.Sync()
	}
	return t1.Ref{SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n}, err
}

// publish gives the file at temp the name path, in a directory that is made as needed.
func (s *Store) publish(temp, path string) error {
	if err := s.makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Link(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// temp makes a file in the spool, locked for as long as it is open, so that
// sweep can tell it from one whose writer died.
func (s *Store) temp() (*os.File, error) {
	for {
		f, err := os.CreateTemp(filepath.Join(s.root, spool), "*")
		if err != nil {
			return nil, err
		}
		if err := flock(f, syscall.LOCK_EX); err != nil {
			f.Close()
			os.Remove(f.Name())
			return nil, err
		}
		if _, err := os.Lstat(f.Name()); err == nil {
			return f, f.Chmod(0o644)
		}
		f.Close() // swept between its making and its locking
	}
}

// sweep removes spooled files whose writers died.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(filepath.Join(s.root, spool))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := removeUnlocked(filepath.Join(s.root, spool, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func removeUnlocked(path string) error {
	f, err := os.Open(path)
	if err != nil {
		if missing(err) {
			return nil // its writer has finished
		}
		return err
	}
	defer f.Close()
	if flock(f, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil // its writer lives
	}
	if err := os.Remove(path); err != nil && !missing(err) {
		return err
	}
	return nil
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}

// makeDir makes a directory and those above it, and syncs each that got a new
// entry, so that an object's path survives a power cut as its bytes do.
func (s *Store) makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		return notADir(info)
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := s.makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if info, statErr := os.Stat(dir); statErr == nil {
			return notADir(info) // made by another meanwhile
		}
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func notADir(info os.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return syscall.ENOTDIR
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// sourceReader keeps the failure of what is read apart from that of the disk.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

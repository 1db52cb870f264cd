// Package dir keeps a [t1.Store] in a directory: the key is the path. It is the
// default on one machine, and right for a network file system with working
// hard links and flock.
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

// spool is the directory below the root where objects are written before they
// get their names. Being inside the root it is on the same file system. No key
// may begin with it.
const spool = ".t1-spool"

// Store is a t1.Store in a directory. Its methods may be called from many
// goroutines, and many processes may use one directory.
type Store struct {
	root string
}

var _ t1.Store = (*Store)(nil)

// New opens the store in the directory at path, which is made where it is
// missing, and removes what writers that died left behind. A path that cannot
// be written to is KindInvalid, a full disk KindDiskFull.
func New(path string) (*Store, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "store directory %s: %w", path, err)
	}
	s := &Store{root: root}
	err = s.makeDir(filepath.Join(root, spool))
	if err == nil {
		err = s.sweep()
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, t1.Errorf(t1.KindInvalid, "store directory %s: a file is in the way", root)
	}
	if err != nil {
		return nil, s.explain("open the store", "", err)
	}
	return s, nil
}

// Open reads an object; see [t1.Store].
func (s *Store) Open(ctx context.Context, ref t1.Ref) (io.ReadCloser, error) {
	if ref.SHA256 == "" {
		return nil, t1.Errorf(t1.KindInvalid, "the reference to %s has no digest", ref.Key).
			WithHint("Head tells it; OpenRange reads unchecked")
	}
	f, _, err := s.open(ctx, ref.Key)
	if err != nil {
		return nil, err
	}
	return t1.CheckedReader(&object{Reader: t1.ContextReader(ctx, f), file: f, store: s, key: ref.Key}, ref), nil
}

// OpenRange reads a part, unchecked; past the end there is nothing. A negative
// offset or length, but for the length -1, is KindInvalid.
func (s *Store) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < -1 {
		return nil, t1.Errorf(t1.KindInvalid, "range of %s: offset %d and length %d must not be negative", key, offset, length)
	}
	f, size, err := s.open(ctx, key)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = max(0, size-offset)
	}
	part := io.NewSectionReader(f, offset, length)
	return &object{Reader: t1.ContextReader(ctx, part), file: f, store: s, key: key}, nil
}

// Head describes an object; it reads the whole file for the digest.
func (s *Store) Head(ctx context.Context, key string) (t1.Ref, error) {
	f, _, err := s.open(ctx, key)
	if err != nil {
		return t1.Ref{}, err
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, t1.ContextReader(ctx, f))
	if err != nil {
		return t1.Ref{}, s.explain("read", key, err)
	}
	return t1.Ref{Key: key, SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n}, nil
}

// Delete removes an object. The directories above it stay: removing them would
// race with a Create.
func (s *Store) Delete(ctx context.Context, key string) error {
	path, err := s.path(ctx, key)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil // no object: os.Remove would take an empty directory
	}
	if err := os.Remove(path); err != nil {
		if missing(err) {
			return nil
		}
		return s.explain("delete", key, err)
	}
	return s.explain("delete", key, syncDir(filepath.Dir(path)))
}

func (s *Store) open(ctx context.Context, key string) (*os.File, int64, error) {
	path, err := s.path(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil && missing(err) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, 0, s.explain("read", key, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, 0, s.explain("read", key, err)
	}
	return f, info.Size(), nil
}

// missing reports that a path leads nowhere, be it that a file is where a
// directory should be.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// object is an open file whose failures say what was read.
type object struct {
	io.Reader
	file  *os.File
	store *Store
	key   string
}

func (o *object) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = o.store.explain("read", o.key, err)
	}
	return n, err
}

func (o *object) Close() error { return o.file.Close() }

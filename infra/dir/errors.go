package dir

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"t1"
)

// path is the file of a key.
func (s *Store) path(ctx context.Context, key string) (string, error) {
	if err := t1.CheckKey(key); err != nil {
		return "", err
	}
	if key == spool || strings.HasPrefix(key, spool+"/") {
		return "", t1.Errorf(t1.KindInvalid, "key %q is kept for the store itself", key)
	}
	if err := ctx.Err(); err != nil {
		return "", s.explain("use", key, err)
	}
	return filepath.Join(s.root, filepath.FromSlash(key)), nil
}

func taken(key string) error {
	return t1.Errorf(t1.KindConflict, "object %s is there already", key)
}

// explain says what went wrong with a key, or with the whole store where the
// key is empty. It returns nil for nil.
func (s *Store) explain(action, key string, err error) error {
	if err == nil {
		return nil
	}
	what := strings.TrimSpace(action + " " + key)
	kind := kindOf(err)
	switch kind {
	case t1.KindNotFound:
		return t1.Errorf(kind, "object %s is not in the store %s", key, s.root)
	case t1.KindDiskFull:
		return t1.Errorf(kind, "%s: no room left on the disk of %s: %w", what, s.root, err).
			WithHint("make room there and try again; nothing that was stored is lost")
	case t1.KindInvalid:
		return t1.Errorf(kind, "%s in %s: %w", what, s.root, err).
			WithHint("choose a directory that this user may write to, on a file system with hard links")
	case t1.KindConflict:
		return t1.Errorf(kind, "%s in %s: an object bears the name of a directory on the way", what, s.root)
	}
	return t1.Errorf(kind, "%s in %s: %w", what, s.root, err)
}

func kindOf(err error) t1.Kind {
	var typed *t1.Error
	switch {
	case errors.As(err, &typed):
		return typed.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return t1.KindUnavailable
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return t1.KindDiskFull
	case errors.Is(err, fs.ErrNotExist):
		return t1.KindNotFound
	case errors.Is(err, syscall.ENOTDIR):
		return t1.KindConflict
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENAMETOOLONG),
		errors.Is(err, syscall.ENOTSUP):
		return t1.KindInvalid
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.ETIMEDOUT):
		return t1.KindUnavailable
	}
	return t1.KindInternal
}

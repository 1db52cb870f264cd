package dir

import (
	"cmp"
	"context"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"t1"
)

// List yields the objects whose keys begin with prefix; see [t1.Store]. One that
// comes or goes meanwhile may be in it or not.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[t1.Ref, error] {
	return func(yield func(t1.Ref, error) bool) {
		if err := t1.CheckPrefix(prefix); err != nil {
			yield(t1.Ref{}, err)
			return
		}
		if start := parent(prefix); start != spool && !strings.HasPrefix(start, spool+"/") {
			s.walk(ctx, start, prefix, yield)
		}
	}
}

// parent is the directory, as a key, that holds all keys with the prefix; "" is the root.
func parent(prefix string) string {
	return prefix[:max(0, strings.LastIndexByte(prefix, '/'))]
}

// walk yields what lies below the directory dir and has the prefix; false
// means the caller has had enough.
func (s *Store) walk(ctx context.Context, dir, prefix string, yield func(t1.Ref, error) bool) bool {
	entries, err := s.entries(ctx, dir)
	if err != nil {
		yield(t1.Ref{}, err)
		return false
	}
	for _, entry := range entries {
		key := path.Join(dir, entry.Name())
		switch {
		case entry.IsDir():
			// Go in where the prefix ends inside this path, or this path inside the prefix.
			if below := key + "/"; strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below) {
				if !s.walk(ctx, key, prefix, yield) {
					return false
				}
			}
		case entry.Type().IsRegular() && strings.HasPrefix(key, prefix):
			info, err := entry.Info()
			if err != nil && missing(err) {
				continue // deleted meanwhile
			}
			if err != nil {
				yield(t1.Ref{}, s.explain("list", key, err))
				return false
			}
			if !yield(t1.Ref{Key: key, Bytes: info.Size()}, nil) {
				return false
			}
		}
	}
	return true
}

// entries reads a directory in the order of the keys below it: a directory
// stands where its name with a slash would.
func (s *Store) entries(ctx context.Context, dir string) ([]os.DirEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.explain("list", dir, err)
	}
	entries, err := os.ReadDir(filepath.Join(s.root, filepath.FromSlash(dir)))
	if err != nil && !missing(err) {
		return nil, s.explain("list", dir, err)
	}
	if dir == "" {
		entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == spool })
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(sortName(a), sortName(b)) })
	return entries, nil
}

func sortName(e os.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

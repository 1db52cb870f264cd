package library

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"t1"
)

var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckName returns nil for what may name a data set or a model: 1 to 64
// letters, digits, '.', '_' and '-', the first a letter or digit; anything else,
// and what reads as a digest, is KindInvalid.
func CheckName(name string) error {
	if nameForm.MatchString(name) && !strings.Contains(name, "..") && !digestForm.MatchString(name) {
		return nil
	}
	return t1.Errorf(t1.KindInvalid, "name %q: allowed are 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit, and no digest", name)
}

// newestName reads the newest version of a name record; version 0 says that
// there is none.
func newestName[T any](ctx context.Context, store t1.Store, room, name string) (found T, version int, err error) {
	key := ""
	for ref, err := range store.List(ctx, room+"/"+name+"/") {
		if err != nil {
			return found, 0, err
		}
		key, version = ref.Key, version+1
	}
	if version == 0 {
		return found, 0, nil
	}
	return found, version, readJSON(ctx, store, key, &found)
}

// allNames reads the newest record of every name, in the order of names.
func allNames[T any](ctx context.Context, store t1.Store, room string) ([]T, error) {
	var newest []string // keys; versions of one name follow one another
	for ref, err := range store.List(ctx, room+"/") {
		if err != nil {
			return nil, err
		}
		if n := len(newest); n > 0 && path.Dir(newest[n-1]) == path.Dir(ref.Key) {
			newest[n-1] = ref.Key
			continue
		}
		newest = append(newest, ref.Key)
	}
	slices.SortFunc(newest, func(a, b string) int { return strings.Compare(path.Dir(a), path.Dir(b)) })
	all := make([]T, len(newest))
	for i, key := range newest {
		if err := readJSON(ctx, store, key, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// putName creates a version of a name record. Another that was faster is
// KindConflict.
func putName(ctx context.Context, store t1.Store, key string, record any) error {
	data, err := marshal(record)
	if err != nil {
		return err
	}
	_, err = store.Create(ctx, key, bytes.NewReader(data))
	if t1.KindOf(err) == t1.KindConflict {
		return t1.Errorf(t1.KindConflict, "%s was created by another import just now", key).WithHint("look at what is there, then import again")
	}
	return err
}

func taken(what, name, verb string) error {
	return t1.Errorf(t1.KindConflict, "there is a %s named %s already, with other content", what, name).
		WithHint("t1 %s show %s; give this one another name, or let it take the name over with --replace", verb, name)
}

// marshal writes JSON as t1 keeps it: indented, one newline at the end.
func marshal(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	return append(data, '\n'), err
}

// readAll reads an object whole, checked against its digest.
func readAll(ctx context.Context, store t1.Store, ref t1.Ref) ([]byte, error) {
	r, err := store.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

// readJSON reads an object whose digest nobody told us.
func readJSON(ctx context.Context, store t1.Store, key string, into any) error {
	ref, err := store.Head(ctx, key)
	if err != nil {
		return err
	}
	data, err := readAll(ctx, store, ref)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return t1.Errorf(t1.KindCorrupt, "%s is no JSON of its kind: %w", key, err)
	}
	return nil
}

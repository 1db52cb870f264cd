// Package storetest is the contract of [t1.Store] as tests. Every adapter runs
// it: a promise that is not tested here is not one that callers may rely on.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"t1"
)

// Run tests the store that open makes; each call of open must return an empty one.
func Run(t *testing.T, open func(t *testing.T) t1.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, t1.Store)
	}{
		{"create and read", createAndRead},
		{"sizes", sizes},
		{"create only once", createOnce},
		{"racing creators", racingCreators},
		{"reader fails", readerFails},
		{"corrupt", corrupt},
		{"close early", closeEarly},
		{"missing", missing},
		{"head", head},
		{"range", ranges},
		{"list", list},
		{"list many", listMany},
		{"delete", deletes},
		{"bad keys", badKeys},
		{"cancelled", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// mustCreate stores text and checks what the store says about it.
func mustCreate(t *testing.T, s t1.Store, key, text string) t1.Ref {
	t.Helper()
	ref, err := s.Create(t.Context(), key, strings.NewReader(text))
	if err != nil {
		t.Fatalf("create %s: %v", key, err)
	}
	if want := refOf(key, text); ref != want {
		t.Fatalf("create %s: got %+v, want %+v", key, ref, want)
	}
	return ref
}

func refOf(key, text string) t1.Ref {
	sum := sha256.Sum256([]byte(text))
	return t1.Ref{Key: key, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(text))}
}

// read opens ref and reads it to its end.
func read(ctx context.Context, s t1.Store, ref t1.Ref) (string, error) {
	r, err := s.Open(ctx, ref)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// keys lists what begins with prefix.
func keys(t *testing.T, s t1.Store, prefix string) []string {
	t.Helper()
	found := []string{}
	for ref, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		found = append(found, ref.Key)
	}
	return found
}

func wantKeys(t *testing.T, s t1.Store, prefix string, want ...string) {
	t.Helper()
	if found := keys(t, s, prefix); !slices.Equal(found, want) {
		t.Errorf("list %q: got %q, want %q", prefix, found, want)
	}
}

func wantKind(t *testing.T, what string, err error, kind t1.Kind) {
	t.Helper()
	if t1.KindOf(err) != kind {
		t.Errorf("%s: got kind %q (%v), want %q", what, t1.KindOf(err), err, kind)
	}
}

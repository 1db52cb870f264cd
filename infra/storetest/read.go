package storetest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"t1"
)

// corrupt asks for other bytes than are there, which is what a damaged object
// looks like to a reader.
func corrupt(t *testing.T, s t1.Store) {
	ref := mustCreate(t, s, "runs/a/block", strings.Repeat("row ", 1000))
	flipped, short, long := ref, ref, ref
	flipped.SHA256 = refOf("", "other").SHA256
	short.Bytes--
	long.Bytes++
	for name, wrong := range map[string]t1.Ref{"digest": flipped, "shorter": short, "longer": long} {
		_, err := read(t.Context(), s, wrong)
		wantKind(t, name, err, t1.KindCorrupt)
		if err == nil || !strings.Contains(err.Error(), ref.Key) {
			t.Errorf("%s: the error does not name the key: %v", name, err)
		}
	}
	if _, err := read(t.Context(), s, ref); err != nil {
		t.Errorf("the right reference: %v", err)
	}
	ref.SHA256 = ""
	_, err := s.Open(t.Context(), ref)
	wantKind(t, "a reference without a digest", err, t1.KindInvalid)
}

func closeEarly(t *testing.T, s t1.Store) {
	ref := mustCreate(t, s, "big", strings.Repeat("x", 1<<20))
	r, err := s.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close after a part: %v", err)
	}
}

func missing(t *testing.T, s t1.Store) {
	mustCreate(t, s, "runs/a/b", "text")
	for _, key := range []string{"nothing", "runs/a", "runs/a/b/c"} {
		_, err := s.Head(t.Context(), key)
		wantKind(t, "head "+key, err, t1.KindNotFound)
		_, err = read(t.Context(), s, refOf(key, "text"))
		wantKind(t, "open "+key, err, t1.KindNotFound)
		_, err = readRange(t, s, key, 0, 1)
		wantKind(t, "open range "+key, err, t1.KindNotFound)
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	wantKeys(t, s, "", "runs/a/b")
}

func head(t *testing.T, s t1.Store) {
	for _, text := range []string{"", "text"} {
		ref := mustCreate(t, s, "size"+fmt.Sprint(len(text)), text)
		found, err := s.Head(t.Context(), ref.Key)
		if err != nil || found != ref {
			t.Errorf("got %+v, %v; want %+v", found, err, ref)
		}
	}
}

func readRange(t *testing.T, s t1.Store, key string, offset, length int64) (string, error) {
	r, err := s.OpenRange(t.Context(), key, offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

func ranges(t *testing.T, s t1.Store) {
	mustCreate(t, s, "digits", "0123456789")
	mustCreate(t, s, "empty", "")
	for _, c := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{"digits", 0, -1, "0123456789"},
		{"digits", 0, 10, "0123456789"},
		{"digits", 3, 4, "3456"},
		{"digits", 3, -1, "3456789"},
		{"digits", 9, 1, "9"},
		{"digits", 8, 100, "89"}, // past the end there is nothing
		{"digits", 10, -1, ""},
		{"digits", 11, 5, ""},
		{"digits", 5, 0, ""},
		{"empty", 0, -1, ""},
		{"empty", 0, 5, ""},
	} {
		got, err := readRange(t, s, c.key, c.offset, c.length)
		if err != nil || got != c.want {
			t.Errorf("%s from %d, %d bytes: got %q, %v; want %q", c.key, c.offset, c.length, got, err, c.want)
		}
	}
	_, err := readRange(t, s, "digits", -1, 2)
	wantKind(t, "negative offset", err, t1.KindInvalid)
	_, err = readRange(t, s, "digits", 0, -2)
	wantKind(t, "negative length", err, t1.KindInvalid)
}

func list(t *testing.T, s t1.Store) {
	wantKeys(t, s, "")
	// "-" and "." sort before "/", "0" after it: the order is that of whole keys.
	all := []string{"a-b/x", "a.json", "a/1", "a/1-2", "a/1/z", "a/10", "a0", "b/c/d/e"}
	for _, key := range []int{3, 0, 7, 5, 1, 6, 2} {
		mustCreate(t, s, all[key], all[key])
	}
	all = slices.Delete(all, 4, 5) // "a/1" and "a/1/z" cannot both be in every adapter
	wantKeys(t, s, "", all...)
	wantKeys(t, s, "a/", "a/1", "a/1-2", "a/10")
	wantKeys(t, s, "a/1", "a/1", "a/1-2", "a/10")
	wantKeys(t, s, "a", all[:6]...)
	wantKeys(t, s, "b/c/", "b/c/d/e")
	wantKeys(t, s, "b/c/d/e", "b/c/d/e")
	wantKeys(t, s, "b/c/d/e/")
	wantKeys(t, s, "nothing/here")
	for ref, err := range s.List(t.Context(), "b/") {
		if want := (t1.Ref{Key: "b/c/d/e", Bytes: 7}); err != nil || ref != want {
			t.Errorf("got %+v, %v; want %+v", ref, err, want)
		}
	}
	for range s.List(t.Context(), "") {
		break // a caller may stop
	}
}

// listMany needs more than one page of an object store's answer.
func listMany(t *testing.T, s t1.Store) {
	const n = 1200
	want := make([]string, n)
	for i := range n {
		want[i] = fmt.Sprintf("runs/a/log/%08d.json", i)
		mustCreate(t, s, want[i], "")
	}
	wantKeys(t, s, "runs/a/log/", want...)
}

func deletes(t *testing.T, s t1.Store) {
	ref := mustCreate(t, s, "runs/a/x", "old")
	mustCreate(t, s, "runs/a/y", "kept")
	for range 2 {
		if err := s.Delete(t.Context(), ref.Key); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	_, err := s.Head(t.Context(), ref.Key)
	wantKind(t, "head", err, t1.KindNotFound)
	wantKeys(t, s, "", "runs/a/y")
	mustCreate(t, s, ref.Key, "new") // the name is free again
}

func badKeys(t *testing.T, s t1.Store) {
	for _, key := range []string{"", "/", "/etc/passwd", "a/", "a//b", "..", "../a", "a/../../b", "a/./b", `a\b`, "a\x00b"} {
		_, err := s.Create(t.Context(), key, strings.NewReader("text"))
		wantKind(t, fmt.Sprintf("create %q", key), err, t1.KindInvalid)
		_, err = read(t.Context(), s, refOf(key, "text"))
		wantKind(t, fmt.Sprintf("open %q", key), err, t1.KindInvalid)
		_, err = readRange(t, s, key, 0, -1)
		wantKind(t, fmt.Sprintf("open range %q", key), err, t1.KindInvalid)
		_, err = s.Head(t.Context(), key)
		wantKind(t, fmt.Sprintf("head %q", key), err, t1.KindInvalid)
		wantKind(t, fmt.Sprintf("delete %q", key), s.Delete(t.Context(), key), t1.KindInvalid)
	}
	for _, prefix := range []string{"/", "../", "a//", "a\x00"} {
		var err error
		for _, err = range s.List(t.Context(), prefix) {
			break
		}
		wantKind(t, fmt.Sprintf("list %q", prefix), err, t1.KindInvalid)
	}
	wantKeys(t, s, "")
}

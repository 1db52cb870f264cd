package dir

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"t1"
	"t1/infra/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) t1.Store { return open(t, t.TempDir()) })
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := New(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *Store, key, text string) t1.Ref {
	t.Helper()
	ref, err := s.Create(t.Context(), key, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func readAll(t *testing.T, s *Store, ref t1.Ref) error {
	t.Helper()
	r, err := s.Open(t.Context(), ref)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.ReadAll(r)
	return err
}

func TestDamageIsFound(t *testing.T) {
	s := open(t, t.TempDir())
	text := strings.Repeat("0123456789", 100_000)
	for name, damage := range map[string]func([]byte) []byte{
		"flipped bit": func(b []byte) []byte { b[654_321] ^= 4; return b },
		"truncated":   func(b []byte) []byte { return b[:999_999] },
		"emptied":     func([]byte) []byte { return nil },
		"appended to": func(b []byte) []byte { return append(b, 0) },
	} {
		ref := create(t, s, "runs/a/"+name, text)
		path := filepath.Join(s.root, ref.Key)
		if err := os.WriteFile(path, damage([]byte(text)), 0o644); err != nil {
			t.Fatal(err)
		}
		err := readAll(t, s, ref)
		if t1.KindOf(err) != t1.KindCorrupt || !strings.Contains(err.Error(), ref.Key) || t1.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSpoolIsHiddenAndSwept(t *testing.T) {
	s := open(t, t.TempDir())
	dead := filepath.Join(s.root, spool, "dead")
	if err := os.WriteFile(dead, []byte("half an obj"), 0o644); err != nil {
		t.Fatal(err)
	}
	living, err := s.temp()
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	for _, prefix := range []string{"", ".", spool, spool + "/"} {
		for ref, err := range s.List(t.Context(), prefix) {
			t.Errorf("list %q: %v, %v", prefix, ref, err)
		}
	}
	_, err = s.Head(t.Context(), spool+"/dead")
	if t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("a key in the spool: %v", err)
	}
	open(t, s.root)
	if _, err := os.Stat(dead); err == nil {
		t.Error("a dead writer's file is still there")
	}
	if _, err := os.Stat(living.Name()); err != nil {
		t.Errorf("a living writer's file was swept: %v", err)
	}
}

func TestCreateLeavesNoSpool(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, "a", "text")
	s.Create(t.Context(), "a", strings.NewReader("other"))
	entries, err := os.ReadDir(filepath.Join(s.root, spool))
	if err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestNameClash(t *testing.T) {
	s := open(t, t.TempDir())
	create(t, s, "a/b", "text")
	for _, key := range []string{"a/b/c", "a"} {
		_, err := s.Create(t.Context(), key, strings.NewReader("text"))
		if t1.KindOf(err) != t1.KindConflict {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + "/below", "/proc/t1"} {
		_, err := New(path)
		if t1.KindOf(err) == t1.KindInternal || err == nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

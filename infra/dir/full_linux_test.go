package dir

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"t1"
)

// A tiny file system of its own, where the test may mount one; the mapping alone elsewhere.
func TestDiskFull(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		err := (&Store{root: "/data"}).explain("create", "runs/a/x", &os.PathError{Op: "write", Path: "x", Err: errno})
		if t1.KindOf(err) != t1.KindDiskFull || t1.HintOf(err) == "" {
			t.Errorf("%v: %v", errno, err)
		}
	}
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no tmpfs may be mounted here: %v", err)
	}
	defer syscall.Unmount(small, syscall.MNT_DETACH)
	s := open(t, small)
	ref := create(t, s, "kept", "text")
	_, err := s.Create(t.Context(), "big", strings.NewReader(strings.Repeat("x", 1<<20)))
	if t1.KindOf(err) != t1.KindDiskFull {
		t.Errorf("a full disk: %v", err)
	}
	if err := readAll(t, s, ref); err != nil {
		t.Errorf("what was stored before: %v", err)
	}
	create(t, s, "again", strings.Repeat("x", 100<<10)) // the failed object's room is free again
}

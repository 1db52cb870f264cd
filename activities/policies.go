package activities

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"t1"
	"t1/infra/vllm"
)

// policiesKept is how many policies stay on the disk of a host with a vLLM
// server: the newest, the one before, and the model that writes summaries.
const policiesKept = 3

// policyToServe makes a policy's files local and says how to know them. The
// caller must have the server's turn. After discard they are fetched anew.
func (h *Host) policyToServe(ctx context.Context, run string, policy t1.Digest, beat beat) (p vllm.Policy, discard func(), err error) {
	key, err := policyKey(ctx, h.Store, run, policy)
	if err != nil {
		return p, nil, err
	}
	manifest, err := readJSON[t1.Manifest](ctx, h.Store, path.Join(key, t1.ManifestName))
	if err != nil {
		return p, nil, err
	}
	if manifest.Digest != policy {
		return p, nil, t1.Errorf(t1.KindCorrupt, "%s holds policy %.12s", key, manifest.Digest)
	}
	directory, err := h.policyFiles(ctx, key, manifest, beat)
	if err != nil {
		return p, nil, err
	}
	p = vllm.Policy{
		Digest: policy, Dir: directory,
		Verify: func(ctx context.Context, copied string) error { return verifyDirectory(ctx, copied, key, manifest) },
	}
	p.Probes, err = readProbes(directory, key)
	return p, func() { _ = os.RemoveAll(directory) }, err
}

// policyFiles answers the directory with a policy's files, which it fetches
// unless they are there. It is named by the manifest, so that runs do not meet.
func (h *Host) policyFiles(ctx context.Context, key string, manifest t1.Manifest, beat beat) (string, error) {
	text, err := marshal(manifest)
	if err != nil {
		return "", err
	}
	all := filepath.Join(h.served.slot.directory, "policies")
	directory := filepath.Join(all, digestOf(text))
	now := time.Now()
	if os.Chtimes(directory, now, now) == nil { // there, and used
		return directory, nil
	}
	if err := os.MkdirAll(all, 0o700); err != nil {
		return "", onDisk(err)
	}
	partial, remove, err := h.scratch()
	if err != nil {
		return "", err
	}
	defer remove()
	if _, err := downloadDirectory(ctx, h.Store, key, partial, beat); err != nil {
		return "", err
	}
	if err := os.Rename(partial, directory); err != nil {
		return "", onDisk(err)
	}
	return directory, forgetPolicies(all)
}

// forgetPolicies removes all but the policies used last.
func forgetPolicies(all string) error {
	entries, err := os.ReadDir(all)
	if err != nil {
		return err
	}
	used := func(e os.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(used(b).UnixNano(), used(a).UnixNano()) })
	for _, e := range entries[min(policiesKept, len(entries)):] {
		if err := os.RemoveAll(filepath.Join(all, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// slot is a directory below the cache that one process at a time has: workers
// may share a cache, and each has a server of its own. One whose process died is
// free again, so that its files are not left for ever.
type slot struct {
	directory string
	lock      *os.File
}

func takeSlot(cache string) (*slot, error) {
	for n := 0; ; n++ {
		directory := filepath.Join(cache, "vllm", strconv.Itoa(n))
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return nil, onDisk(err)
		}
		lock, err := os.OpenFile(filepath.Join(directory, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, onDisk(err)
		}
		switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return &slot{directory, lock}, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(err, lock.Close())
		}
		_ = lock.Close()
	}
}

// release frees the slot; a nil one is none.
func (s *slot) release() {
	if s != nil {
		_ = s.lock.Close()
	}
}

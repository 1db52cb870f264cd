package activities

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/rs/zerolog"

	"t1"
	"t1/infra/engine"
	"t1/infra/program"
	"t1/infra/vllm"
)

// Host is what the activities of one machine share.
type Host struct {
	Store    t1.Store
	Engine   *engine.Process // nil on a host without a trainer or sampler queue
	VLLM     vllm.Options    // of a vLLM server on this machine, but for what a spec says; without a Python there is none
	Verifier program.Program // grades mathematics; without a command on a host without a scorer's queue
	Cache    string          // directory for fetched objects; may be lost at any time
	Version  string          // of t1
	Log      zerolog.Logger

	restoring sync.Mutex         // one replay at a time
	problems  memo[[]t1.Problem] // decoded data sets, newest only
	pools     memo[t1.Pool]      // decoded pools, newest only
	probed    memo[[][]int32]    // prompts of probes, of the newest run only
	served    serving            // by the vLLM server
}

// Close ends the processes that the host has started, for good.
func (h *Host) Close() {
	h.Engine.Close()
	h.served.close()
}

// memo remembers the value made last, by key.
type memo[T any] struct {
	mu    sync.Mutex
	key   string
	value T
}

func (m *memo[T]) get(key string, read func() (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.key == key {
		return m.value, nil
	}
	value, err := read()
	if err == nil {
		m.key, m.value = key, value
	}
	return value, err
}

// forget has the next get read anew.
func (m *memo[T]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.key = ""
}

// spec reads a run's resolved spec.
func (h *Host) spec(ctx context.Context, run string) (t1.Spec, error) {
	return readJSON[t1.Spec](ctx, h.Store, t1.SpecKey(run))
}

// data reads which data sets a run learns from.
func (h *Host) data(ctx context.Context, run string) (t1.Data, error) {
	return inLine[t1.Data](ctx, h.Store, run, t1.DataKey)
}

// problemSet decodes a problem data set.
func (h *Host) problemSet(ctx context.Context, ref t1.Ref) ([]t1.Problem, error) {
	return h.problems.get(ref.SHA256, func() ([]t1.Problem, error) { return ReadRows[t1.Problem](ctx, h.Store, ref) })
}

// pool reads a run's prompt pool.
func (h *Host) pool(ctx context.Context, run string) (t1.Pool, error) {
	return h.pools.get(run, func() (t1.Pool, error) { return h.readPool(ctx, run) })
}

func (h *Host) readPool(ctx context.Context, run string) (t1.Pool, error) {
	return inLine[t1.Pool](ctx, h.Store, run, t1.PoolKey)
}

// fetch makes an object a local file, named by its digest, and answers its path.
func (h *Host) fetch(ctx context.Context, ref t1.Ref, beat beat) (string, error) {
	directory := filepath.Join(h.Cache, "objects")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", onDisk(err)
	}
	target := filepath.Join(directory, ref.SHA256)
	if info, err := os.Stat(target); err == nil && info.Size() == ref.Bytes {
		return target, nil
	}
	return target, downloadFile(ctx, h.Store, ref, target, beat)
}

func (h *Host) fetchAll(ctx context.Context, refs []t1.Ref, beat beat) ([]string, error) {
	paths := make([]string, len(refs))
	for i, ref := range refs {
		var err error
		if paths[i], err = h.fetch(ctx, ref, beat); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// scratch makes a path below the cache that does not exist yet, and a function
// that removes whatever was put there.
func (h *Host) scratch() (string, func(), error) {
	if err := os.MkdirAll(h.Cache, 0o700); err != nil {
		return "", nil, onDisk(err)
	}
	parent, err := os.MkdirTemp(h.Cache, "work-*")
	if err != nil {
		return "", nil, onDisk(err)
	}
	return filepath.Join(parent, "d"), func() { _ = os.RemoveAll(parent) }, nil
}

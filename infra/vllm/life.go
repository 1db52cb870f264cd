package vllm

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"t1"
	"t1/infra/process"
)

// longestName is that of a socket in the server's private directory, bytes: its
// processes name theirs by UUIDs.
const longestName = 36

// life is one process of the server, from its start to its end. A nil life is
// one that never was.
type life struct {
	*process.Process
	client *client
	config []byte // config.json of the model it serves
	length int    // longest prompt and response together, tokens; set when it answers

	busy   atomic.Int64           // requests under way
	tokens atomic.Int64           // prompt and response tokens computed so far, as last seen
	hung   atomic.Pointer[string] // why we ended it, where we did
}

// spawn starts a server without waiting until it answers.
func spawn(o Options) (*life, error) {
	config, err := os.ReadFile(filepath.Join(o.model(), "config.json"))
	if err != nil {
		return nil, t1.Errorf(t1.KindNotFound, "model to serve: %w", err)
	}
	directory, err := process.SocketDirectory("vLLM server", longestName)
	if err != nil {
		return nil, err
	}
	key := newKey()
	c, err := command(o, directory, key)
	if err != nil {
		_ = os.RemoveAll(directory)
		return nil, err
	}
	p, err := process.Start(c, process.Options{
		Name: "vLLM server", Log: o.Log, Directory: directory, RunHint: install, StartHint: install,
		Guard: true, // the processes that compute are not the one that we start
	})
	if err != nil {
		return nil, err
	}
	return &life{Process: p, client: newClient(filepath.Join(directory, socketName), key), config: config}, nil
}

// await returns when the server says it is healthy.
func (l *life) await(ctx context.Context, limit time.Duration, stage Stage) error {
	told := time.Now()
	return l.Await(ctx, limit, 100*time.Millisecond, func(ctx context.Context) bool {
		if l.client.health(ctx) == nil {
			return true
		}
		if stage != nil && time.Since(told) > time.Second {
			told = time.Now()
			stage("the vLLM server starts" + l.LogEnd(1))
		}
		return false
	})
}

// died says how a server that had answered ended.
func (l *life) died() error {
	if why := l.hung.Load(); why != nil {
		return t1.Errorf(t1.KindUnavailable, "the vLLM server hung: %s; it was ended", *why)
	}
	return l.Died().WithHint("its log says more; the work is done again on a new server")
}

func (l *life) alive() bool { return l != nil && l.Alive() }

// end kills the server and what it started, waits until it is gone and clears up
// behind it.
func (l *life) end() {
	if l != nil {
		l.End()
		l.client.close()
	}
}

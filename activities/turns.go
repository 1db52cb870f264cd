package activities

import (
	"context"
	"sync"
	"time"

	"t1"
)

// turn is what a vLLM server can be used for at one time: a policy, served as a
// spec says.
type turn struct {
	spec   t1.VLLMSpec
	policy t1.Digest
}

// turns lets activities that want the same of a server use it together, and
// those that want another thing wait until all of them have left: so a change of
// policy never meets a generation, and there are as few changes as may be. The
// zero value is ready to use.
type turns struct {
	mu      sync.Mutex
	now     turn
	users   int           // of now
	opening bool          // the first user of now makes it so
	changed chan struct{} // closed when a turn begins, fails or ends; nil where nobody waits
}

// take waits for a turn; the first of its users runs open, alone. Waiting beats:
// whoever has the server is watched, so it will end.
func (t *turns) take(ctx context.Context, wanted turn, beat beat, open func() error) (leave func(), err error) {
	for {
		first, in, changed := t.enter(wanted)
		switch {
		case first:
			err := open()
			t.opened(err)
			return t.leave, err
		case in:
			return t.leave, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Second):
			beat(0, 0, 0)
		}
	}
}

func (t *turns) enter(wanted turn) (first, in bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.users == 0:
		t.now, t.users, t.opening = wanted, 1, true
		return true, true, nil
	case t.now == wanted && !t.opening:
		t.users++
		return false, true, nil
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return false, false, t.changed
}

func (t *turns) opened(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opening = false
	if err != nil {
		t.users--
	}
	t.wake()
}

func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users--
	t.wake()
}

// wake has those who wait look again. The lock is held.
func (t *turns) wake() {
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

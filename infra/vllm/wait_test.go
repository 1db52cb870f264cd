package vllm

import (
	"testing"
	"time"
)

// While one caller starts the server anew, for as long as that takes, the others
// show that they live: or their work would be given up, and done twice.
func TestWaitingIsTold(t *testing.T) {
	k := fakeKit(t, "")
	s := opened(t, k)
	open := func(p Policy) func(told func()) error {
		return func(told func()) error { return s.Open(t.Context(), p, func(string) { told() }) }
	}
	generate := func(told func()) error {
		_, err := s.Generate(t.Context(), k.sampling(k.b, 1, 1), func(Response) {}, func(int64, int64, int64) { told() })
		return err
	}

	_ = s.opening.Acquire(t.Context(), 1)
	waits(t, "for another change of policy", open(k.b), func() { s.opening.Release(1) })
	_ = s.use.Acquire(t.Context(), everyone)
	waits(t, "for a change of policy", generate, func() { s.use.Release(everyone) })
	_ = s.use.Acquire(t.Context(), 1)
	waits(t, "for a generation", open(k.a), func() { s.use.Release(1) })
}

// waits makes a call wait and looks whether it says so.
func waits(t *testing.T, what string, call func(told func()) error, release func()) {
	t.Helper()
	told, ended := make(chan time.Time, 100), make(chan error, 1)
	began := time.Now()
	go func() { ended <- call(func() { told <- time.Now() }) }()
	time.Sleep(1500 * time.Millisecond)
	released := time.Now()
	release()
	if err := <-ended; err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	close(told)
	for at := range told {
		if at.Sub(began) > 500*time.Millisecond && at.Before(released) {
			return
		}
	}
	t.Errorf("a call that waits %s says nothing", what)
}

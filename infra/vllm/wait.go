package vllm

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// acquire waits for a semaphore and says about once a second that it does:
// whoever has it is watched, so the wait will end. Somebody starts a server for a
// minute while others wait.
func acquire(ctx context.Context, of *semaphore.Weighted, n int64, waiting func()) error {
	got := make(chan error, 1)
	go func() { got <- of.Acquire(ctx, n) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-got:
			return err
		case <-tick.C:
			waiting()
		}
	}
}

package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// pace spreads requests evenly, and holds them all back when the server asks.
type pace struct {
	every time.Duration // between two requests; 0 does not spread

	mu   sync.Mutex
	next time.Time // no request before
}

// take waits for the next moment at which a request may be sent.
func (p *pace) take(ctx context.Context) error {
	p.mu.Lock()
	at := p.next
	if now := time.Now(); at.Before(now) {
		at = now
	}
	if p.every > 0 {
		p.next = at.Add(p.every)
	}
	p.mu.Unlock()
	return sleep(ctx, time.Until(at))
}

// hold lets nobody send for a while.
func (p *pace) hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.next) {
		p.next = until
	}
}

// longestBackoff bounds a wait that no server asked for.
const longestBackoff = time.Minute

// wait is how long before try n, from 1: doubling, with the lower half of it
// left to chance so that many callers do not come back at once. What the
// server asked for was handed to the pace and is waited for there.
func (c *Client) wait(n int, last error) time.Duration {
	var failed *failure
	if errors.As(last, &failed) && failed.after > 0 {
		return 0
	}
	most := min(longestBackoff, c.options.Backoff<<min(n-1, 16))
	return most/2 + rand.N(most/2+1)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

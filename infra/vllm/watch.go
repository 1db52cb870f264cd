package vllm

import (
	"context"
	"fmt"
	"time"
)

// watch ends the server when it hangs: when it does not answer for as long as
// limit, or computes no token for as long while requests run. Its own health
// check cannot see the second: another process computes.
func (l *life) watch(limit time.Duration) {
	every := min(max(limit/10, 20*time.Millisecond), time.Second)
	go func() {
		answered, advanced := time.Now(), time.Now()
		for {
			select {
			case <-l.Gone():
				return
			case <-time.After(every):
			}
			tokens, err := l.look(limit)
			if err == nil {
				answered = time.Now()
			}
			if err == nil && tokens != l.tokens.Swap(tokens) || l.busy.Load() == 0 {
				advanced = time.Now()
			}
			switch {
			case time.Since(answered) >= limit:
				l.endHung(fmt.Sprintf("it did not answer for %s", limit))
			case time.Since(advanced) >= limit:
				l.endHung(fmt.Sprintf("it computed no token for %s while requests ran", limit))
			}
		}
	}()
}

func (l *life) look(limit time.Duration) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := l.client.health(ctx); err != nil {
		return 0, err
	}
	return l.client.tokens(ctx)
}

func (l *life) endHung(why string) {
	l.hung.CompareAndSwap(nil, &why)
	l.Kill()
}

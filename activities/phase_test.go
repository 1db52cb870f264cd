package activities

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"t1/infra/engine"
)

// Opening a policy waits until another's generation has ended, and is not taken
// for dead meanwhile.
func TestACallThatWaitsBeats(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := newHost(t)
	s := begin(t, h, "run")
	client, err := h.engine(ctx, "run", unheard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ready(ctx, client, "run", s.head.Policy, unheard); err != nil {
		t.Fatal(err)
	}
	begun, ended := make(chan struct{}), make(chan error, 1)
	var once atomic.Bool
	go func() { // until it is cancelled: far more than anybody waits for
		prompt := engine.Prompt{Tokens: []int32{3, 24}, Seed: 1, Samples: 1 << 20}
		_, err := client.Generate(ctx, engine.Generation{Policy: s.head.Policy, Prompts: []engine.Prompt{prompt}, Temperature: 1, TopP: 1, MaxTokens: 24},
			func(engine.Response) {
				if once.CompareAndSwap(false, true) {
					close(begun)
				}
			}, nil)
		ended <- err
	}()
	<-begun
	beats := 0
	waited := make(chan error, 1)
	heard := make(chan struct{}, 100)
	go func() {
		_, err := h.ready(context.Background(), client, "run", s.head.Policy, func(int64, int64, int64) { heard <- struct{}{} })
		waited <- err
	}()
	for limit := time.After(30 * time.Second); beats < 2; {
		select {
		case <-heard:
			beats++
		case err := <-waited:
			t.Fatalf("it did not wait: %v", err)
		case <-limit:
			t.Fatalf("%d beats in 30 s", beats)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the generation: %v", err)
	}
	if err := <-waited; err != nil {
		t.Errorf("the call that waited: %v", err)
	}
}

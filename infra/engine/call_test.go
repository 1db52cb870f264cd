package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"t1"
	"t1/infra/process/processtest"
)

func get(t *testing.T, p *Process) *Client {
	t.Helper()
	client, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestProgress(t *testing.T) {
	o := fake(t, "serve")
	o.Stall = 250 * time.Millisecond // longer than between two signs of life, shorter than the call
	var seen []string
	result, err := get(t, supervised(t, o)).FineTune(t.Context(), "p", "/traces", t1.SFTStep{}, func(done, total, tokens int64) {
		seen = append(seen, fmt.Sprint(done, "/", total, " ", tokens))
	})
	if err != nil || result.Digest != "after p" || result.Metrics["loss"] != 0.5 {
		t.Errorf("%+v, %v", result, err)
	}
	if !slices.Equal(seen, []string{"1/3 10", "2/3 20", "3/3 30"}) {
		t.Errorf("progress: %q", seen)
	}
}

// A call that waits for another is no dead one: it says so as long as the other
// shows progress.
func TestProgressOfAWaitingCall(t *testing.T) {
	client := get(t, supervised(t, fake(t, "queue")))
	var first, second []int64
	var calls errgroup.Group
	begun := make(chan struct{})
	calls.Go(func() error {
		once := sync.OnceFunc(func() { close(begun) })
		_, err := client.FineTune(t.Context(), "p", "/traces", t1.SFTStep{}, func(done, _, _ int64) { first = append(first, done); once() })
		return err
	})
	<-begun
	calls.Go(func() error {
		_, err := client.FineTune(t.Context(), "p", "/traces", t1.SFTStep{}, func(done, _, _ int64) { second = append(second, done) })
		return err
	})
	if err := calls.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(second) == 0 || second[0] != 0 || slices.Max(second) == 0 {
		t.Errorf("the call that waited told %v, want zeros until its turn; the first %v", second, first)
	}
}

func TestCodes(t *testing.T) {
	for code, kind := range map[codes.Code]t1.Kind{
		codes.InvalidArgument: t1.KindInvalid, codes.NotFound: t1.KindNotFound, codes.FailedPrecondition: t1.KindStateMismatch,
		codes.DataLoss: t1.KindCorrupt, codes.ResourceExhausted: t1.KindOutOfMemory, codes.Aborted: t1.KindNumeric, codes.OutOfRange: t1.KindSamplerGap,
		codes.Unavailable: t1.KindUnavailable, codes.Internal: t1.KindInternal, codes.Unknown: t1.KindInternal,
	} {
		p := supervised(t, fake(t, fmt.Sprint(int(code))))
		_, err := get(t, p).State(t.Context())
		if t1.KindOf(err) != kind || !strings.Contains(err.Error(), "what went wrong") {
			t.Errorf("%s: %s: %v", code, t1.KindOf(err), err)
		}
		p.Close()
	}
}

func TestEngineCrashesInACall(t *testing.T) {
	o := fake(t, "crash")
	p := supervised(t, o)
	client := get(t, p)
	_, err := client.FineTune(t.Context(), "p", "/traces", t1.SFTStep{}, nil)
	if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), "the engine ended (exit status 9); its log ends: something terrible") {
		t.Errorf("got %v", err)
	}
	if _, err := client.State(t.Context()); t1.KindOf(err) != t1.KindUnavailable {
		t.Errorf("a call to a dead engine: %v", err)
	}
	if state, err := get(t, p).State(t.Context()); err != nil || state.Digest != "d" {
		t.Errorf("the next engine: %+v, %v", state, err)
	}
	if n := len(processtest.Starts(o.Dir)); n != 2 {
		t.Errorf("%d starts", n)
	}
}

// A call whose engine falls silent ends, and with it the engine and its children.
func TestStall(t *testing.T) {
	for _, mode := range []string{"stall", "stubborn"} {
		o := fake(t, mode)
		o.Stall = 300 * time.Millisecond
		p := supervised(t, o)
		began, told := time.Now(), 0
		_, err := get(t, p).FineTune(t.Context(), "p", "/traces", t1.SFTStep{}, func(int64, int64, int64) { told++ })
		if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), "no progress for 300ms") {
			t.Errorf("%s: %v", mode, err)
		}
		if told != 3 || time.Since(began) > 10*time.Second {
			t.Errorf("%s: progress %d times, %s", mode, told, time.Since(began))
		}
		wantNoProcess(t, o)
	}
}

// Giving up a call is the caller's own doing: the engine lives on.
func TestCancelledCall(t *testing.T) {
	o := fake(t, "wait")
	p := supervised(t, o)
	client, pid := get(t, p), p.PID()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := client.FineTune(ctx, "p", "/traces", t1.SFTStep{}, func(int64, int64, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := client.State(t.Context()); err != nil || p.PID() != pid {
		t.Errorf("the engine afterwards: pid %d, before %d, %v", p.PID(), pid, err)
	}
}

// A killed engine is not mistaken for a caller who gave up.
func TestKilledCall(t *testing.T) {
	p := supervised(t, fake(t, "wait"))
	_, err := get(t, p).FineTune(t.Context(), "p", "/traces", t1.SFTStep{}, func(done, _, _ int64) {
		if done == 3 {
			go p.Kill()
		}
	})
	if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), "signal: killed") || t1.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
}

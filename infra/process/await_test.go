package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"t1"
)

func never(context.Context) bool { return false }

func TestAwait(t *testing.T) {
	p := begin(t, "sleep 1000", Options{})
	asked := 0
	err := p.Await(t.Context(), time.Minute, time.Millisecond, func(context.Context) bool {
		asked++
		return asked == 3
	})
	if err != nil || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestAwaitFails(t *testing.T) {
	for _, c := range []struct {
		script string
		kind   t1.Kind
		says   string
		hint   string
	}{
		{"echo no memory; exit 3", t1.KindUnavailable, "the child ended while starting (exit status 3); its log ends: no memory", "repair it"},
		{"echo \"No module named 'x'\"; exit 1", t1.KindNotFound, "the child ended while starting (exit status 1); its log ends: No module named 'x'", "repair it"},
		{"exit 0", t1.KindUnavailable, "the child ended while starting (exit status 0)", "repair it"},
		{"echo thinking; sleep 1000", t1.KindUnavailable, "the child did not answer within 500ms; its log ends: thinking", ""},
	} {
		p := begin(t, c.script, Options{Directory: t.TempDir(), StartHint: "repair it"})
		limit := time.Minute
		if c.hint == "" {
			limit = 500 * time.Millisecond
		}
		err := p.Await(t.Context(), limit, 10*time.Millisecond, never)
		if t1.KindOf(err) != c.kind || err.Error() != c.says || t1.HintOf(err) != c.hint {
			t.Errorf("%s: got %s: %v (%s)", c.script, t1.KindOf(err), err, t1.HintOf(err))
		}
		p.End()
	}
}

func TestAwaitGivenUp(t *testing.T) {
	p := begin(t, "sleep 1000", Options{})
	why := errors.New("given up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := p.Await(ctx, time.Minute, time.Millisecond, never); t1.KindOf(err) != t1.KindUnavailable || !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestDied(t *testing.T) {
	p := begin(t, "echo out of patience; exit 9", Options{Directory: t.TempDir()})
	wait(t, p)
	err := p.Died()
	if err.Kind != t1.KindUnavailable || err.Error() != "the child ended (exit status 9); its log ends: out of patience" {
		t.Errorf("got %s: %v", err.Kind, err)
	}
}

// The path of a socket is bounded, wherever temporary files go.
func TestSocketDirectory(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{long, "/tmp"} {
		t.Setenv("TMPDIR", base)
		directory, err := SocketDirectory("child", 36)
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(directory)
		info, err := os.Stat(directory)
		if err != nil || info.Mode().Perm() != 0o700 || len(directory)+1+36 > 103 || filepath.Dir(directory) != "/tmp" {
			t.Errorf("%s: %v, %v", directory, info, err)
		}
	}
	t.Setenv("TMPDIR", "/tmp/nowhere")
	if _, err := SocketDirectory("child", 36); t1.KindOf(err) != t1.KindInternal || !strings.HasPrefix(err.Error(), "directory for the child's socket: ") {
		t.Errorf("got %v", err)
	}
}

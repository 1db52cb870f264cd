package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Of a log that is appended to, a process quotes what it wrote itself.
func TestLinesOfAnEarlierLifeAreNotQuoted(t *testing.T) {
	o := Options{Log: filepath.Join(t.TempDir(), "log")}
	for _, c := range []struct{ script, want string }{
		{"echo first life; echo its error >&2", "; its log ends: first life | its error"},
		{"exit", ""},
		{"echo second life", "; its log ends: second life"},
		{"seq 9; printf '  half a line  '", "; its log ends: 7 | 8 | 9 | half a line"},
	} {
		p := begin(t, c.script, o)
		wait(t, p)
		if got := p.LogEnd(4); got != c.want {
			t.Errorf("%s: got %q, want %q", c.script, got, c.want)
		}
	}
	text, err := os.ReadFile(o.Log)
	if err != nil || !strings.HasPrefix(string(text), "first life\nits error\nsecond life\n1\n") {
		t.Errorf("the log: %q, %v", text, err)
	}
	p := begin(t, "echo third life", o)
	wait(t, p)
	if err := os.Truncate(o.Log, 3); err != nil {
		t.Fatal(err)
	}
	if got := p.LogEnd(4); got != "" {
		t.Errorf("of a log cut short: %q", got)
	}
}

func TestLogInTheDirectory(t *testing.T) {
	p := begin(t, "echo said", Options{Directory: t.TempDir()})
	wait(t, p)
	if got := p.LogEnd(1); got != "; its log ends: said" {
		t.Errorf("got %q", got)
	}
	p.End()
	if got := p.LogEnd(1); got != "" {
		t.Errorf("of a log removed: %q", got)
	}
}

func TestOutputIsDiscarded(t *testing.T) {
	p := begin(t, "echo said", Options{})
	wait(t, p)
	if got := p.Written(); got != "" || !p.State().Success() {
		t.Errorf("got %q, %s", got, p.State())
	}
}

func TestQuote(t *testing.T) {
	p := begin(t, "echo a; echo b", Options{Directory: t.TempDir(), Quote: strings.ToUpper})
	wait(t, p)
	if got := p.LogEnd(4); got != "; its log ends: A | B" {
		t.Errorf("got %q", got)
	}
}

// A log may be large; only its end is read.
func TestWrittenIsBounded(t *testing.T) {
	p := begin(t, "head -c 200000 /dev/zero | tr '\\0' x; echo; echo the end", Options{Directory: t.TempDir()})
	wait(t, p)
	if got := p.Written(); len(got) > quotable || !strings.HasSuffix(got, "x\nthe end") {
		t.Errorf("%d bytes, %q", len(got), got[max(0, len(got)-20):])
	}
}

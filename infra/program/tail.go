package program

import (
	"bytes"
	"sync"
)

// kept bounds what is remembered of standard error, bytes.
const kept = 4 << 10

// shown bounds what a Detail quotes, bytes.
const shown = 200

// tail remembers the end of what is written to it.
type tail struct {
	mu   sync.Mutex // a process that left its group may write after the end
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[max(0, len(p)-kept):]...)
	if extra := len(t.text) - kept; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

// lastLine is the last line that is not blank.
func (t *tail) lastLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(t.text)
	return excerpt(text[bytes.LastIndexByte(text, '\n')+1:])
}

// excerpt is the beginning of a line, as valid text.
func excerpt(line []byte) string {
	line = bytes.TrimSpace(line)
	more := ""
	if len(line) > shown {
		line, more = line[:shown], " ..."
	}
	return string(bytes.ToValidUTF8(line, []byte("?"))) + more
}

// epitaph says how a program that has ended did so: its last words where it had
// any.
func (s *process) epitaph() string {
	if line := s.stderr.lastLine(); line != "" {
		return line
	}
	return s.command.ProcessState.String()
}

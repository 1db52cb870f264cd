package process

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"t1"
)

// quotable bounds what is read of a log, bytes.
const quotable = 64 << 10

// openLog gives nil where output is discarded.
func (p *Process) openLog() (*os.File, error) {
	p.log = p.options.Log
	if p.log == "" && p.options.Directory != "" {
		p.log = filepath.Join(p.options.Directory, "log")
	}
	if p.log == "" {
		return nil, nil
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "log of the %s: %w", p.options.Name, err)
	}
	if info, err := log.Stat(); err == nil {
		p.logFrom = info.Size()
	}
	return log, nil
}

// Written is what this process has written, the last 64 KiB of it at most. It
// is empty where that cannot be read.
func (p *Process) Written() string {
	log, err := os.Open(p.log)
	if err != nil {
		return ""
	}
	defer func() { _ = log.Close() }()
	info, err := log.Stat()
	if err != nil {
		return ""
	}
	from := max(p.logFrom, info.Size()-quotable)
	text, _ := io.ReadAll(io.NewSectionReader(log, from, max(0, info.Size()-from)))
	return strings.TrimSpace(string(text))
}

// LogEnd quotes the last lines that this process wrote, for the end of a
// message; empty where it wrote nothing.
func (p *Process) LogEnd(most int) string {
	text := p.Written()
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-most):]
	for i := range lines {
		if p.options.Quote != nil {
			lines[i] = p.options.Quote(lines[i])
		}
		lines[i] = strings.TrimSpace(lines[i])
	}
	return "; its log ends: " + strings.Join(lines, " | ")
}

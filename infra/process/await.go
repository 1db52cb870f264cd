package process

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"t1"
)

// quoted is how many lines of a log an error quotes.
const quoted = 4

// SocketDirectory makes a directory for us alone whose path is short: that of a
// Unix socket has at most 107 bytes on Linux, 103 elsewhere. longest is the
// length of the longest name of a socket in it.
func SocketDirectory(name string, longest int) (string, error) {
	const room = 103 - len("/t1-1234567890/") // the digits are MkdirTemp's
	base := os.TempDir()
	if len(base)+longest > room {
		base = "/tmp"
	}
	directory, err := os.MkdirTemp(base, "t1-")
	if err != nil {
		return "", t1.Errorf(t1.KindInternal, "directory for the %s's socket: %w", name, err)
	}
	return directory, nil
}

// Await returns when answers says yes, which is asked at once and then every so
// often. KindUnavailable: it did not within limit, or the process ended, both
// with the last lines of the log; KindNotFound where those say that a Python
// module is missing.
func (p *Process) Await(ctx context.Context, limit, every time.Duration, answers func(context.Context) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the %s did not answer within %s", p.options.Name, limit))
	defer cancel()
	for !answers(ctx) {
		select {
		case <-p.gone:
			return p.stillborn()
		case <-ctx.Done():
			return t1.Errorf(t1.KindUnavailable, "%w%s", context.Cause(ctx), p.LogEnd(quoted))
		case <-time.After(every):
		}
	}
	return nil
}

// stillborn says why the process ended before it answered.
func (p *Process) stillborn() error {
	kind, lines := t1.KindUnavailable, p.LogEnd(quoted)
	if strings.Contains(lines, "No module named") {
		kind = t1.KindNotFound
	}
	return t1.Errorf(kind, "the %s ended while starting (%s)%s", p.options.Name, p.State(), lines).WithHint("%s", p.options.StartHint)
}

// Died says how a process that had answered ended; ask only when it is gone.
func (p *Process) Died() *t1.Error {
	return t1.Errorf(t1.KindUnavailable, "the %s ended (%s)%s", p.options.Name, p.State(), p.LogEnd(quoted))
}

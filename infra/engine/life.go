package engine

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"t1/infra/process"
)

// socketName is the engine's socket in its private directory.
const socketName = "engine.sock"

// life is one process, from its start to its end. A nil life is one that never was.
type life struct {
	*process.Process
	client *Client
}

// launch starts an engine and waits until it answers.
func launch(ctx context.Context, options Options) (*life, error) {
	l, err := spawn(options)
	if err != nil {
		return nil, err
	}
	if err := l.Await(ctx, options.Start, 20*time.Millisecond, l.answers); err != nil {
		l.end()
		return nil, err
	}
	return l, nil
}

// spawn starts an engine without waiting until it answers.
func spawn(o Options) (*life, error) {
	c, err := command(o)
	if err != nil {
		return nil, err
	}
	directory, err := process.SocketDirectory("engine", len(socketName))
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(directory, socketName)
	c.Args = append(c.Args, "--socket", socket)
	l := &life{}
	l.Process, err = process.Start(c, process.Options{
		Name: "engine", Log: o.Log, Directory: directory, Quote: message,
		RunHint: "run `make setup`", StartHint: "run `make setup`, which installs what the engine needs",
	})
	if err != nil {
		return nil, err
	}
	if l.client, err = connect(socket, o.Stall, l); err != nil {
		l.End()
		return nil, err
	}
	return l, nil
}

// command is the engine's process, not started, but for its socket.
func command(o Options) (*exec.Cmd, error) {
	if err := o.locate(); err != nil {
		return nil, err
	}
	c := exec.Command(o.Python, o.arguments()...)
	c.Dir = o.Dir
	c.Env = append(os.Environ(), "PYTHONPATH="+o.Dir)
	_, err := c.StdinPipe() // the engine ends when it closes, with us at the latest
	return c, err
}

// message is what an error quotes of a line of the log: of the engine's own JSON
// lines the message.
func message(line string) string {
	var entry struct{ Message string }
	if json.Unmarshal([]byte(line), &entry) == nil && entry.Message != "" {
		return entry.Message
	}
	return line
}

func (l *life) answers(ctx context.Context) bool {
	if _, err := os.Stat(filepath.Join(l.Directory(), socketName)); err != nil {
		return false
	}
	_, err := l.client.Describe(ctx)
	return err == nil
}

func (l *life) alive() bool { return l != nil && l.Alive() }

// end kills the engine, waits until it is gone and clears up behind it.
func (l *life) end() {
	if l != nil {
		l.End()
		l.client.close()
	}
}

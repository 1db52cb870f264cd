package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"t1"
	"t1/infra/devserver"
)

// The children of `t1 up`.
const (
	serverName = "the Temporal server"
	workerName = "the worker"
)

// serverChild is Temporal's development server with a database file, and where
// it and its web UI will be.
func (t *tool) serverChild(options upOptions) (c child, address, ui string, err error) {
	binary, err := t.settings.temporalBinary()
	if err != nil {
		return c, "", "", err
	}
	start := func(ctx context.Context) (process, error) {
		server, err := devserver.Start(ctx, devserver.Options{
			Binary: binary, DBFile: t.settings.databasePath(), LogFile: t.settings.logPath("temporal"),
			Port: options.temporalPort, UIPort: options.uiPort,
		})
		return server, t.settings.explainServer(err)
	}
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(options.temporalPort))
	ui = fmt.Sprintf("http://127.0.0.1:%d", options.uiPort)
	return child{name: serverName, start: start, grace: 10 * time.Second}, address, ui, nil
}

// explainServer says in our words why the server does not start.
func (s settings) explainServer(err error) error {
	var known *t1.Error
	if !errors.As(err, &known) {
		return err
	}
	switch {
	case strings.Contains(known.Message, "database or disk is full"): // SQLite's words
		return t1.Errorf(t1.KindDiskFull, "the disk of %s is full: Temporal's database has no room", s.Home).WithHint("df -h %s", s.Home)
	case known.Kind == t1.KindConflict && strings.HasPrefix(known.Message, "port "):
		return known.WithHint("other ports: --temporal-port 7300 --ui-port 8300; or, if a Temporal server is there, use it: TEMPORAL_ADDRESS=HOST:PORT t1 up")
	}
	return err
}

// workerChild is this binary again, serving queues.
func (t *tool) workerChild(log *os.File, address string, queues []string) child {
	env := []string{environmentChild + "=1", "TEMPORAL_ADDRESS=" + address}
	args := []string{"worker", "--queues", strings.Join(queues, ",")}
	start := func(context.Context) (process, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return startCommand(log, env, self, args...)
	}
	return child{name: workerName, start: start, grace: 20 * time.Second}
}

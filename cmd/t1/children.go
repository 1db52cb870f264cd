package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

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
		return devserver.Start(ctx, devserver.Options{
			Binary: binary, DBFile: t.settings.databasePath(), LogFile: t.settings.logPath("temporal"),
			Port: options.temporalPort, UIPort: options.uiPort,
		})
	}
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(options.temporalPort))
	ui = fmt.Sprintf("http://127.0.0.1:%d", options.uiPort)
	return child{name: serverName, start: start, grace: 10 * time.Second}, address, ui, nil
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

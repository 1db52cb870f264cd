package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"t1"
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
	for flag, port := range map[string]int{"--temporal-port": options.temporalPort, "--ui-port": options.uiPort} {
		if err := checkPort(port, flag); err != nil {
			return c, "", "", err
		}
	}
	log, err := t.settings.openLog("temporal")
	if err != nil {
		return c, "", "", err
	}
	address = net.JoinHostPort("127.0.0.1", strconv.Itoa(options.temporalPort))
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--db-filename", t.settings.databasePath(), "--log-format", "json", "--log-level", "warn",
		"--port", strconv.Itoa(options.temporalPort), "--ui-port", strconv.Itoa(options.uiPort),
	}
	start := func(ctx context.Context) (process, error) {
		p, err := startCommand(log, nil, binary, args...)
		if err != nil {
			return nil, err
		}
		return p, waitForPort(ctx, p, address)
	}
	return child{name: serverName, start: start, grace: 10 * time.Second}, address, fmt.Sprintf("http://127.0.0.1:%d", options.uiPort), nil
}

// checkPort says in one sentence what the server would bury in its log.
func checkPort(port int, flag string) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		return listener.Close()
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return t1.Errorf(t1.KindConflict, "port %d is in use", port).
			WithHint("another port: %s %d; or, if a Temporal server is there, use it: TEMPORAL_ADDRESS=127.0.0.1:%d", flag, port+100, port)
	}
	return t1.Errorf(t1.KindInvalid, "port %d: %w", port, err).WithHint("%s with a port from 1024 to 65535", flag)
}

// waitForPort returns when something listens; an error when the process has
// ended first, or takes too long.
func waitForPort(ctx context.Context, p *command, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-p.gone:
			return p.Wait()
		case <-ctx.Done():
			p.Kill()
			_ = p.Wait()
			return t1.Errorf(t1.KindUnavailable, "the Temporal server does not listen at %s", address)
		case <-tick.C:
		}
	}
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

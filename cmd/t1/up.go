package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"t1/workers"
)

// upOptions are the flags of `t1 up`.
type upOptions struct {
	temporalPort int
	uiPort       int
	queues       []string
}

func (o *upOptions) register(c *cobra.Command) {
	c.Flags().IntVar(&o.temporalPort, "temporal-port", 7233, "port of the Temporal server, on this machine only")
	c.Flags().IntVar(&o.uiPort, "ui-port", 8233, "port of Temporal's web UI, on this machine only")
}

func (t *tool) upCommand() *cobra.Command {
	var options upOptions
	c := &cobra.Command{
		Use:   "up",
		Short: "Start Temporal and a worker here, and keep them alive",
		Long: `up starts Temporal's development server, with a database under T1_HOME, and a
worker with its engine, and starts again whichever of them dies. Runs that were
going when it ended go on. Ctrl-C stops all of it cleanly, a second one at once.

With TEMPORAL_ADDRESS set, that server is used and none is started.`,
		Example: `  t1 up
  t1 up --temporal-port 7300 --ui-port 8300
  T1_HOME=/data/t1 t1 up`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			held, err := t.settings.takeLock()
			if err != nil {
				return err
			}
			return t.up(c.Context(), held, options, t.announceUp)
		},
	}
	options.register(c)
	c.Flags().StringSliceVar(&options.queues, "queues", workers.Queues(), "task queues the worker serves")
	return c
}

func (t *tool) announceUp(state upState) {
	if state.UI != "" {
		fmt.Fprintf(t.out, "web UI    %s\n", state.UI)
	}
	fmt.Fprintf(t.out, "temporal  %s\n", state.Address)
	fmt.Fprintf(t.out, "data      %s\n", t.settings.Home)
	if own := "file://" + filepath.Join(t.settings.Home, "store"); state.Store != own {
		fmt.Fprintf(t.out, "store     %s\n", state.Store)
	}
	fmt.Fprintf(t.out, "logs      %s\n", filepath.Join(t.settings.Home, "logs"))
	fmt.Fprintln(t.out, "Ctrl-C stops it; what runs goes on at the next t1 up.")
}

// up runs the server and the worker until ctx ends or one of them cannot live.
// It owns the lock. ready is called once, when both have started.
func (t *tool) up(ctx context.Context, held *lock, options upOptions, ready func(upState)) error {
	defer func() { _ = held.release() }()
	u, err := t.newUpper(options)
	if err != nil {
		return err
	}
	defer u.close()
	// The worker ends first, while its server still answers: two contexts, one
	// inside the other.
	serverCtx, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	group := &errgroup.Group{}
	workerCtx, stopWorker := context.WithCancel(ctx)
	defer stopWorker()
	if u.server != nil {
		p, err := u.first(serverCtx, *u.server)
		if err != nil {
			return err
		}
		group.Go(func() error {
			defer stopWorker()
			return u.keep(serverCtx, *u.server, p)
		})
	}
	group.Go(func() error {
		defer stopServer()
		p, err := u.first(workerCtx, u.worker)
		if err != nil {
			return err
		}
		ready(u.snapshot())
		return u.keep(workerCtx, u.worker, p)
	})
	return group.Wait()
}

// upper is a `t1 up` at work.
type upper struct {
	supervisor
	tool   *tool
	server *child // nil where another server is used
	worker child

	mu    sync.Mutex
	state upState
	close func()
}

func (t *tool) newUpper(options upOptions) (*upper, error) {
	connection, external, err := t.connection()
	if err != nil {
		return nil, err
	}
	if _, err := t.settings.python(); err != nil {
		return nil, err
	}
	u := &upper{tool: t, state: newUpState(t.settings)}
	u.supervisor = supervisor{started: u.record, note: t.notef}
	u.state.Address = connection.HostPort
	if !external {
		server, address, ui, err := t.serverChild(options)
		if err != nil {
			return nil, err
		}
		u.server, u.state.Address, u.state.UI = &server, address, ui
	}
	log, err := t.settings.openLog("worker")
	if err != nil {
		return nil, err
	}
	u.worker = t.workerChild(log, u.state.Address, options.queues)
	u.close = func() { _ = log.Close(); _ = os.Remove(t.settings.upPath()) }
	return u, nil
}

func newUpState(s settings) upState {
	return upState{PID: os.Getpid(), Store: s.Store, StartedAt: time.Now().UTC().Format(time.RFC3339)}
}

// record keeps a start in up.json.
func (u *upper) record(name string, p process) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch name {
	case serverName:
		u.state.ServerPID, u.state.ServerStart = p.PID(), u.state.ServerStart+1
	case workerName:
		u.state.WorkerPID, u.state.WorkerStart = p.PID(), u.state.WorkerStart+1
	}
	if err := u.tool.settings.writeUp(u.state); err != nil {
		u.tool.notef("up.json: %v", err)
	}
}

func (u *upper) snapshot() upState {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state
}

// notef tells the user something in passing.
func (t *tool) notef(format string, args ...any) {
	fmt.Fprintf(t.err, "t1: "+format+"\n", args...)
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"t1"
	"t1/activities"
	"t1/workers"
)

// environmentChild tells a worker that it was started by `t1 up`: it then ends
// with its standard input.
const environmentChild = "T1_CHILD"

func (t *tool) workerCommand() *cobra.Command {
	var queues []string
	c := &cobra.Command{
		Use:   "worker",
		Short: "Serve task queues, with an engine; t1 up starts one by itself",
		Long: `worker connects to Temporal and does the work of the queues it serves. It starts
the engine when there is work for it and starts it again when it dies; and so a
vLLM server, for runs whose spec has sampler.kind "vllm". SIGTERM drains: work in
flight gets ten seconds, the rest goes on elsewhere.`,
		Example: `  t1 worker
  TEMPORAL_ADDRESS=temporal.example:7233 t1 worker --queues t1-train,t1-sample`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return t.worker(c.Context(), queues) },
	}
	c.Flags().StringSliceVar(&queues, "queues", workers.Queues(), "task queues to serve")
	return c
}

func (t *tool) worker(ctx context.Context, queues []string) error {
	if err := t.settings.makeHome(); err != nil {
		return err
	}
	log, closeLog, err := t.workerLog()
	if err != nil {
		return err
	}
	defer closeLog()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if os.Getenv(environmentChild) != "" {
		go endWithInput(t.in, cancel)
	}
	host, err := t.newHost(ctx, log)
	if err != nil {
		return err
	}
	defer host.Close()
	temporal, err := t.dialPatiently(ctx, log)
	if err != nil {
		return err
	}
	defer temporal.Close()
	log.Info().Strs("queues", queues).Int("pid", os.Getpid()).Str("version", version).Msg("worker serves")
	err = workers.Run(ctx, workers.Config{
		Client: temporal, Host: host, Queues: queues, Keys: os.Getenv,
		Deployment: t.settings.Deployment, Build: cmp.Or(t.settings.Build, version),
	})
	log.Info().Err(err).Msg("worker ends")
	return err
}

// endWithInput cancels when the parent is gone, which closes our input.
func endWithInput(in io.Reader, cancel func()) {
	_, _ = io.Copy(io.Discard, in)
	cancel()
}

func (t *tool) workerLog() (zerolog.Logger, func(), error) {
	level, err := zerolog.ParseLevel(t.settings.LogLevel)
	if err != nil {
		return zerolog.Nop(), nil, t1.Errorf(t1.KindInvalid, "T1_LOG_LEVEL is %q; allowed are debug, info, warn, error", t.settings.LogLevel)
	}
	file, err := t.settings.openLog("worker")
	if err != nil {
		return zerolog.Nop(), nil, err
	}
	zerolog.TimeFieldFormat = time.RFC3339Nano
	return zerolog.New(file).Level(level).With().Timestamp().Logger(), func() { _ = file.Close() }, nil
}

// newHost opens what activities share.
func (t *tool) newHost(ctx context.Context, log zerolog.Logger) (*activities.Host, error) {
	store, err := t.openStore(ctx)
	if err != nil {
		return nil, err
	}
	process, err := t.newEngine()
	if err != nil {
		return nil, err
	}
	verifier, err := t.verifier()
	if err != nil {
		return nil, err
	}
	server, err := t.settings.vllmOptions()
	if err != nil {
		return nil, err
	}
	return &activities.Host{Store: store, Engine: process, VLLM: server, Verifier: verifier, Cache: t.settings.cacheDir(), Version: version, Log: log}, nil
}

// dialPatiently connects for a worker, whose server may be starting yet.
func (t *tool) dialPatiently(ctx context.Context, log zerolog.Logger) (client.Client, error) {
	const patience = 30 * time.Second
	options, _, err := t.connection()
	if err != nil {
		return nil, err
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(zerolog.NewSlogHandler(log)))
	options.Identity = fmt.Sprintf("t1-worker-%d", os.Getpid())
	for began := time.Now(); ; {
		c, err := client.DialContext(ctx, options)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if time.Since(began) > patience {
			return nil, t1.Errorf(t1.KindUnavailable, "Temporal does not answer at %s", options.HostPort).WithHint("t1 up")
		}
		time.Sleep(200 * time.Millisecond)
	}
}

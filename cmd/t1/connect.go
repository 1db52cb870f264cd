package main

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"

	"t1"
)

// defaultAddress is where `t1 up` starts Temporal, and where the plain temporal
// CLI looks for it.
const defaultAddress = "127.0.0.1:7233"

// connection reads how to reach Temporal from the environment and the
// configuration file of the temporal CLI, which are the SDK's to parse.
// external is false where they name no server: then ours is meant.
func (t *tool) connection() (options client.Options, external bool, err error) {
	options, err = envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{})
	if err != nil {
		return options, false, t1.Errorf(t1.KindInvalid, "temporal settings: %w", err)
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	if options.HostPort != "" {
		return options, true, nil
	}
	options.HostPort = defaultAddress
	up, err := t.settings.readUp()
	if err == nil && up.Address != "" {
		options.HostPort = up.Address
	}
	return options, false, nil
}

// dial connects for one command.
func (t *tool) dial(ctx context.Context) (client.Client, error) {
	options, _, err := t.connection()
	if err != nil {
		return nil, err
	}
	options.ConnectionOptions.GetSystemInfoTimeout = 3 * time.Second
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, t1.Errorf(t1.KindUnavailable, "Temporal does not answer at %s", options.HostPort).
			WithHint("t1 up, in another terminal; `t1 log` and `t1 report` need no Temporal")
	}
	return c, nil
}

// dialWhenUp connects once a `t1 up` that is starting has said where its server
// is, and that answers.
func (t *tool) dialWhenUp(ctx context.Context) (client.Client, error) {
	for {
		up, err := t.settings.readUp()
		if err == nil && up.WorkerPID != 0 {
			if c, err := t.dial(ctx); err == nil {
				return c, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

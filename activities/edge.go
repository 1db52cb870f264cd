package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"t1"
	"t1/infra/engine"
)

// beat reports progress of the work at hand: done of total units, and the
// tokens that went through.
type beat = engine.Progress

// unheard is for work outside an activity.
func unheard(int64, int64, int64) {}

// Progress is the heartbeat detail of an activity; `temporal workflow describe` shows it.
type Progress struct {
	Done   int64 `json:"done"`
	Total  int64 `json:"total"`
	Tokens int64 `json:"tokens"`
}

// edge runs an activity's body: heartbeats on real progress, ends it when the
// worker stops, and translates its error.
func edge[Out any](ctx context.Context, body func(context.Context, beat) (Out, error)) (Out, error) {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			cancel(t1.Errorf(t1.KindPreempted, "the worker is stopping"))
		case <-work.Done():
		}
	}()
	out, err := body(work, func(done, total, tokens int64) {
		activity.RecordHeartbeat(ctx, Progress{done, total, tokens})
	})
	if err != nil && ctx.Err() == nil && t1.KindOf(context.Cause(work)) == t1.KindPreempted {
		err = context.Cause(work)
	}
	return out, translate(ctx, err)
}

// translate makes the failure a workflow sees: the kind is its type, and the
// kind alone decides whether another attempt follows.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return ctx.Err() // cancelled, paused or timed out: Temporal knows which
	}
	kind := t1.KindOf(err)
	options := temporal.ApplicationErrorOptions{NonRetryable: !kind.Retryable()}
	if hint := t1.HintOf(err); hint != "" {
		options.Details = []any{hint}
	}
	if kind == t1.KindPreempted {
		options.Category = temporal.ApplicationErrorCategoryBenign
		options.NextRetryDelay = time.Second
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(kind), options)
}

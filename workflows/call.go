package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// attempts is how often the server tries an activity before the workflow hears
// of its failure; with the back-off below, four minutes of immediate failures.
//
// Nothing is bounded by ScheduleToClose: time also passes while no worker runs
// (a laptop that sleeps, a GPU that is waited for), and that is no failure.
const attempts = 10

// rounds is how often the workflow goes through attempts again, by the kind of
// the last failure. Being preempted says nothing about the work, and a store or
// an engine may well be away for half an hour; a bug is no better the next time.
func rounds(kind t1.Kind) int {
	switch kind {
	case t1.KindPreempted:
		return 50
	case t1.KindUnavailable:
		return 8
	}
	return 1
}

// call runs the activity that a method expression such as t1.Trainer.Update
// names, on the queue of its interface. The compiler checks in and out, which
// the SDK, keeping only the function's name, would not. The summary is what the
// web UI shows beside the activity.
func call[A, In, Out any](ctx workflow.Context, summary string, method func(A, context.Context, In) (Out, error), in In) (Out, error) {
	ctx = workflow.WithActivityOptions(ctx, options[A](ctx, summary))
	for round := 1; ; round++ {
		var out Out
		err := workflow.ExecuteActivity(ctx, method, in).Get(ctx, &out)
		if err == nil || ctx.Err() != nil {
			return out, err
		}
		kind, _, final := failure(err)
		if final || round >= rounds(kind) {
			return out, err
		}
	}
}

// options is the preset for the activities of one interface. The heartbeat
// timeout is the one set on ctx: whatever a worker does when it is killed must
// be noticed soon.
func options[A any](ctx workflow.Context, summary string) workflow.ActivityOptions {
	o := workflow.ActivityOptions{
		HeartbeatTimeout:    workflow.GetActivityOptions(ctx).HeartbeatTimeout,
		WaitForCancellation: true, // the engine must have let go before anything else is asked of it
		Summary:             summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: attempts,
		},
	}
	if o.HeartbeatTimeout == 0 { // the spec, which has it, is not read yet
		o.HeartbeatTimeout = time.Minute
	}
	// StartToClose only catches what beats for ever; the heartbeat finds the rest.
	switch any((*A)(nil)).(type) {
	case *t1.Control:
		o.TaskQueue, o.StartToCloseTimeout = t1.QueueControl, time.Hour
	case *t1.Trainer:
		o.TaskQueue, o.StartToCloseTimeout = t1.QueueTrain, 24*time.Hour
	case *t1.Sampler:
		o.TaskQueue, o.StartToCloseTimeout = t1.QueueSample, 24*time.Hour
	case *t1.Scorer:
		o.TaskQueue, o.StartToCloseTimeout = t1.QueueScore, 6*time.Hour
	case *t1.Synthesizer:
		o.TaskQueue, o.StartToCloseTimeout, o.HeartbeatTimeout = t1.QueueSynthesize, 6*time.Hour, time.Minute
	}
	return o
}

// fanOut does 0 to n-1, at most limit of them at once. It waits for all it
// began; after a failure it begins no more. The error is that of the lowest number.
func fanOut(ctx workflow.Context, n, limit int, do func(ctx workflow.Context, i int) error) error {
	errs := make([]error, n)
	failed := false
	slots, all := workflow.NewSemaphore(ctx, int64(limit)), workflow.NewWaitGroup(ctx)
	for i := range n {
		if err := slots.Acquire(ctx, 1); err != nil || failed {
			errs[i] = err
			break
		}
		all.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer all.Done()
			defer slots.Release(1)
			errs[i] = do(ctx, i)
			failed = failed || errs[i] != nil
		})
	}
	all.Wait(ctx)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Package workers puts activities and workflows on task queues: one
// constructor a queue. It reads neither flags nor environment; cmd does.
package workers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"t1"
	"t1/activities"
	"t1/workflows"
)

// Config is what the workers of one machine need.
type Config struct {
	Client client.Client
	Host   *activities.Host
	Queues []string            // which to serve; empty serves all
	Keys   func(string) string // API key in a variable of the environment, for the synthesis queue
	Grace  time.Duration       // for work in flight when the worker stops; 0 means 10 s

	// Worker versioning of the control queue. Deployment may be empty: then a run goes
	// on with whatever worker is there. Otherwise it stays with the Build that began
	// it, until it continues as new or is moved.
	Deployment, Build string
}

// Queues lists every task queue, in the order in which they start.
func Queues() []string {
	return []string{t1.QueueControl, t1.QueueScore, t1.QueueSample, t1.QueueTrain, t1.QueueSynthesize}
}

// constructors makes the worker of each queue.
var constructors = map[string]func(Config) worker.Worker{
	t1.QueueControl: control,
	t1.QueueTrain:   trainer,
	t1.QueueSample:  sampler,
	t1.QueueScore:   scorer,

	t1.QueueSynthesize: synthesizer,
}

// Run serves the queues until ctx ends, then drains: work in flight gets the
// grace, and what it could not finish goes on elsewhere. A worker that breaks
// ends Run with its error.
func Run(ctx context.Context, c Config) error {
	started, err := start(c)
	defer func() {
		for _, w := range slices.Backward(started) {
			w.Stop()
		}
	}()
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func start(c Config) ([]worker.Worker, error) {
	queues := c.Queues
	if len(queues) == 0 {
		queues = Queues()
	}
	var started []worker.Worker
	for _, queue := range queues {
		construct, known := constructors[queue]
		if !known {
			return started, t1.Errorf(t1.KindInvalid, "no task queue is called %q", queue).
				WithHint("the queues are %s", strings.Join(Queues(), ", "))
		}
		w := construct(c)
		if err := w.Start(); err != nil {
			return started, errors.Join(t1.Errorf(t1.KindUnavailable, "the worker of %s does not start: %w", queue, err))
		}
		started = append(started, w)
	}
	return started, nil
}

// options are shared by all queues. Beats are sent every 10 s at most apart, so
// that a cancellation arrives soon; the stop timeout is what lets an activity
// say where it got to.
func (c Config) options(slots int) worker.Options {
	grace := c.Grace
	if grace == 0 {
		grace = 10 * time.Second
	}
	return worker.Options{
		MaxConcurrentActivityExecutionSize: slots,
		WorkerStopTimeout:                  grace,
		MaxHeartbeatThrottleInterval:       10 * time.Second,
	}
}

// activityOnly serves a queue on which no workflow runs. A slot is taken before
// a task is, so a busy host takes none: the queue is the scheduler.
func (c Config) activityOnly(queue string, slots int, activities any) worker.Worker {
	options := c.options(slots)
	options.DisableWorkflowWorker = true
	options.DisableEagerActivities = true
	w := worker.New(c.Client, queue, options)
	w.RegisterActivity(activities)
	return w
}

// Only this queue has workflows, whose histories a build must be able to replay.
// An activity is one build's from its start to its end, and so its queue has no
// versions: old builds need no hosts of their own.
func control(c Config) worker.Worker {
	options := c.options(8)
	if c.Deployment != "" {
		options.DeploymentOptions = worker.DeploymentOptions{
			UseVersioning: true, DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
			Version: worker.WorkerDeploymentVersion{DeploymentName: c.Deployment, BuildID: c.Build},
		}
	}
	w := worker.New(c.Client, t1.QueueControl, options)
	workflows.Register(w)
	w.RegisterActivity(activities.NewControl(c.Host))
	return w
}

// The trainer holds one state, so it does one thing at a time.
func trainer(c Config) worker.Worker {
	return c.activityOnly(t1.QueueTrain, 1, activities.NewTrainer(c.Host))
}

// Two shards at once: while one is written, the next is sampled.
func sampler(c Config) worker.Worker {
	return c.activityOnly(t1.QueueSample, 2, activities.NewSampler(c.Host))
}

func scorer(c Config) worker.Worker {
	return c.activityOnly(t1.QueueScore, 2, activities.NewScorer(c.Host))
}

// What bounds these is the endpoints' own limits: an activity only waits.
func synthesizer(c Config) worker.Worker {
	return c.activityOnly(t1.QueueSynthesize, 256, activities.NewSynthesizer(c.Host, c.Keys))
}

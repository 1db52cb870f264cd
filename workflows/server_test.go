package workflows

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"t1"
)

// The history an iteration may make with 4 shards; see the design, section 5.
const (
	budgetEvents = 40
	budgetBytes  = 40_000
)

// TestOnAServer holds what the test environment only simulates: histories, the
// chain of executions, updates across it, resets, and the plain CLI.
func TestOnAServer(t *testing.T) {
	binary, err := filepath.Abs("../.bin/temporal")
	require.NoError(t, err)
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("the Temporal dev server is missing (%v); build it with: make setup", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	var server *testsuite.DevServer
	for range 3 { // it fails where another test takes one of the ports that it has drawn
		if server, err = testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
			ExistingPath: binary, LogLevel: "error", ClientOptions: &client.Options{Logger: quiet}, Stdout: io.Discard, Stderr: io.Discard,
		}); err == nil {
			break
		}
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	s := &onServer{ctx: ctx, client: server.Client(), binary: binary, address: server.FrontendHostPort(), world: newWorld(smallSpec(1))}
	s.serve(t)

	t.Run("names", s.names)
	t.Run("history budget", s.historyBudget)
	t.Run("updates over continue-as-new", s.updatesOverContinueAsNew)
	t.Run("plain CLI", s.plainCLI)
	t.Run("reset", s.reset)
	t.Run("recordings", s.recordings)
	t.Run("upgrade", s.upgrade) // the last: its deployment takes the queue over
}

type onServer struct {
	ctx             context.Context
	client          client.Client
	binary, address string
	world           *world // of the run at hand
}

// serve runs one worker a queue, as a deployment does, until the test ends. They
// serve all runs: a worker that stops may take a task with it, which then has to time out.
func (s *onServer) serve(t *testing.T) {
	control := worker.New(s.client, t1.QueueControl, worker.Options{})
	Register(control)
	control.RegisterActivity(&controlQueue{s.world})
	workers := []worker.Worker{control}
	for queue, activities := range map[string]any{
		t1.QueueTrain: &trainQueue{s.world}, t1.QueueSample: &sampleQueue{s.world}, t1.QueueScore: &scoreQueue{s.world},
	} {
		w := worker.New(s.client, queue, worker.Options{DisableWorkflowWorker: true})
		w.RegisterActivity(activities)
		workers = append(workers, w)
	}
	for _, w := range workers {
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
}

// temporal runs the CLI, as a user does.
func (s *onServer) temporal(t *testing.T, line string) string {
	cmd := exec.CommandContext(s.ctx, "sh", "-c", line)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(s.binary)+":"+os.Getenv("PATH"), "TEMPORAL_ADDRESS="+s.address)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", line, out)
	return string(out)
}

func (s *onServer) start(t *testing.T, run string) client.WorkflowRun {
	started, err := s.client.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: run, TaskQueue: t1.QueueControl}, t1.WorkflowTrain, emptySpec)
	require.NoError(t, err)
	return started
}

func (s *onServer) status(t *testing.T, run string) (status t1.Status) {
	value, err := s.client.QueryWorkflow(s.ctx, run, "", t1.QueryStatus)
	require.NoError(t, err)
	require.NoError(t, value.Get(&status))
	return status
}

func (s *onServer) until(t *testing.T, run string, is func(t1.Status) bool) t1.Status {
	for s.ctx.Err() == nil {
		if status := s.status(t, run); is(status) {
			return status
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the run did not get there")
	return t1.Status{}
}

// histories is the history of each execution in a run's chain, in order.
func (s *onServer) histories(t *testing.T, run, first string) []*history.History {
	var all []*history.History
	for next := first; next != ""; {
		h := &history.History{}
		events := s.client.GetWorkflowHistory(s.ctx, run, next, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(t, err)
			h.Events = append(h.Events, event)
		}
		all = append(all, h)
		next = h.Events[len(h.Events)-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return all
}

// replays checks that the code as it is makes the decisions that were recorded.
func replays(t *testing.T, run string, histories []*history.History) {
	for _, h := range histories {
		replayer := worker.NewWorkflowReplayer()
		Register(replayer)
		id := h.Events[0].GetWorkflowExecutionStartedEventAttributes().OriginalExecutionRunId
		options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: run, RunID: id}} // its ID is the run's name
		require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, h, options))
	}
}

func (s *onServer) historyBudget(t *testing.T) {
	spec := smallSpec(8)
	spec.SnapshotEvery, spec.Evaluation.At, spec.Evaluation.Problems, spec.Evaluation.ShardProblem = 7, []float64{0.75}, 512, 128
	s.world.begin(spec)
	s.world.fail = func(activity string, _ any) error {
		time.Sleep(20 * time.Millisecond) // under the world's lock: shards end one by one, which costs most events
		return nil
	}
	started := s.start(t, "budget")
	first := started.GetRunID()
	require.NoError(t, started.Get(s.ctx, nil))

	chain := s.histories(t, "budget", first)
	require.Len(t, chain, 1)
	costs := iterationCosts(t, chain[0], 8)
	// A collection comes after 1 and 7, a snapshot after 5, an evaluation after 6.
	// They make 36 to 39, and up to 6 more where every shard's end wakes the
	// workflow: at most 40 on average, and in every iteration without them.
	plain := map[int]bool{2: true, 3: true, 4: true}
	total := 0
	for i, c := range costs[:7] { // the last one's contain the end of the run
		t.Logf("iteration %d: %d events, %d bytes", i+1, c.events, c.bytes)
		assert.LessOrEqual(t, c.bytes, budgetBytes, "iteration %d", i+1)
		total += c.events
		if plain[i+1] {
			assert.LessOrEqual(t, c.events, budgetEvents, "iteration %d", i+1)
		}
	}
	assert.LessOrEqual(t, total, 7*budgetEvents, "with all of them")
	replays(t, "budget", chain)
}

type cost struct{ events, bytes int }

// iterationCosts is what lies between the first Sample of an iteration and that
// of the next.
func iterationCosts(t *testing.T, h *history.History, iterations int) []cost {
	costs := make([]cost, iterations)
	at := 0
	for _, event := range h.Events {
		if a := event.GetActivityTaskScheduledEventAttributes(); a != nil && a.ActivityType.Name == "Sample" {
			var in t1.SampleInput
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(a.Input, &in))
			at = max(at, in.Iteration)
		}
		if at > 0 {
			costs[at-1].events++
			costs[at-1].bytes += proto.Size(event)
		}
	}
	return costs
}

// Updates are sent without a break while the run continues as new after every
// iteration. Each must be answered by a run that knows it, and stay known.
func (s *onServer) updatesOverContinueAsNew(t *testing.T) {
	const iterations = 12
	spec, w := smallSpec(1000), s.world
	spec.RL.IterationsPerFlow = 1
	w.begin(spec)
	started := s.start(t, "updates")
	first := started.GetRunID()
	s.until(t, "updates", func(s t1.Status) bool { return s.Iteration > 0 })

	updates, done := 0, 0
	for done < iterations {
		updates++
		got := s.update(t, "updates", t1.UpdateSet, t1.Steering{Alpha: new(float64(updates))})
		require.Equal(t, float64(updates), *got.Steered.Alpha)
		done = got.Iteration
	}
	s.update(t, "updates", t1.UpdatePause)
	paused := s.until(t, "updates", func(s t1.Status) bool { return s.Phase == t1.PhasePaused })
	require.Equal(t, float64(updates), *paused.Steered.Alpha)
	s.update(t, "updates", t1.UpdateResume)
	s.until(t, "updates", func(s t1.Status) bool { return s.Iteration >= paused.Iteration+2 })
	s.update(t, "updates", t1.UpdateStop)
	var out Outcome
	require.NoError(t, started.Get(s.ctx, &out))

	assert.Equal(t, t1.PhaseStopped, out.Phase)
	before := 0.0
	for _, u := range w.updates[1:] {
		assert.GreaterOrEqual(t, u.Hyper.Alpha, before, "no execution forgot what the one before it was told")
		before = u.Hyper.Alpha
	}
	assert.Equal(t, float64(updates), before)
	chain := s.histories(t, "updates", first)
	t.Logf("%d updates over %d executions", updates+3, len(chain))
	assert.Greater(t, len(chain), iterations)
	replays(t, "updates", chain)
}

func (s *onServer) update(t *testing.T, run, name string, args ...any) (status t1.Status) {
	handle, err := s.client.UpdateWorkflow(s.ctx, client.UpdateWorkflowOptions{
		WorkflowID: run, UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(s.ctx, &status))
	return status
}

// A person has the CLI and nothing else. The command is the one status gives.
func (s *onServer) plainCLI(t *testing.T) {
	w := s.world
	w.begin(smallSpec(3))
	b := (&broken{"Update", 2, failing(t1.KindNumeric, "the loss is not finite", "")}).in(w)
	s.temporal(t, `temporal workflow start --type Train --task-queue t1-control --workflow-id plain --input '{"version":1}'`)
	parked := s.until(t, "plain", func(s t1.Status) bool { return s.Phase == t1.PhaseParked })
	assert.Contains(t, s.temporal(t, "temporal workflow query --workflow-id plain --type status"), "the loss is not finite")
	assert.Contains(t, s.temporal(t, "temporal workflow metadata --workflow-id plain"), "the loss is not finite")

	s.temporal(t, `temporal workflow update execute --workflow-id plain --name set --input '{"learning_rate":1e-7}'`)
	refused := s.temporal(t, `! temporal workflow update execute --workflow-id plain --name set --input '{"lr":1e-7}'`)
	assert.Contains(t, refused, "known are learning_rate, temperature, beta, alpha, evaluate_every and gap_limit")
	refused = s.temporal(t, `! temporal workflow update execute --workflow-id plain --name set`)
	assert.Contains(t, refused, "the input is missing")
	s.temporal(t, "temporal workflow update execute --workflow-id plain --name pause")
	s.temporal(t, "temporal workflow update execute --workflow-id plain --name resume")

	w.mu.Lock()
	b.err = nil
	w.mu.Unlock()
	s.temporal(t, parked.Parked.Command)
	assert.Contains(t, s.temporal(t, "temporal workflow result --workflow-id plain"), `"phase":"done"`)
	assert.Equal(t, 1e-7, w.updates[1].Hyper.LearningRate)
}

// A reset asks every activity again, and each finds its work: no record is made
// twice, and an evaluation's ID can be used again.
func (s *onServer) reset(t *testing.T) {
	w := s.world
	w.begin(smallSpec(3))
	var first, second Outcome
	require.NoError(t, s.start(t, "reset").Get(s.ctx, &first))
	chain, made := w.chain(), len(w.updates)
	s.temporal(t, "temporal workflow reset --workflow-id reset --type FirstWorkflowTask --reason test")
	require.NoError(t, s.client.GetWorkflow(s.ctx, "reset", "").Get(s.ctx, &second))

	assert.Equal(t, first, second)
	assert.Equal(t, chain, w.chain())
	assert.Equal(t, made, len(w.updates))
	assert.Equal(t, 2*made, w.calls["Update"], fmt.Sprint(w.calls))
}

package workflows

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"

	"t1"
)

// recordings are histories of commits that were released, one folder a commit,
// one file an execution: <workflow ID>.<place in its chain>.json.gz, "/" in the
// ID written as "+". They are made by
//
//	T1_RECORD_REPLAY=$(git rev-parse --short HEAD) go test -count=1 -run TestOnAServer/recordings ./workflows
//
// on the commit that they are of, never on the one under test.
const recordings = "testdata/replay"

// scenarios are what every folder holds.
var scenarios = []string{"continue-as-new", "pause-and-resume", "set", "stop", "park-and-resolve", "evaluation"}

// The code as it is makes the decisions that were recorded: a run that is under
// way when its worker is replaced by this one goes on.
func TestRecordedHistoriesReplay(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(recordings, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, folders, "no recordings")
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(folder, "*.json.gz"))
			require.NoError(t, err)
			var seen []string
			for _, file := range files {
				id, _, _ := strings.Cut(filepath.Base(file), ".")
				seen = append(seen, strings.TrimPrefix(id, "replay-"))
				replays(t, strings.ReplaceAll(id, "+", "/"), []*history.History{recorded(t, file)})
			}
			for _, scenario := range scenarios {
				assert.True(t, slices.ContainsFunc(seen, func(id string) bool { return strings.HasPrefix(id, scenario) }), "no history of %s", scenario)
			}
		})
	}
}

func recorded(t *testing.T, file string) *history.History {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	h, err := client.HistoryFromJSON(z, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return h
}

// recordings plays every scenario, and keeps the histories where a commit is named.
func (s *onServer) recordings(t *testing.T) {
	play := map[string]func(t *testing.T, run string){
		"continue-as-new":  func(t *testing.T, run string) { s.spec(1, 5); s.finish(t, run) },
		"evaluation":       func(t *testing.T, run string) { s.spec(20, 2); s.finish(t, run) },
		"pause-and-resume": s.pauseAndResume,
		"set":              s.setSomething,
		"stop":             s.stopIt,
		"park-and-resolve": s.parkAndResolve,
	}
	for _, scenario := range scenarios {
		t.Run(scenario, func(t *testing.T) {
			run := "replay-" + scenario
			play[scenario](t, run)
			s.keep(t, run)
			if scenario == "evaluation" {
				s.keep(t, s.evaluation(t, run))
			}
		})
	}
}

// spec begins a world whose runs have so many iterations, and so many an execution.
func (s *onServer) spec(perFlow, iterations int) {
	spec := smallSpec(iterations)
	spec.RL.IterationsPerFlow, spec.SnapshotEvery, spec.Evaluation.At = perFlow, 2, []float64{0.5, 1}
	s.world.begin(spec)
}

func (s *onServer) finish(t *testing.T, run string) {
	require.NoError(t, s.start(t, run).Get(s.ctx, nil))
}

func (s *onServer) pauseAndResume(t *testing.T, run string) {
	s.spec(3, 6)
	started := s.start(t, run)
	s.until(t, run, func(s t1.Status) bool { return s.Iteration > 0 })
	s.update(t, run, t1.UpdatePause)
	s.until(t, run, func(s t1.Status) bool { return s.Phase == t1.PhasePaused })
	s.update(t, run, t1.UpdateSnapshot)
	s.update(t, run, t1.UpdateEvaluate)
	s.update(t, run, t1.UpdateResume)
	require.NoError(t, started.Get(s.ctx, nil))
}

func (s *onServer) setSomething(t *testing.T, run string) {
	s.spec(2, 1000)
	started := s.start(t, run)
	s.until(t, run, func(s t1.Status) bool { return s.Iteration > 0 })
	at := s.update(t, run, t1.UpdateSet, t1.Steering{LearningRate: new(1e-6), Alpha: new(0.5)})
	s.until(t, run, func(s t1.Status) bool { return s.Iteration > at.Iteration+2 })
	s.update(t, run, t1.UpdateStop)
	require.NoError(t, started.Get(s.ctx, nil))
}

func (s *onServer) stopIt(t *testing.T, run string) {
	s.spec(20, 1000)
	started := s.start(t, run)
	s.until(t, run, func(s t1.Status) bool { return s.Iteration > 1 })
	s.update(t, run, t1.UpdateStop)
	require.NoError(t, started.Get(s.ctx, nil))
}

func (s *onServer) parkAndResolve(t *testing.T, run string) {
	s.spec(20, 4)
	b := (&broken{"Update", 2, failing(t1.KindNumeric, "the loss is not finite", "")}).in(s.world)
	started := s.start(t, run)
	s.until(t, run, func(s t1.Status) bool { return s.Phase == t1.PhaseParked })
	s.world.mu.Lock()
	b.err = nil
	s.world.mu.Unlock()
	s.update(t, run, t1.UpdateResolve, t1.Resolution{Action: "retry"})
	require.NoError(t, started.Get(s.ctx, nil))
}

// keep writes the histories of a workflow's chain, and replays them at once.
func (s *onServer) keep(t *testing.T, id string) {
	chain := s.histories(t, id, s.first(t, id))
	replays(t, id, chain)
	commit := os.Getenv("T1_RECORD_REPLAY")
	if commit == "" {
		return
	}
	folder := filepath.Join(recordings, commit)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	for i, h := range chain {
		data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(h)
		require.NoError(t, err)
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s.%d.json.gz", strings.ReplaceAll(id, "/", "+"), i)))
		require.NoError(t, err)
		z := gzip.NewWriter(f)
		_, err = z.Write(data)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		require.NoError(t, f.Close())
	}
}

// first is the run ID of the first execution of a workflow's chain.
func (s *onServer) first(t *testing.T, id string) string {
	description, err := s.client.DescribeWorkflowExecution(s.ctx, id, "")
	require.NoError(t, err)
	return description.WorkflowExecutionInfo.FirstRunId
}

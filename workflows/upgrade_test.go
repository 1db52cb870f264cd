package workflows

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"t1"
)

// A live run moves from one build of the control worker to the next, and the old
// build may then be stopped: the records are those of a run that one build did.
// The server of `t1 up`, 1.29, leaves a run with its build over a continue-as-new,
// so the run is moved as docs/operations.md says.
func (s *onServer) upgrade(t *testing.T) {
	w := s.world
	spec := smallSpec(6)
	spec.RL.IterationsPerFlow = 2
	w.begin(spec)
	require.NoError(t, s.start(t, "upgrade").Get(s.ctx, nil))
	want := w.chain()

	w.begin(spec)
	var stand atomic.Bool
	stand.Store(true)
	w.fail = func(activity string, _ any) error {
		for activity == "Update" && len(w.updates) == 1 && stand.Load() { // in the run's first execution
			time.Sleep(10 * time.Millisecond)
		}
		return nil
	}
	old := s.build(t, "old")
	started := s.start(t, "upgrade")
	first := started.GetRunID()
	s.until(t, "upgrade", func(s t1.Status) bool { return s.Iteration == 1 })
	s.build(t, "new")
	s.temporal(t, "temporal workflow update-options --workflow-id upgrade --versioning-override-behavior pinned "+
		"--versioning-override-deployment-name t1 --versioning-override-build-id new")
	stand.Store(false)
	s.until(t, "upgrade", func(s t1.Status) bool { return s.Iteration >= 3 })
	old.Stop()
	require.NoError(t, started.Get(s.ctx, nil))

	assert.Equal(t, want, w.chain())
	chain := s.histories(t, "upgrade", first)
	require.Len(t, chain, 3)
	assert.Equal(t, []string{"old", "new"}, builds(chain[0]))
	assert.Equal(t, []string{"new"}, builds(chain[1]))
	assert.Equal(t, []string{"new"}, builds(chain[2]))
}

// build starts a control worker and makes its build the current one.
func (s *onServer) build(t *testing.T, id string) worker.Worker {
	version := worker.WorkerDeploymentVersion{DeploymentName: "t1", BuildID: id}
	w := worker.New(s.client, t1.QueueControl, worker.Options{DeploymentOptions: worker.DeploymentOptions{
		UseVersioning: true, Version: version, DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}})
	Register(w)
	w.RegisterActivity(&controlQueue{s.world})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	deployment := s.client.WorkerDeploymentClient().GetHandle("t1")
	require.EventuallyWithT(t, func(t *assert.CollectT) { // the server hears of it when it polls
		_, err := deployment.SetCurrentVersion(s.ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: id})
		assert.NoError(t, err)
	}, 20*time.Second, 100*time.Millisecond)
	return w
}

// builds are those that made an execution's decisions, in order.
func builds(h *history.History) (ids []string) {
	for _, event := range h.Events {
		id := event.GetWorkflowTaskCompletedEventAttributes().GetDeploymentVersion().GetBuildId()
		if id != "" && (len(ids) == 0 || ids[len(ids)-1] != id) {
			ids = append(ids, id)
		}
	}
	return ids
}

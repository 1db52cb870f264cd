package main

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"t1"
	"t1/plan"
)

// A real run leaves about as many bytes as were predicted before it, of each
// kind and in all; afterwards it can be predicted from. Nothing is asserted of
// times but that every phase has one.
func TestPlanOfARealRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.planned()
	w.up()
	w.run("t1", "train", tiny(t), "--run", "planned", "--wait")
	var status t1.Status
	w.eventually(time.Minute, "end of the run", func() bool { status, _ = w.status("planned"); return status.Phase == t1.PhaseDone })

	after := w.planned("--measured", "planned")
	kept := w.kept("planned")
	t.Logf("kept %v\npredicted %+v\nmeasured %+v", kept, before.Storage, after.Storage)
	total := 0.0
	for _, bytes := range kept {
		total += bytes
	}
	// Before the run, its lengths are a guess: what it leaves in all, and what does not depend on them.
	near(t, "in all, before", before.Storage.Total, total)
	near(t, "policies", before.Storage.Policies, kept["policy"])
	near(t, "snapshots", before.Storage.Snapshots, kept["snapshot"])
	near(t, "log", before.Storage.Log, kept["log"]+kept["observed"])
	near(t, "in all, lengths known", after.Storage.Total, total)
	near(t, "rollouts, lengths known", after.Storage.Rollouts, kept["rollouts"]+kept["pool.json"])
	for _, phase := range plan.Phases {
		if hours := after.Instances[0].Hours[phase]; !(hours > 0) {
			t.Errorf("%s takes %g hours", phase, hours)
		}
	}
}

// near asks for a fifth.
func near(t *testing.T, what string, predicted, measured float64) {
	t.Helper()
	if ratio := predicted / measured; !(ratio > 0.8 && ratio < 1.2) {
		t.Errorf("%s: predicted %.0f bytes, there are %.0f: ratio %.2f", what, predicted, measured, ratio)
	}
}

func (w *world) planned(more ...string) plan.Plan {
	w.Helper()
	var p plan.Plan
	out := w.run("t1", append([]string{"plan", tiny(w), "--instances", "local", "--json"}, more...)...)
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		w.Fatal(err)
	}
	return p
}

// kept is the bytes of files below a run's directory, by the first part of their
// path, and of the data sets.
func (w *world) kept(run string) map[string]float64 {
	w.Helper()
	store := filepath.Join(w.home, "store")
	bytes := map[string]float64{}
	err := filepath.WalkDir(store, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(store, path)
		name = strings.TrimPrefix(filepath.ToSlash(name), t1.RunKey(run)+"/")
		first, _, _ := strings.Cut(name, "/")
		bytes[first] += float64(info.Size())
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return bytes
}

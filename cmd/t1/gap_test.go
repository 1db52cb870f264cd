package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"t1"
)

// farFromTheTrainer follows docs/vllm.md with a run whose sampler is farther from
// the trainer than its spec allows, as every sampler is from a limit of 1e-12 nats:
// a fork of the run of docs/operations.md.
func (w *world) farFromTheTrainer() {
	w.Helper()
	w.run("t1", "fork", "demo", "--at", "2", "--run", "countdown", "--set", "sampler.gap_limit=1e-12", "--set", "rl.iterations=4", "--set", "evaluation.at=[]")
	parked := w.parkedAt("iteration 1 of 4")
	if parked.Kind != t1.KindSamplerGap || !strings.Contains(parked.Reason, "iteration 1 was not trained on") || !strings.Contains(parked.Reason, "allowed are 1e-12 in the mean") {
		w.Errorf("parked: %+v", parked)
	}
	var before, again map[string]os.FileInfo
	w.follow(runnable(w, "docs/vllm.md"), nil, map[string]func(string){
		"countdown skip": func(string) {
			w.parkedAt("iteration 2 of 4")
			before = w.blocks("countdown", 2)
		},
		"countdown resample": func(string) {
			w.parkedAt("iteration 2 of 4")
			again = w.blocks("countdown", 2)
			if len(before) == 0 || len(again) != len(before) || sameFiles(before, again) {
				w.Errorf("blocks sampled anew: %v, before %v", again, before)
			}
		},
		"countdown --gap-limit": func(string) {},
		"countdown retry": func(string) {
			w.until("countdown", "end", done)
			if now := w.blocks("countdown", 2); !sameFiles(again, now) {
				w.Errorf("a retry samples anew: %v, before %v", now, again)
			}
		},
	})
	var made []int
	for _, line := range w.logged("countdown") {
		if line.Kind == t1.RecordUpdate {
			made = append(made, line.Iteration)
		}
	}
	if !slices.Equal(made, []int{2, 3, 4}) {
		w.Errorf("records of iterations %v; want all but the one that was skipped", made)
	}
}

// parkedAt waits until the run is parked at a step. Once resolve has answered, it
// is not, until that step fails again.
func (w *world) parkedAt(step string) *t1.Parked {
	w.Helper()
	return w.until("countdown", "parked", func(s t1.Status) bool { return s.Parked != nil && s.Parked.Step == step }).Parked
}

// blocks are the blocks of rollouts of an iteration, by name.
func (w *world) blocks(run string, iteration int) map[string]os.FileInfo {
	w.Helper()
	found, err := filepath.Glob(filepath.Join(w.home, "store", filepath.Dir(t1.BlockKey(run, iteration, 0, 0)), "*.parquet"))
	if err != nil {
		w.Fatal(err)
	}
	blocks := map[string]os.FileInfo{}
	for _, path := range found {
		if info, err := os.Stat(path); err == nil {
			blocks[path] = info
		}
	}
	return blocks
}

// sameFiles reports whether files were not written again; a new file may have the
// number of one that was deleted, but not its time.
func sameFiles(a, b map[string]os.FileInfo) bool {
	return maps.EqualFunc(a, b, func(a, b os.FileInfo) bool { return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) })
}

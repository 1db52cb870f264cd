package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"t1"
)

// farFromTheTrainer has a run whose sampler is farther from the trainer than its
// spec allows, as every sampler is from a limit of 1e-12 nats, and gives it the
// commands of docs/vllm.md as they stand there, in their order.
func (w *world) farFromTheTrainer() {
	w.Helper()
	w.run("t1", "fork", "demo", "--at", "2", "--run", "countdown", "--set", "sampler.gap_limit=1e-12", "--set", "rl.iterations=4", "--set", "evaluation.at=[]")
	parked := w.parkedAt("iteration 1 of 4")
	if parked.Kind != t1.KindSamplerGap || !strings.Contains(parked.Reason, "iteration 1 was not trained on") || !strings.Contains(parked.Reason, "allowed are 1e-12 in the mean") {
		w.Errorf("parked: %+v", parked)
	}
	commands := w.waysOn()
	if len(commands) != 4 {
		w.Fatalf("docs/vllm.md has commands %q", commands)
	}

	w.run("t1", commands[0]...) // skip
	w.parkedAt("iteration 2 of 4")
	before := w.blocks("countdown", 2)

	w.run("t1", commands[1]...) // resample
	w.parkedAt("iteration 2 of 4")
	again := w.blocks("countdown", 2)
	if len(before) == 0 || len(again) != len(before) || sameFiles(before, again) {
		w.Errorf("blocks sampled anew: %v, before %v", again, before)
	}

	w.run("t1", commands[2]...) // set
	w.run("t1", commands[3]...) // retry
	w.until("countdown", "end", done)
	if now := w.blocks("countdown", 2); !sameFiles(again, now) {
		w.Errorf("a retry samples anew: %v, before %v", now, again)
	}
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

// waysOn are the commands of docs/vllm.md for a run that parked.
func (w *world) waysOn() (commands [][]string) {
	w.Helper()
	page, err := os.ReadFile(filepath.Join(root(w), "docs", "vllm.md"))
	if err != nil {
		w.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^t1 ([^#\n]*)`).FindAllStringSubmatch(string(page), -1) {
		commands = append(commands, strings.Fields(found[1]))
	}
	return commands
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

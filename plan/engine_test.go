package plan_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"t1"
	"t1/infra/engine"
	"t1/infra/parquet"
	"t1/plan"
)

// words is the vocabulary of these tests.
func words() []string {
	var all []string
	for i := range 40 {
		all = append(all, fmt.Sprintf("w%d", i))
	}
	return all
}

// The peak of a real engine that takes two optimizer steps lies within a fifth
// of what is predicted, where weights are most of it and where activations are,
// in float32 and in bfloat16.
func TestMemoryOfTheRealEngine(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("a peak is read from /proc, which is Linux's")
	}
	wide := t1.ScratchSpec{HiddenSize: 1024, IntermediateSize: 2816, Layers: 3, Heads: 8, KVHeads: 8, RopeTheta: 10000, TieEmbeddings: true}
	middle := t1.ScratchSpec{HiddenSize: 320, IntermediateSize: 896, Layers: 8, Heads: 5, KVHeads: 5, RopeTheta: 10000, TieEmbeddings: true}
	deep := t1.ScratchSpec{HiddenSize: 128, IntermediateSize: 512, Layers: 16, Heads: 4, KVHeads: 4, RopeTheta: 10000, TieEmbeddings: true}
	for name, test := range map[string]steps{
		"fine-tuning": {wide, 2, 2, 24, plan.Float32, true},
		"weights":     {wide, 2, 2, 24, plan.Float32, false},
		"bfloat16":    {middle, 2, 16, 120, plan.BFloat16, false}, // twice the activations would be a quarter too many
		"activations": {deep, 1, 16, 120, plan.Float32, false},
	} {
		t.Run(name, func(t *testing.T) {
			measured := peakOfSteps(t, test)
			a, err := plan.Assumptions{}.Resolve()
			if err != nil {
				t.Fatal(err)
			}
			tokens := float64(test.prompts * test.k * (test.length + promptTokens)) // one micro-batch
			load := plan.Load{Micro: tokens, Anchored: true}
			if test.fineTune {
				load = plan.Load{Supervised: tokens}
			}
			layout := plan.Layout{Trainers: 1, Precision: test.precision, MicroTokens: int(tokens)}
			predicted := plan.NewHostMemory(plan.ScratchShape(test.scratch, len(words())), layout, load, a)
			t.Logf("measured %.0f MB, predicted %.0f MB: %+v", measured/1e6, predicted.Peak/1e6, predicted)
			if ratio := predicted.Peak / measured; ratio < 0.8 || ratio > 1.2 {
				t.Errorf("predicted / measured is %.2f", ratio)
			}
			if share := (predicted.Peak - predicted.Process) / predicted.Peak; share < 0.4 {
				t.Errorf("the model is %.2f of the process: too little to show anything", share)
			}
		})
	}
}

const promptTokens = 3

// steps is what an engine is asked to do: two steps on so many responses to each
// of some prompts, or on as many demonstrations.
type steps struct {
	scratch            t1.ScratchSpec
	prompts, k, length int
	precision          string
	fineTune           bool
}

// peakOfSteps is the most memory, in bytes, that an engine ever had which opened
// a model and took the steps.
func peakOfSteps(t *testing.T, s steps) float64 {
	t.Helper()
	ctx := context.Background()
	dir, err := filepath.Abs("../engine")
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(dir, ".venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("no engine environment: run `make setup` first (%v)", err)
	}
	process := engine.New(engine.Options{Python: python, Dir: dir, Log: filepath.Join(t.TempDir(), "engine.log"), Threads: 2, Trainers: engine.Trainers{Precision: s.precision}, Stall: 5 * time.Minute})
	t.Cleanup(process.Close)
	client, err := process.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	state, err := client.OpenScratch(ctx, t1.InitStep{Seed: 1, Scratch: s.scratch, Vocabulary: words()})
	if err != nil {
		t.Fatal(err)
	}
	if want := plan.ScratchShape(s.scratch, len(words())).Parameters().Total; state.Parameters != want {
		t.Errorf("the engine has %d parameters, the plan %d", state.Parameters, want)
	}
	if s.fineTune {
		fineTuneTwice(ctx, t, client, state.Digest, s.prompts*s.k, s.length)
		return peakOf(t, process.PID())
	}
	rollouts, scores := writeRollouts(t, s.prompts, s.k, s.length)
	rl := t1.DefaultSpec().RL
	hyper := t1.Hyper{LearningRate: 1e-3, Beta: rl.Beta, Alpha: rl.Alpha, ClipRatio: rl.ClipRatio, Aggregation: rl.Aggregation, Temperature: 1, TopP: 1, Optimizer: rl.Optimizer}
	for parent, step := state.Digest, 0; step < 2; step++ {
		result, err := client.Update(ctx, parent, []string{rollouts}, scores, hyper, t1.AnchorMove{Action: "ema", Coefficient: 0.9}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		parent = result.Digest
	}
	return peakOf(t, process.PID())
}

// fineTuneTwice makes two records of one step each.
func fineTuneTwice(ctx context.Context, t *testing.T, client *engine.Client, parent t1.Digest, rows, length int) {
	t.Helper()
	traces := make([]t1.Trace, rows)
	for i := range traces {
		traces[i] = t1.Trace{Problem: fmt.Sprint(i), Prompt: []int32{3, 4, 5}}
		for n := range length {
			traces[i].Response = append(traces[i].Response, int32(3+(i+n)%30))
		}
	}
	path := filepath.Join(t.TempDir(), "traces.parquet")
	writeRows(t, path, traces)
	for step := range 2 {
		result, err := client.FineTune(ctx, parent, path, t1.SFTStep{Seed: 1, BatchSize: rows, From: step, To: step + 1, Total: 2, Optimizer: t1.DefaultSpec().SFT.Optimizer}, nil)
		if err != nil {
			t.Fatal(err)
		}
		parent = result.Digest
	}
}

// writeRollouts writes one block and its scores, as a sampler and a scorer do.
func writeRollouts(t *testing.T, prompts, k, length int) (block, scores string) {
	t.Helper()
	var rows []t1.Rollout
	var rewards []t1.Score
	for p := range prompts {
		for sample := range k {
			row := t1.Rollout{Problem: fmt.Sprint(p), Sample: int32(sample), Prompt: []int32{3, 4, 5}, Finish: t1.FinishLength}
			for i := range length {
				row.Tokens, row.LogProbs = append(row.Tokens, int32(3+(7*p+3*sample+i)%30)), append(row.LogProbs, -3)
			}
			rows = append(rows, row)
			rewards = append(rewards, t1.Score{Problem: row.Problem, Sample: row.Sample, Reward: float64(sample % 2)})
		}
	}
	block, scores = filepath.Join(t.TempDir(), "block.parquet"), filepath.Join(t.TempDir(), "scores.parquet")
	writeRows(t, block, rows)
	writeRows(t, scores, rewards)
	return block, scores
}

func writeRows[T any](t *testing.T, path string, rows []T) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := parquet.Write(file, rows); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// peakOf is the largest resident memory a process ever had, in bytes.
func peakOf(t *testing.T, pid int) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	kilobytes, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes * 1024
}

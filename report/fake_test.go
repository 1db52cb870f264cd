package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"t1"
)

// fakeInput is a run that went well: SFT, a pool, so many iterations, five
// evaluations, four responses. The same arguments make the same input.
func fakeInput(iterations int) Input {
	spec := t1.DefaultSpec()
	spec.Pool.PassRate = []float64{0, 0.9}
	spec.RL.Iterations, spec.RL.Prompts, spec.RL.K, spec.RL.MaxTokens = iterations, 16, 16, 160
	spec.RL.Optimizer.LearningRate, spec.SFT.Optimizer.LearningRate, spec.RL.Temperature = 3e-4, 2e-3, 1
	spec.RL.Anchor.Coefficient = -1
	spec.Evaluation.MaxTokens, spec.Evaluation.Problems, spec.Evaluation.Scaling.Caps = 160, 512, []int{8, 16, 32, 64, 128}
	f := &faker{rand: rand.New(rand.NewPCG(7, 1)), now: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), in: Input{
		Run: "countdown-demo", Spec: spec, Cue: "answer", Tool: "t1 v0.1.0", MadeAt: "2025-01-02T03:30:00Z", Phase: t1.PhaseDone,
	}}
	f.init()
	for step := 0; step < 375; step += 25 {
		f.fineTune(step)
	}
	f.evaluate(0, 0)
	f.pool()
	for i := 1; i <= iterations; i++ {
		f.update(i, float64(i)/float64(iterations))
		for _, share := range spec.Evaluation.At {
			if i == int(math.Round(share*float64(iterations))) {
				f.evaluate(i, share)
			}
		}
	}
	f.in.Examples = fakeExamples(iterations)
	return f.in
}

type faker struct {
	rand *rand.Rand
	now  time.Time
	in   Input
}

func (f *faker) noise(size float64) float64 { return f.rand.NormFloat64() * size }

func (f *faker) record(r t1.Record, seconds map[string]float64, tokens map[string]int64) {
	r.Schema, r.Run, r.Seq = 1, f.in.Run, len(f.in.Records)
	if r.Seq > 0 {
		r.Parent, r.Previous = f.in.Records[r.Seq-1].Result, string(digest("bytes", r.Seq-1))
	}
	r.Result, r.Policy = digest("state", r.Seq), digest("policy", r.Seq)
	r.Environment = map[string]string{"machine": "x86_64", "torch": "2.9.1+cpu", "threads": "2", "python": "3.11.7", "processor": "AMD EPYC 9R14"}
	f.in.Records = append(f.in.Records, r)
	f.now = f.now.Add(time.Duration((seconds["activity"] + seconds["sample"] + seconds["score"] + 0.4) * float64(time.Second)))
	f.in.Observations = append(f.in.Observations, t1.Observation{
		Seq: r.Seq, FinishedAt: f.now.Format("2006-01-02T15:04:05.000Z07:00"), Seconds: seconds, Tokens: tokens,
	})
}

func (f *faker) init() {
	words := make([]string, 128)
	f.record(t1.Record{Kind: t1.RecordInit, Init: &t1.InitStep{Seed: 1, Scratch: f.in.Spec.Model.Scratch, Vocabulary: words}}, map[string]float64{"activity": 1.8}, nil)
}

func (f *faker) fineTune(step int) {
	done := float64(step+25) / 375
	f.record(t1.Record{Kind: t1.RecordSFT, SFT: &t1.SFTStep{From: step, To: step + 25, Total: 375, BatchSize: 128}, Metrics: map[string]float64{
		"loss": 0.42 + 2.6*math.Exp(-6*done) + f.noise(0.01), "grad_norm": 0.5 + 1.4*math.Exp(-4*done) + f.noise(0.03),
		"learning_rate": 1e-3 * (1 + math.Cos(math.Pi*done)), "tokens": 190000,
	}}, map[string]float64{"activity": 9 + f.noise(0.4), "compute": 8.6, "engine_compute": 8.4}, map[string]int64{"compute": 190000})
}

func (f *faker) pool() {
	f.now = f.now.Add(21 * time.Second)
	f.in.Pool = &t1.Pool{Tried: 1000, PassRate: f.in.Spec.Pool.PassRate}
	for i := range 713 {
		f.in.Pool.Problems = append(f.in.Pool.Problems, t1.PoolEntry{Index: i, PassRate: 0.4})
	}
}

func (f *faker) update(i int, done float64) {
	grown := 1 - math.Exp(-2.5*done)
	accuracy, over := 0.33+0.33*grown+f.noise(0.03), 0.05*math.Exp(-4*done)
	length := 58 + 24*grown + f.noise(1.5)
	metrics := map[string]float64{
		"reward": accuracy - over - 0.04, "accuracy": accuracy, "response_length": length, "penalized": over + 0.02,
		"penalty_repetition": max(0, 0.02*math.Exp(-3*done)+f.noise(0.002)), "penalty_over_length": max(0, over+f.noise(0.004)),
		"penalty_foreign_script": 0, "penalty_nonsense": max(0, 0.012+f.noise(0.003)),
		"loss": f.noise(0.01), "pg_loss": f.noise(0.01), "entropy": 0.31 - 0.06*done + f.noise(0.006), "kl": 0.2 + 1.1*grown + f.noise(0.08), "kl_token": 0.01,
		"grad_norm": 0.42 + 0.2*math.Abs(f.noise(1)), "clip_fraction": 0, "logprob_gap_mean": 2e-7, "logprob_gap_max": 4e-6 + math.Abs(f.noise(1e-6)),
		"tokens": length * 256, "padding": 0.21, "learning_rate": 3e-4 * min(1, float64(i)/(0.05*float64(f.in.Spec.RL.Iterations))),
	}
	step := &t1.UpdateStep{Iteration: i, Hyper: t1.Hyper{LearningRate: metrics["learning_rate"], Beta: 2e-4, Alpha: 1e-3, Temperature: 1, Optimizer: f.in.Spec.RL.Optimizer}}
	if done > 0.5 {
		step.Hyper.Temperature = 1.1
	}
	f.record(t1.Record{Kind: t1.RecordUpdate, Update: step, Metrics: metrics}, map[string]float64{
		"activity": 2.2 + math.Abs(f.noise(0.2)), "compute": 2, "engine_compute": 1.9, "sample": 4.1 + grown + math.Abs(f.noise(0.3)), "engine_sample": 4, "score": 0.3,
	}, map[string]int64{"sample": int64(length * 256), "compute": int64(length * 256)})
}

func digest(what string, n int) t1.Digest {
	r := rand.New(rand.NewPCG(t1.SeedFor(int64(n), what), 0))
	return t1.Digest(fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()))
}

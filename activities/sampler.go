package activities

import (
	"context"
	"slices"
	"time"

	"t1"
	"t1/infra/engine"
)

// Sampler serves t1.Sampler.
type Sampler struct{ host *Host }

// NewSampler serves the sampler's queue on a host with an engine.
func NewSampler(host *Host) *Sampler { return &Sampler{host} }

var _ t1.Sampler = (*Sampler)(nil)

// Sample makes the blocks of one shard. A block is written as soon as it is
// complete, and one that is there is not sampled again.
func (s *Sampler) Sample(ctx context.Context, in t1.SampleInput) (t1.SampleOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.SampleOutput, error) { return s.host.sample(ctx, in, beat) })
}

func (h *Host) sample(ctx context.Context, in t1.SampleInput, beat beat) (t1.SampleOutput, error) {
	start := time.Now()
	problems, err := h.prompts(ctx, in)
	if err != nil {
		return t1.SampleOutput{}, err
	}
	var out t1.SampleOutput
	block := 0
	for chunk := range slices.Chunk(problems, in.BlockPrompts) {
		if err := h.sampleBlock(ctx, in, block, chunk, &out, beat); err != nil {
			return t1.SampleOutput{}, err
		}
		block++
	}
	out.Seconds = time.Since(start).Seconds()
	return out, nil
}

// prompts gives the shard's problems, in order.
func (h *Host) prompts(ctx context.Context, in t1.SampleInput) ([]t1.Problem, error) {
	data, err := h.data(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	rows, err := h.problemSet(ctx, data.Train)
	if err != nil {
		return nil, err
	}
	if in.Iteration == t1.PoolIteration {
		return rows[in.From:in.To], nil
	}
	pool, err := h.pool(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	drawn := make([]t1.Problem, len(in.Problems))
	for i, position := range in.Problems {
		drawn[i] = rows[pool.Problems[position].Index]
	}
	return drawn, nil
}

func (h *Host) sampleBlock(ctx context.Context, in t1.SampleInput, block int, problems []t1.Problem, out *t1.SampleOutput, beat beat) error {
	key := t1.BlockKey(in.Run, in.Iteration, in.Shard, block)
	out.Responses += len(problems) * in.Samples
	ref, err := h.Store.Head(ctx, key)
	if err == nil {
		out.Blocks = append(out.Blocks, ref)
		out.Found++
		return nil
	}
	if t1.KindOf(err) != t1.KindNotFound {
		return err
	}
	client, err := h.engine(ctx, in.Run, beat)
	if err != nil {
		return err
	}
	rows, done, err := h.respond(ctx, client, in.Run, generation{
		Policy: in.Policy, Problems: problems, Samples: in.Samples, Temperature: in.Temperature, TopP: in.TopP, MaxTokens: in.MaxTokens,
		Seed: func(p t1.Problem) uint64 { return t1.SeedFor(in.Seed, "sample", in.Iteration, p.ID) },
	}, beat)
	if err != nil {
		return err
	}
	out.Tokens += done.Tokens
	out.EngineSeconds += done.Seconds
	ref, err = h.keepFirst(ctx, key, rows)
	out.Blocks = append(out.Blocks, ref)
	return err
}

// keepFirst stores rows unless another attempt was first: then its rows count,
// since something may rest on them already.
func (h *Host) keepFirst(ctx context.Context, key string, rows []t1.Rollout) (t1.Ref, error) {
	ref, err := keepRows(ctx, h.Store, key, rows)
	if t1.KindOf(err) == t1.KindConflict {
		return h.Store.Head(ctx, key)
	}
	return ref, err
}

// generation asks a policy to respond to problems.
type generation struct {
	Policy      t1.Digest
	Problems    []t1.Problem
	Samples     int
	Temperature float64
	TopP        float64
	MaxTokens   int
	Seed        func(t1.Problem) uint64
}

// respond samples and gives the rollouts in the order of the problems, then of
// the samples.
func (h *Host) respond(ctx context.Context, client *engine.Client, run string, g generation, beat beat) ([]t1.Rollout, engine.Generated, error) {
	prompts := make([]engine.Prompt, len(g.Problems))
	for i, p := range g.Problems {
		prompts[i] = engine.Prompt{Tokens: p.Tokens, Seed: g.Seed(p), Samples: g.Samples}
	}
	responses, done, err := h.generate(ctx, client, run, engine.Generation{
		Policy: g.Policy, Prompts: prompts, Temperature: g.Temperature, TopP: g.TopP, MaxTokens: g.MaxTokens,
	}, beat)
	if err != nil {
		return nil, done, err
	}
	rows := make([]t1.Rollout, len(responses))
	for i, r := range responses {
		rows[i] = t1.Rollout{
			Problem: g.Problems[r.Prompt].ID, Sample: int32(r.Sample), Prompt: g.Problems[r.Prompt].Tokens,
			Tokens: r.Tokens, LogProbs: r.LogProbs, Finish: r.Finish, Text: r.Text, Policy: g.Policy,
		}
	}
	return rows, done, nil
}

// openTries bounds how often a policy is opened for one sampling: runs that share
// an engine may each need another one.
const openTries = 5

// generate makes the policy ready, samples, and sorts the responses by prompt,
// then sample: they come in the order in which they finish.
func (h *Host) generate(ctx context.Context, client *engine.Client, run string, g engine.Generation, beat beat) ([]engine.Response, engine.Generated, error) {
	var responses []engine.Response
	var done engine.Generated
	for try := 1; ; try++ {
		if _, err := h.ready(ctx, client, run, g.Policy, beat); err != nil {
			return nil, engine.Generated{}, err
		}
		var err error
		done, err = client.Generate(ctx, g, func(r engine.Response) { responses = append(responses, r) }, beat)
		if err == nil {
			break
		}
		// Another run may have taken the engine to its own state in between, and the policy with it.
		if t1.KindOf(err) != t1.KindNotFound || try == openTries {
			return nil, done, err
		}
	}
	slices.SortFunc(responses, func(a, b engine.Response) int {
		if a.Prompt != b.Prompt {
			return a.Prompt - b.Prompt
		}
		return a.Sample - b.Sample
	})
	return responses, done, nil
}

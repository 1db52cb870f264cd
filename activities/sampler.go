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
	shard := blocks{host: h, in: in, problems: slices.Collect(slices.Chunk(problems, in.BlockPrompts))}
	shard.out.Responses = len(problems) * in.Samples
	if err := shard.find(ctx); err != nil {
		return t1.SampleOutput{}, err
	}
	if err := shard.make(ctx, beat); err != nil {
		return t1.SampleOutput{}, err
	}
	shard.out.Seconds = time.Since(start).Seconds()
	return shard.out, nil
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

// blocks is a shard of an iteration at work.
type blocks struct {
	host     *Host
	in       t1.SampleInput
	problems [][]t1.Problem // of each block
	missing  []int          // blocks to make
	out      t1.SampleOutput
}

func (b *blocks) key(block int) string {
	return t1.BlockKey(b.in.Run, b.in.Iteration, b.in.Shard, block)
}

// find looks for the blocks that an earlier attempt wrote.
func (b *blocks) find(ctx context.Context) error {
	b.out.Blocks = make([]t1.Ref, len(b.problems))
	for i := range b.problems {
		ref, err := b.host.Store.Head(ctx, b.key(i))
		switch {
		case err == nil:
			b.out.Blocks[i] = ref
			b.out.Found++
		case t1.KindOf(err) == t1.KindNotFound:
			b.missing = append(b.missing, i)
		default:
			return err
		}
	}
	return nil
}

// make samples what is missing and writes each block as soon as it is complete.
func (b *blocks) make(ctx context.Context, beat beat) error {
	if len(b.missing) == 0 {
		return nil
	}
	sampler, err := b.host.sampler(ctx, b.in.Run, beat)
	if err != nil {
		return err
	}
	seed := func(p t1.Problem) uint64 { return t1.SeedFor(b.in.Seed, "sample", b.in.Iteration, p.ID) }
	batches := make([][]engine.Prompt, len(b.missing))
	for i, block := range b.missing {
		batches[i] = promptsOf(b.problems[block], seed, b.in.Samples)
	}
	how := sampling{Policy: b.in.Policy, Temperature: b.in.Temperature, TopP: b.in.TopP, MaxTokens: b.in.MaxTokens}
	done, err := sampler.respond(ctx, how, batches, func(batch int, responses []sampled) error {
		block := b.missing[batch]
		ref, err := b.host.keepFirst(ctx, b.key(block), rolloutsOf(b.problems[block], responses))
		b.out.Blocks[block] = ref
		return err
	}, beat)
	b.out.Tokens, b.out.EngineSeconds = done.Tokens, done.Seconds
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

package activities

import (
	"context"
	"slices"
	"strings"

	"t1"
	"t1/infra/engine"
)

// sampler is what samples for a run: the engine, or a vLLM server.
type sampler interface {
	// respond makes the policy ready and answers batches of prompts, none of them
	// empty. done is told of each batch as soon as all of it is there, in the order
	// of its prompts, then of the samples; of one batch at a time, in any order,
	// perhaps on another goroutine, never after respond has returned. Its error
	// ends the call.
	respond(ctx context.Context, how sampling, batches [][]engine.Prompt, done func(batch int, responses []sampled) error, beat beat) (engine.Generated, error)
}

// sampling is what the prompts of a call share.
type sampling struct {
	Policy      t1.Digest
	Temperature float64 // 0 is greedy
	TopP        float64
	MaxTokens   int
}

// sampled is a response, and the policy that the sampler made it with.
type sampled struct {
	engine.Response
	Policy t1.Digest
}

// sampler gives what the run's spec samples with; at the place of an imported
// model, which has no spec, it is the engine. Neither is started by this but the
// engine, which is what makes text of tokens in any case.
func (h *Host) sampler(ctx context.Context, place string, beat beat) (sampler, error) {
	precision := "" // float32, whatever the run that the engine is shared with trains in
	if !strings.HasPrefix(place, modelPlace) {
		spec, err := h.spec(ctx, place)
		if err != nil {
			return nil, err
		}
		if spec.Sampler.Kind == t1.SamplerVLLM {
			return &vllmSampler{host: h, run: place, spec: spec.Sampler.VLLM}, nil
		}
		precision = spec.Resources.Precision
	}
	client, err := h.engine(ctx, place, beat)
	return engineSampler{host: h, place: place, client: client, precision: precision}, err
}

// engineSampler answers one batch after the other: what is sampled together is
// then the same for every attempt, and so are the last bits.
type engineSampler struct {
	host      *Host
	place     string // of the policy, see [placeOf]
	client    *engine.Client
	precision string // the trainer's own
}

func (s engineSampler) respond(ctx context.Context, how sampling, batches [][]engine.Prompt, done func(int, []sampled) error, beat beat) (engine.Generated, error) {
	var sum engine.Generated
	for i, prompts := range batches {
		responses, generated, err := s.generate(ctx, engine.Generation{
			Policy: how.Policy, Prompts: prompts, Temperature: how.Temperature, TopP: how.TopP, MaxTokens: how.MaxTokens, Precision: s.precision,
		}, beat)
		sum.Seconds, sum.Tokens = sum.Seconds+generated.Seconds, sum.Tokens+generated.Tokens
		if err != nil {
			return sum, err
		}
		sortAnswers(responses)
		if err := done(i, responses); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// openTries bounds how often a policy is opened for one sampling: runs that share
// an engine may each need another one.
const openTries = 5

// generate makes the policy ready and samples.
func (s engineSampler) generate(ctx context.Context, g engine.Generation, beat beat) ([]sampled, engine.Generated, error) {
	for try := 1; ; try++ {
		if _, err := s.host.ready(ctx, s.client, s.place, g.Policy, beat); err != nil {
			return nil, engine.Generated{}, err
		}
		var responses []sampled
		done, err := s.client.Generate(ctx, g, func(r engine.Response) { responses = append(responses, sampled{r, g.Policy}) }, beat)
		// Another run may have taken the engine to its own state in between, and the policy with it.
		if t1.KindOf(err) != t1.KindNotFound || try == openTries {
			return responses, done, err
		}
	}
}

// sortAnswers orders responses by prompt, then sample: they come in the order in
// which they finish.
func sortAnswers(responses []sampled) {
	slices.SortFunc(responses, func(a, b sampled) int {
		if a.Prompt != b.Prompt {
			return a.Prompt - b.Prompt
		}
		return a.Sample - b.Sample
	})
}

// generation asks a policy to respond to problems.
type generation struct {
	sampling
	Problems []t1.Problem
	Samples  int
	Seed     func(t1.Problem) uint64
}

// respond samples and gives the rollouts in the order of the problems, then of
// the samples.
func (g generation) respond(ctx context.Context, s sampler, beat beat) (rows []t1.Rollout, done engine.Generated, err error) {
	batches := [][]engine.Prompt{promptsOf(g.Problems, g.Seed, g.Samples)}
	done, err = s.respond(ctx, g.sampling, batches, func(_ int, responses []sampled) error {
		rows = rolloutsOf(g.Problems, responses)
		return nil
	}, beat)
	return rows, done, err
}

func promptsOf(problems []t1.Problem, seed func(t1.Problem) uint64, samples int) []engine.Prompt {
	prompts := make([]engine.Prompt, len(problems))
	for i, p := range problems {
		prompts[i] = engine.Prompt{Tokens: p.Tokens, Seed: seed(p), Samples: samples}
	}
	return prompts
}

// rolloutsOf names the responses to problems.
func rolloutsOf(problems []t1.Problem, responses []sampled) []t1.Rollout {
	rows := make([]t1.Rollout, len(responses))
	for i, r := range responses {
		rows[i] = t1.Rollout{
			Problem: problems[r.Prompt].ID, Sample: int32(r.Sample), Prompt: problems[r.Prompt].Tokens,
			Tokens: r.Tokens, LogProbs: r.LogProbs, Finish: r.Finish, Text: r.Text, Policy: r.Policy,
		}
	}
	return rows
}

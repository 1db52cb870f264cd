package activities

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"t1"
	"t1/infra/engine"
	"t1/infra/vllm"
)

// vllmSampler samples with the host's vLLM server. All batches are asked for at
// once, so that the server is never drained between two of them.
type vllmSampler struct {
	host *Host
	run  string
	spec t1.VLLMSpec
}

func (s *vllmSampler) respond(ctx context.Context, how sampling, batches [][]engine.Prompt, done func(int, []sampled) error, beat beat) (engine.Generated, error) {
	if len(batches) == 0 {
		return engine.Generated{}, nil
	}
	server, leave, err := s.host.serve(ctx, s.run, s.spec, how.Policy, beat)
	if err != nil {
		return engine.Generated{}, err
	}
	defer leave()
	group, ctx := errgroup.WithContext(ctx)
	gather, complete := newGathering(batches), make(chan int, len(batches))
	group.Go(func() error { // apart: text and storage must not hold up the server
		for batch := range complete {
			responses := gather.responses[batch]
			if err := s.write(ctx, how.Policy, responses, beat); err != nil {
				return err
			}
			if err := done(batch, responses); err != nil {
				return err
			}
		}
		return nil
	})
	generated, err := server.Generate(ctx, vllm.Generation{
		Policy: how.Policy, Prompts: gather.prompts, Temperature: how.Temperature, TopP: how.TopP, MaxTokens: how.MaxTokens,
	}, func(r vllm.Response) {
		if batch, full := gather.add(r); full {
			complete <- batch
		}
	}, vllm.Progress(beat))
	close(complete)
	if failed := group.Wait(); failed != nil {
		err = failed // it is what ended the generation, too
	}
	return engine.Generated{Seconds: generated.Seconds, Tokens: generated.Tokens}, err
}

// gathering sorts responses into the batches of their prompts.
type gathering struct {
	prompts   []vllm.Prompt // of all batches
	batch     []int         // of each prompt
	first     []int         // prompt of each batch
	size      []int         // responses of each batch, in the end
	responses [][]sampled   // of each batch, so far
}

func newGathering(batches [][]engine.Prompt) *gathering {
	g := &gathering{size: make([]int, len(batches)), responses: make([][]sampled, len(batches))}
	for i, prompts := range batches {
		g.first = append(g.first, len(g.prompts))
		for _, p := range prompts {
			g.prompts, g.batch = append(g.prompts, vllm.Prompt(p)), append(g.batch, i)
			g.size[i] += p.Samples
		}
	}
	return g
}

// add takes a response in and says whether its batch is full with it.
func (g *gathering) add(r vllm.Response) (batch int, full bool) {
	batch = g.batch[r.Prompt]
	all := append(g.responses[batch], sampled{
		Response: engine.Response{Prompt: r.Prompt - g.first[batch], Sample: r.Sample, Tokens: r.Tokens, LogProbs: r.LogProbs, Finish: r.Finish},
		Policy:   r.Policy,
	})
	g.responses[batch] = all
	if len(all) < g.size[batch] {
		return batch, false
	}
	sortAnswers(all)
	return batch, true
}

// tellAtOnce bounds the responses of one call to the engine.
const tellAtOnce = 256

// write has the engine write the responses' text: the server has no tokenizer.
func (s *vllmSampler) write(ctx context.Context, policy t1.Digest, responses []sampled, beat beat) error {
	client, err := s.host.engine(ctx, s.run, beat)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(responses, tellAtOnce) {
		tokens := make([][]int32, len(part))
		for i, r := range part {
			tokens[i] = t1.WithoutEnd(r.Tokens, r.Finish)
		}
		var texts []string
		err := s.host.text(ctx, client, s.run, policy, beat, func(text engine.Text) (err error) {
			texts, err = text.Decode(ctx, tokens)
			return err
		})
		if err != nil {
			return err
		}
		for i := range part {
			part[i].Text = texts[i]
		}
	}
	return nil
}

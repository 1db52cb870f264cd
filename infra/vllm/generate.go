package vllm

import (
	"context"
	"time"

	"t1"
)

// Prompt asks for responses.
type Prompt struct {
	Tokens  []int32
	Seed    uint64 // the randomness of sample i depends on (Seed, i) alone
	Samples int    // at least 1
}

// Generation is one request to the sampler.
type Generation struct {
	Policy      t1.Digest // must be served: see [Server.Open]
	Prompts     []Prompt
	Temperature float64 // 0 is greedy
	TopP        float64 // in (0, 1]
	MaxTokens   int     // of a response, end of sequence included; at least 1
}

// Response is one finished response.
type Response struct {
	Prompt   int // index
	Sample   int
	Tokens   []int32   // ends with the end of sequence where Finish is t1.FinishStop
	LogProbs []float32 // of Tokens, at temperature 1 over the whole vocabulary
	Finish   string    // t1.FinishStop or t1.FinishLength
	Policy   t1.Digest // that the server had proven to serve
}

// Generated says what a generation cost.
type Generated struct {
	Seconds  float64 // wall time
	Tokens   int64   // sampled
	Restarts int     // of the server, which had died or hung
}

// Progress is told how far a call is: done of total responses, and tokens that
// the server has computed since the call began, those of other calls included.
type Progress func(done, total, tokens int64)

// restarts of the server without a response in between, before a generation
// gives up.
const restarts = 2

// Generate samples; each response is handed over as it finishes, in any order,
// by this goroutine. It needs a policy that is served by proof: any other is
// KindStateMismatch. A server that dies or hangs is started anew, proves its
// policy again, and is asked for the responses that are missing. A request that
// the server refuses is KindInvalid; one that keeps failing, or a server that
// keeps dying, is KindUnavailable.
func (s *Server) Generate(ctx context.Context, g Generation, each func(Response), progress Progress) (Generated, error) {
	if err := g.check(); err != nil {
		return Generated{}, err
	}
	call := &generating{Generation: g, server: s, each: each, progress: progress, begun: time.Now()}
	for i, p := range g.Prompts {
		for k := range p.Samples {
			call.missing = append(call.missing, sampleOf{i, k})
		}
	}
	call.total = len(call.missing)
	fruitless := 0
	for {
		missing := len(call.missing)
		died, err := call.round(ctx)
		call.out.Seconds = time.Since(call.begun).Seconds()
		if err == nil || !died || ctx.Err() != nil {
			return call.out, err
		}
		if fruitless++; len(call.missing) < missing {
			fruitless = 1
		}
		if fruitless > restarts {
			return call.out, err
		}
		if err := s.reopen(ctx, g.Policy, call); err != nil {
			return call.out, err
		}
		call.out.Restarts++
	}
}

func (g Generation) check() error {
	if len(g.Prompts) == 0 || g.Temperature < 0 || !(g.TopP > 0 && g.TopP <= 1) || g.MaxTokens < 1 {
		return t1.Errorf(t1.KindInvalid, "generation: %d prompts, temperature %g, top-p %g, %d tokens; at least one prompt, temperature at least 0, top-p in (0, 1], at least one token",
			len(g.Prompts), g.Temperature, g.TopP, g.MaxTokens)
	}
	for i, p := range g.Prompts {
		if len(p.Tokens) == 0 || p.Samples < 1 {
			return t1.Errorf(t1.KindInvalid, "prompt %d: %d tokens, %d samples; at least one each", i, len(p.Tokens), p.Samples)
		}
	}
	return nil
}

// reopen serves a policy again after the server died.
func (s *Server) reopen(ctx context.Context, policy t1.Digest, call *generating) error {
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last.Digest != policy {
		return notServed(policy, last.Digest)
	}
	return s.Open(ctx, last, func(string) { call.tell() })
}

func notServed(wanted, served t1.Digest) error {
	if served == "" {
		served = "none"
	}
	return t1.Errorf(t1.KindStateMismatch, "the vLLM server does not serve policy %s by proof; it serves: %s", wanted, served)
}

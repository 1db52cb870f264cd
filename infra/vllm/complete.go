package vllm

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"t1"
)

// completionRequest is the body of POST /v1/completions, as far as we use it.
type completionRequest struct {
	Model          string  `json:"model"`
	Prompt         []int32 `json:"prompt"`
	MaxTokens      int     `json:"max_tokens"`
	Temperature    float64 `json:"temperature"` // 0 is greedy
	TopP           float64 `json:"top_p"`
	Seed           *int64  `json:"seed,omitempty"`
	Stop           []int32 `json:"stop_token_ids,omitempty"` // a response ends with one of them
	IgnoreEOS      bool    `json:"ignore_eos"`               // ours are in Stop
	LogProbs       *int    `json:"logprobs,omitempty"`       // 0: of the chosen token only
	PromptLogProbs *int    `json:"prompt_logprobs,omitempty"`
	ReturnTokenIDs bool    `json:"return_token_ids"`
}

// completionReply is its answer.
type completionReply struct {
	Choices []struct {
		TokenIDs     []int32 `json:"token_ids"`
		FinishReason string  `json:"finish_reason"`
		LogProbs     *struct {
			Tokens []*float32 `json:"token_logprobs"`
		} `json:"logprobs"`
		PromptLogProbs []map[string]struct {
			LogProb float32 `json:"logprob"`
		} `json:"prompt_logprobs"`
	} `json:"choices"`
}

// completion is a checked answer.
type completion struct {
	tokens   []int32
	logprobs []float32
	finish   string
}

// attempts of one request, and the wait after the first; it doubles each time.
const (
	attempts = 5
	backOff  = 100 * time.Millisecond
)

// complete asks for one response. While the server lives, answers that may
// differ another time (5xx, a broken connection, a broken body) are asked for
// again; it is safe because the same request has the same answer.
func (s *Server) complete(ctx context.Context, l *life, request completionRequest) (completion, error) {
	reply, err := s.ask(ctx, l, request)
	if err != nil {
		return completion{}, err
	}
	return reply.check(request)
}

func (s *Server) ask(ctx context.Context, l *life, request completionRequest) (completionReply, error) {
	request.Model, request.IgnoreEOS, request.ReturnTokenIDs = modelName, true, true
	if err := s.slots.Acquire(ctx, 1); err != nil {
		return completionReply{}, err
	}
	defer s.slots.Release(1)
	l.busy.Add(1)
	defer l.busy.Add(-1)
	for attempt := range attempts {
		var reply completionReply
		err := l.client.post(ctx, "/v1/completions", request, &reply)
		if err == nil || t1.KindOf(err) != t1.KindUnavailable || attempt == attempts-1 {
			return reply, err
		}
		select {
		case <-l.Gone():
			return reply, l.died()
		case <-ctx.Done():
			return reply, context.Cause(ctx)
		case <-time.After(backOff << attempt):
		}
	}
	panic("unreachable")
}

// check refuses an answer that is not what was asked for; none of these can
// come from a server of the version we were tested with.
func (r completionReply) check(asked completionRequest) (completion, error) {
	if len(r.Choices) != 1 || r.Choices[0].LogProbs == nil {
		return completion{}, t1.Errorf(t1.KindInternal, "vLLM server: %d choices, want 1 with log-probabilities", len(r.Choices))
	}
	c := r.Choices[0]
	out := completion{tokens: c.TokenIDs, finish: c.FinishReason}
	if n := len(out.tokens); n > 0 && out.finish == t1.FinishLength && slices.Contains(asked.Stop, out.tokens[n-1]) {
		out.finish = t1.FinishStop // some versions look at the length first
	}
	for _, logprob := range c.LogProbs.Tokens {
		if logprob == nil || !finite(*logprob) {
			return out, t1.Errorf(t1.KindNumeric, "vLLM server: a log-probability is missing or not finite")
		}
		out.logprobs = append(out.logprobs, *logprob)
	}
	return out, out.check(asked)
}

func (c completion) check(asked completionRequest) error {
	n := len(c.tokens)
	if n == 0 || n > asked.MaxTokens || len(c.logprobs) != n {
		return t1.Errorf(t1.KindInternal, "vLLM server: %d tokens and %d log-probabilities, at most %d were asked for", n, len(c.logprobs), asked.MaxTokens)
	}
	ends := slices.Contains(asked.Stop, c.tokens[n-1])
	switch {
	case c.finish == t1.FinishStop && ends:
	case c.finish == t1.FinishLength && !ends && n == asked.MaxTokens:
	default:
		return t1.Errorf(t1.KindInternal, "vLLM server: a response of %d tokens finished with %q, ending in an end of sequence: %t", n, c.finish, ends)
	}
	return nil
}

// score asks for the log-probabilities of given tokens after a prompt.
func (s *Server) score(ctx context.Context, l *life, prompt, tokens []int32) ([]float32, error) {
	reply, err := s.ask(ctx, l, completionRequest{
		Prompt: slices.Concat(prompt, tokens), MaxTokens: 1, TopP: 1, PromptLogProbs: new(int),
	})
	if err != nil {
		return nil, err
	}
	if len(reply.Choices) != 1 || len(reply.Choices[0].PromptLogProbs) != len(prompt)+len(tokens) {
		return nil, t1.Errorf(t1.KindInternal, "vLLM server: no log-probabilities of a prompt")
	}
	logprobs := make([]float32, len(tokens))
	for i, token := range tokens {
		of, there := reply.Choices[0].PromptLogProbs[len(prompt)+i][strconv.Itoa(int(token))]
		if !there || !finite(of.LogProb) {
			return nil, t1.Errorf(t1.KindNumeric, "vLLM server: a prompt's log-probability is missing or not finite")
		}
		logprobs[i] = of.LogProb
	}
	return logprobs, nil
}

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

package vllm

import (
	"context"
	"math"
	"slices"

	"t1"
)

// prove has the process show which weights it serves, and lets it serve.
//
// Two things are asked of its answers to the probes. They are the trainer's,
// within the tolerance. And after weights were changed in place, they are not
// bit for bit those of the weights before: one optimizer step moves a policy by
// less than rounding does, so that the tolerance alone would let a server pass
// that changed nothing.
func (s *Server) prove(ctx context.Context, l *life, p, before Policy) error {
	answers, err := s.answer(ctx, l, p.Probes)
	if err != nil {
		return err
	}
	if err := s.compare(ctx, l, p, answers); err != nil {
		return err
	}
	if before.Digest != "" && sameProbes(before.Probes, p.Probes) && slices.EqualFunc(answers, before.answers, equalAnswers) {
		return t1.Errorf(t1.KindStateMismatch, "the vLLM server was given policy %s and answers as policy %s did, to the bit", p.Digest, before.Digest)
	}
	p.answers = answers
	if !s.proved(l, p) { // ended, or just being ended
		<-l.Gone()
		return l.died()
	}
	return nil
}

func (s *Server) proved(l *life, p Policy) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != l || !l.alive() {
		return false
	}
	s.proven, s.last = p, p
	return true
}

// answer asks every probe's prompt, greedily.
func (s *Server) answer(ctx context.Context, l *life, probes []Probe) ([]completion, error) {
	answers := make([]completion, len(probes))
	for i, probe := range probes {
		var err error
		if answers[i], err = s.complete(ctx, l, completionRequest{
			Prompt: probe.Prompt, MaxTokens: len(probe.Tokens), TopP: 1, LogProbs: new(int),
		}); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// compare finds the largest gap between the server's log-probabilities and the
// trainer's. Where the server chose other tokens, it is asked about the
// trainer's: of two tokens that are as likely either may come out on top.
func (s *Server) compare(ctx context.Context, l *life, p Policy, answers []completion) error {
	var worst float64
	for i, probe := range p.Probes {
		logprobs := answers[i].logprobs
		if !slices.Equal(answers[i].tokens, probe.Tokens) {
			var err error
			if logprobs, err = s.score(ctx, l, probe.Prompt, probe.Tokens); err != nil {
				return err
			}
		}
		for t, logprob := range probe.LogProbs {
			gap := math.Abs(float64(logprobs[t]) - float64(logprob))
			if !(gap <= worst) { // a NaN, too, is the worst
				worst = gap
			}
		}
	}
	if worst <= s.options.Tolerance {
		return nil
	}
	return t1.Errorf(t1.KindStateMismatch, "the vLLM server does not prove that it serves policy %s: a probe's log-probability is %.3g nats from the trainer's, allowed are %g",
		p.Digest, worst, s.options.Tolerance).
		WithHint("if the files are right, the server computes in a coarser type than the trainer: compare their data types")
}

func sameProbes(a, b []Probe) bool {
	return slices.EqualFunc(a, b, func(a, b Probe) bool {
		return slices.Equal(a.Prompt, b.Prompt) && len(a.Tokens) == len(b.Tokens)
	})
}

func equalAnswers(a, b completion) bool {
	return slices.Equal(a.tokens, b.tokens) && slices.Equal(a.logprobs, b.logprobs)
}

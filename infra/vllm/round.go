package vllm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"t1"
)

// generating is a call of Generate.
type generating struct {
	Generation
	server   *Server
	each     func(Response)
	progress Progress
	begun    time.Time
	total    int
	missing  []sampleOf
	computed int64 // tokens, by the processes before the present one
	out      Generated
}

// sampleOf names one response of a generation.
type sampleOf struct{ prompt, sample int }

// round asks one process for the missing responses. died says that there is no
// process any more.
func (c *generating) round(ctx context.Context) (died bool, err error) {
	if err := acquire(ctx, c.server.use, 1, c.tell); err != nil {
		return false, err
	}
	defer c.server.use.Release(1)
	l := c.server.serving(c.Policy)
	if l == nil {
		return c.server.running() == nil, notServed(c.Policy, c.server.Policy())
	}
	ends, err := l.ends()
	if err == nil {
		err = c.fits(l.length)
	}
	if err != nil {
		return false, err
	}
	err = c.collect(ctx, l, ends)
	return !l.alive(), err
}

// fits refuses what the server would cut short without a word.
func (c *generating) fits(length int) error {
	for i, p := range c.Prompts {
		if len(p.Tokens)+c.MaxTokens > length {
			return t1.Errorf(t1.KindInvalid, "prompt %d: its %d tokens and a response of %d are more than the %d that the vLLM server was started for",
				i, len(p.Tokens), c.MaxTokens, length)
		}
	}
	return nil
}

// collect fans the requests out and hands the answers over.
func (c *generating) collect(ctx context.Context, l *life, ends []int32) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.server.options.Sequences)
	answers, asked := make(chan Response), slices.Clone(c.missing)
	var err error
	go func() {
		for _, s := range asked {
			if ctx.Err() != nil {
				break
			}
			group.Go(func() error {
				answer, err := c.server.complete(ctx, l, c.request(s, ends))
				if err == nil {
					answers <- Response{s.prompt, s.sample, answer.tokens, answer.logprobs, answer.finish, c.Policy}
				}
				return err
			})
		}
		err = group.Wait()
		close(answers)
	}()
	c.receive(l, answers)
	if err == nil && len(c.missing) > 0 { // given up before the last was asked for
		err = context.Cause(ctx)
	}
	return err
}

// receive hands answers over until they end, and tells progress with each and
// about once a second.
func (c *generating) receive(l *life, answers <-chan Response) {
	before, began := c.computed, l.tokens.Load()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case r, more := <-answers:
			if !more {
				return
			}
			c.missing = slices.DeleteFunc(c.missing, func(s sampleOf) bool { return s == sampleOf{r.Prompt, r.Sample} })
			c.out.Tokens += int64(len(r.Tokens))
			c.each(r)
		case <-tick.C:
		}
		c.computed = before + l.tokens.Load() - began
		c.tell()
	}
}

func (c *generating) tell() {
	if c.progress != nil {
		c.progress(int64(c.total-len(c.missing)), int64(c.total), max(c.computed, c.out.Tokens))
	}
}

// request is one request a sample. vLLM's own n gives sample i the seed plus i,
// so that neighbouring seeds would share samples.
func (c *generating) request(s sampleOf, ends []int32) completionRequest {
	p, seed := c.Prompts[s.prompt], seedOf(c.Prompts[s.prompt].Seed, s.sample)
	return completionRequest{
		Prompt: p.Tokens, MaxTokens: c.MaxTokens, Temperature: c.Temperature, TopP: c.TopP,
		Seed: &seed, Stop: ends, LogProbs: new(int),
	}
}

// seedOf is the seed of one sample, in [0, 2^63).
func seedOf(seed uint64, sample int) int64 {
	var text [16]byte
	binary.LittleEndian.PutUint64(text[:8], seed)
	binary.LittleEndian.PutUint64(text[8:], uint64(sample))
	sum := sha256.Sum256(text[:])
	return int64(binary.LittleEndian.Uint64(sum[:8]) >> 1)
}

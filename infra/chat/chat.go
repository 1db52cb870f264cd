// Package chat asks models behind OpenAI-compatible servers: one request, one
// reply, with the patience and the manners that shared servers need.
package chat

import (
	"context"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"t1"
)

// Options says how to reach one model. The zero value of a number takes the
// default beside it.
type Options struct {
	Name        string        // as messages call the endpoint
	BaseURL     string        // without /chat/completions
	Key         string        // sent as a bearer token; empty sends none
	KeyName     string        // of the variable the key came from, for messages
	Concurrency int           // requests at once (4)
	PerMinute   int           // requests a minute; 0 means no limit
	Timeout     time.Duration // for one request (10 min)
	Tries       int           // of one request, before it is KindUnavailable (8)
	Backoff     time.Duration // before the second try; it doubles, up to a minute (1 s)
}

// Client asks one endpoint. Its limits hold over all its callers.
type Client struct {
	options Options
	http    *http.Client
	slots   *semaphore.Weighted
	pace    pace
}

// New makes a client; nothing is sent yet.
func New(o Options) *Client {
	o.Concurrency, o.Tries = orDefault(o.Concurrency, 4), orDefault(o.Tries, 8)
	o.Timeout, o.Backoff = orDefault(o.Timeout, 10*time.Minute), orDefault(o.Backoff, time.Second)
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	c := &Client{options: o, slots: semaphore.NewWeighted(int64(o.Concurrency))}
	if o.PerMinute > 0 {
		c.pace.every = time.Minute / time.Duration(o.PerMinute)
	}
	// A redirect would take the request, and its key, somewhere else.
	c.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

func orDefault[N int | time.Duration](given, otherwise N) N {
	if given > 0 {
		return given
	}
	return otherwise
}

// Request is one question.
type Request struct {
	Model       string
	Prompt      string  // sent as the one user message
	Temperature float64 // below 0 leaves it to the server
	MaxTokens   int
	TokensField string // name under which MaxTokens is sent; empty means max_tokens
}

// Reply is one answer.
type Reply struct {
	Text      string // may be empty
	Finish    string // "stop", "length" or what else the server says
	Model     string // as the server calls it
	TokensIn  int64
	TokensOut int64
	Estimated bool // the server counted no tokens: 4 bytes were taken for one
}

// Ask sends a request until it is answered. Too many requests, faults of the
// server and broken connections are tried again, no sooner than the server
// says; after the last try they are KindUnavailable. A server that refuses the
// request itself is KindInvalid. No error contains the key.
func (c *Client) Ask(ctx context.Context, r Request) (Reply, error) {
	if c.options.KeyName != "" && c.options.Key == "" {
		return Reply{}, c.noKey()
	}
	if err := c.slots.Acquire(ctx, 1); err != nil {
		return Reply{}, err
	}
	defer c.slots.Release(1)
	var last error
	for try := range c.options.Tries {
		if try > 0 {
			if err := sleep(ctx, c.wait(try, last)); err != nil {
				return Reply{}, err
			}
		}
		if err := c.pace.take(ctx); err != nil {
			return Reply{}, err
		}
		reply, err := c.once(ctx, r)
		if err == nil || ctx.Err() != nil || t1.KindOf(err) != t1.KindUnavailable {
			return reply, err
		}
		last = err
	}
	return Reply{}, t1.Errorf(t1.KindUnavailable, "%s (%d tries)", last, c.options.Tries).WithHint("%s", t1.HintOf(last))
}

// Body is what Ask sends: the same request makes the same bytes.
func (r Request) Body() []byte { return r.body() }

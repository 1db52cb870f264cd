package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"t1"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func (r Request) body() []byte {
	field := r.TokensField
	if field == "" {
		field = "max_tokens"
	}
	body := map[string]any{"model": r.Model, "messages": []message{{"user", r.Prompt}}, field: r.MaxTokens}
	if r.Temperature >= 0 {
		body["temperature"] = r.Temperature
	}
	data, _ := json.Marshal(body) // keys in order; nothing in it that cannot be marshalled
	return data
}

// completion is as much of the answer as is read.
type completion struct {
	Model   string `json:"model"`
	Choices []struct {
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int64 `json:"prompt_tokens"`
		CompletionTokens int64 `json:"completion_tokens"`
	} `json:"usage"`
}

// largestAnswer bounds what is read of an answer, bytes.
const largestAnswer = 64 << 20

// once sends a request and reads the answer.
func (c *Client) once(ctx context.Context, r Request) (Reply, error) {
	attempt, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(attempt, http.MethodPost, c.options.BaseURL+"/chat/completions", bytes.NewReader(r.body()))
	if err != nil {
		return Reply{}, t1.Errorf(t1.KindInvalid, "endpoint %q: %v", c.options.Name, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.options.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.options.Key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Reply{}, c.broken(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	if response.StatusCode != http.StatusOK {
		return Reply{}, c.refused(response, data)
	}
	if err != nil {
		return Reply{}, c.broken(ctx, err)
	}
	return c.read(r, data)
}

func (c *Client) read(r Request, data []byte) (Reply, error) {
	var answer completion
	if err := json.Unmarshal(data, &answer); err != nil || len(answer.Choices) == 0 {
		return Reply{}, t1.Errorf(t1.KindUnavailable, "endpoint %q (%s) answered something that is no chat completion: %s",
			c.options.Name, c.options.BaseURL, c.clean(data)).WithHint("check base_url: the address up to and without /chat/completions")
	}
	first := answer.Choices[0]
	reply := Reply{Text: first.Message.Content, Finish: first.FinishReason, Model: answer.Model}
	if answer.Usage != nil {
		reply.TokensIn, reply.TokensOut = answer.Usage.PromptTokens, answer.Usage.CompletionTokens
		return reply, nil
	}
	const bytesAToken = 4
	reply.TokensIn, reply.TokensOut = int64(len(r.Prompt)/bytesAToken+1), int64(len(reply.Text)/bytesAToken+1)
	reply.Estimated = true
	return reply, nil
}

// broken is a connection that did not come about or did not last.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // ours, not the server's
	}
	why := err.Error()
	var u *url.Error
	if errors.As(err, &u) {
		why = u.Err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		why = fmt.Sprintf("no answer within %s", c.options.Timeout)
	}
	return t1.Errorf(t1.KindUnavailable, "endpoint %q (%s) does not answer: %s", c.options.Name, c.options.BaseURL, c.scrub(why)).
		WithHint("check that the server runs and that the worker can reach it")
}

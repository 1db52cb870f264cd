package vllm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"

	"t1"
)

// client speaks HTTP over the server's Unix socket.
type client struct {
	http *http.Client
	key  string
}

func newClient(socket, key string) *client {
	dialer := &net.Dialer{}
	return &client{key: key, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: 64,
	}}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// send makes a request and gives the answer's body, for the caller to close. It
// waits as long as ctx does: a hang is the watch's to find.
func (c *client) send(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, t1.Errorf(t1.KindInternal, "request to the vLLM server: %w", err)
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://vllm"+path, body)
	if err != nil {
		return nil, t1.Errorf(t1.KindInternal, "request to the vLLM server: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.key)
	reply, err := c.http.Do(request)
	if err != nil {
		return nil, broken(ctx, path, err)
	}
	if reply.StatusCode != http.StatusOK {
		defer func() { _ = reply.Body.Close() }()
		return nil, refusal(path, reply)
	}
	return reply.Body, nil
}

// broken is a failure of the connection, or the caller's own giving up.
func broken(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return t1.Errorf(t1.KindUnavailable, "vLLM server, %s: %w", path, err)
}

// refusal is the one place where the server's status codes get their meaning.
func refusal(path string, reply *http.Response) error {
	kind := t1.KindInternal
	switch code := reply.StatusCode; {
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		kind = t1.KindInvalid
	case code == http.StatusNotFound:
		kind = t1.KindNotFound
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		kind = t1.KindUnavailable
	}
	text, _ := io.ReadAll(io.LimitReader(reply.Body, 4<<10))
	var said struct{ Error struct{ Message string } }
	if json.Unmarshal(text, &said) == nil && said.Error.Message != "" {
		text = []byte(said.Error.Message)
	}
	return t1.Errorf(kind, "vLLM server, %s: %s: %s", path, reply.Status, strings.TrimSpace(string(text)))
}

// post sends JSON and decodes the answer into out; a nil out drops it.
func (c *client) post(ctx context.Context, path string, in, out any) error {
	body, err := c.send(ctx, http.MethodPost, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if out == nil {
		_, err = io.Copy(io.Discard, body)
	} else {
		err = json.NewDecoder(body).Decode(out)
	}
	if err != nil {
		return broken(ctx, path, fmt.Errorf("its answer: %w", err))
	}
	return nil
}

// health is nil when the server and its engine say that they are well.
func (c *client) health(ctx context.Context) error {
	body, err := c.send(ctx, http.MethodGet, "/health", nil)
	if err != nil {
		return err
	}
	return body.Close()
}

// longest asks how long a prompt and its response may be together, in tokens.
func (c *client) longest(ctx context.Context) (int, error) {
	body, err := c.send(ctx, http.MethodGet, "/v1/models", nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	var models struct {
		Data []struct {
			Length int `json:"max_model_len"`
		}
	}
	if err := json.NewDecoder(body).Decode(&models); err != nil {
		return 0, broken(ctx, "/v1/models", err)
	}
	if len(models.Data) != 1 || models.Data[0].Length < 1 {
		return 0, t1.Errorf(t1.KindInternal, "vLLM server, /v1/models: %d models, want 1 with its max_model_len", len(models.Data))
	}
	return models.Data[0].Length, nil
}

// tokens counts the prompt and response tokens computed since the start.
func (c *client) tokens(ctx context.Context) (int64, error) {
	body, err := c.send(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	var sum float64
	for lines := bufio.NewScanner(body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "vllm:generation_tokens_total") || strings.HasPrefix(line, "vllm:prompt_tokens_total") {
			value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			if err == nil && !math.IsNaN(value) {
				sum += value
			}
		}
	}
	return int64(sum), nil
}

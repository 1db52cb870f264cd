package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"t1"
)

// A call that fails because the engine died says how it died, rather than that
// a connection broke.

// unary is a gRPC interceptor.
func (c *Client) unary(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return c.obituary(ctx, invoke(ctx, method, request, reply, connection, options...))
}

// streaming is a gRPC interceptor.
func (c *Client) streaming(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, description, connection, method, options...)
	return mortal{stream, c, ctx}, c.obituary(ctx, err)
}

type mortal struct {
	grpc.ClientStream
	client *Client
	ctx    context.Context
}

func (m mortal) RecvMsg(message any) error {
	return m.client.obituary(m.ctx, m.ClientStream.RecvMsg(message))
}

// obituary is err, or how the engine died where that is the cause.
func (c *Client) obituary(ctx context.Context, err error) error {
	code := status.Code(err)
	broken := code == codes.Unavailable || code == codes.Canceled && ctx.Err() == nil
	if err == nil || errors.Is(err, io.EOF) || !broken || c.life == nil {
		return err
	}
	select {
	case <-c.life.gone:
		return c.life.died()
	case <-time.After(time.Second): // the connection may be seen to break a little before
		return err
	}
}

func (l *life) died() error {
	err := t1.Errorf(t1.KindUnavailable, "the engine ended (%s)%s", l.command.ProcessState, l.lastLines())
	if s, ok := l.command.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() && s.Signal() == syscall.SIGKILL {
		return err.WithHint("if nobody killed it, the system was out of memory: use smaller batches or fewer threads")
	}
	return err.WithHint("its log says more; the work is done again on a new engine")
}

// lastLines quotes the end of what this process wrote, for an error. Of the
// engine's own JSON lines it takes the message.
func (l *life) lastLines() string {
	const most = 4
	data, err := os.ReadFile(l.log)
	if err != nil || int64(len(data)) <= l.logFrom {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data[l.logFrom:])), "\n")
	lines = lines[max(0, len(lines)-most):]
	for i, line := range lines {
		var entry struct{ Message string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message != "" {
			line = entry.Message
		}
		lines[i] = strings.TrimSpace(line)
	}
	return "; its log ends: " + strings.Join(lines, " | ")
}

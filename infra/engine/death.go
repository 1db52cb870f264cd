package engine

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	case <-c.life.Gone():
		return c.life.died()
	case <-time.After(time.Second): // the connection may be seen to break a little before
		return err
	}
}

func (l *life) died() error {
	err := l.Died()
	if s, ok := l.State().Sys().(syscall.WaitStatus); ok && s.Signaled() && s.Signal() == syscall.SIGKILL {
		return err.WithHint("if nobody killed it, the system was out of memory: use smaller batches or fewer threads")
	}
	return err.WithHint("its log says more; the work is done again on a new engine")
}

package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"t1"
	pb "t1/infra/engine/enginepb"
)

// messageBytes bounds a message either way: a step's answer has one row a rollout.
const messageBytes = 64 << 20

// Client asks a running engine. It is safe for several callers; the engine
// computes for one at a time.
type Client struct {
	connection *grpc.ClientConn
	engine     pb.EngineClient
	trainer    pb.TrainerClient
	sampler    pb.SamplerClient
	text       pb.TextClient
	stall      time.Duration // longest silence of a call; 0 waits for ever
	life       *life         // the process behind it; nil where somebody else owns that
	sign       atomic.Int64  // when the engine last showed life, Unix nanoseconds
}

// connect makes a client of the engine behind a Unix socket. It does not wait
// for the engine. A nil life is an engine that somebody else owns.
func connect(socket string, stall time.Duration, l *life) (*Client, error) {
	c := &Client{stall: stall, life: l}
	connection, err := grpc.NewClient("unix:"+socket,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the socket's directory is ours alone
		// The engine is here or starting: the library's own back-off is made for networks.
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 50 * time.Millisecond}}),
		grpc.WithUnaryInterceptor(c.unary), grpc.WithStreamInterceptor(c.streaming),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytes), grpc.MaxCallSendMsgSize(messageBytes)))
	if err != nil {
		return nil, err
	}
	c.connection, c.engine, c.trainer = connection, pb.NewEngineClient(connection), pb.NewTrainerClient(connection)
	c.sampler, c.text = pb.NewSamplerClient(connection), pb.NewTextClient(connection)
	return c, nil
}

// Heard is when the engine last showed a sign of life, in any call; before the
// first it is the Unix epoch.
func (c *Client) Heard() time.Time { return time.Unix(0, c.sign.Load()) }

func (c *Client) close() { _ = c.connection.Close() }

// kinds is the one place where the engine's status codes get their meaning; the
// table is the header of engine.proto.
var kinds = map[codes.Code]t1.Kind{
	codes.InvalidArgument:    t1.KindInvalid,
	codes.NotFound:           t1.KindNotFound,
	codes.FailedPrecondition: t1.KindStateMismatch,
	codes.DataLoss:           t1.KindCorrupt,
	codes.ResourceExhausted:  t1.KindOutOfMemory,
	codes.Aborted:            t1.KindNumeric,
	codes.OutOfRange:         t1.KindSamplerGap,
	codes.Unavailable:        t1.KindUnavailable,
}

func translate(err error) error {
	if err == nil {
		return nil
	}
	s, is := status.FromError(err)
	if !is {
		return err
	}
	switch s.Code() {
	case codes.Canceled:
		return context.Canceled
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	}
	kind, known := kinds[s.Code()]
	if !known {
		kind = t1.KindInternal
	}
	return t1.Errorf(kind, "engine: %s", s.Message())
}

// watch ends a call whose engine shows no sign of life: a hung process cannot
// be asked to stop, only killed. A sign in any call counts for all of them,
// since the engine computes for one at a time and the others wait. A call that
// waits says its own latest progress again at each such sign, so that whoever
// listens to it does not take it for dead either.
type watch struct {
	client  *Client
	timer   *time.Timer
	stalled atomic.Bool
	cancel  context.CancelFunc

	mu       sync.Mutex // held while progress is told
	progress Progress   // may be nil
	latest   *pb.Progress
	relayed  chan struct{} // closed when nothing is told any more; nil without a listener
}

// relayEvery is how often a waiting call looks for signs in others.
const relayEvery = time.Second

func (c *Client) watch(ctx context.Context, progress Progress) (context.Context, *watch) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{client: c, cancel: cancel, progress: progress}
	w.alive()
	if progress != nil {
		w.relayed = make(chan struct{})
		go w.relay(ctx)
	}
	if c.stall > 0 {
		w.timer = time.AfterFunc(c.stall, w.check)
	}
	return ctx, w
}

// check is due when this call's engine may have been silent for too long.
func (w *watch) check() {
	silent := time.Since(time.Unix(0, w.client.sign.Load()))
	if silent < w.client.stall {
		w.timer.Reset(w.client.stall - silent)
		return
	}
	w.stalled.Store(true)
	if w.client.life != nil {
		w.client.life.Kill()
	}
	w.cancel()
}

// report tells a call's own progress; nil is a message without any.
func (w *watch) report(p *pb.Progress) {
	if p == nil || w.progress == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest = p
	w.progress(p.GetDone(), p.GetTotal(), p.GetTokens())
}

func (w *watch) relay(ctx context.Context) {
	defer close(w.relayed)
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	for heard := w.client.sign.Load(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if sign := w.client.sign.Load(); sign != heard {
			heard = sign
			w.mu.Lock()
			w.progress(w.latest.GetDone(), w.latest.GetTotal(), w.latest.GetTokens())
			w.mu.Unlock()
		}
	}
}

func (w *watch) alive() { w.client.sign.Store(time.Now().UnixNano()) }

func (w *watch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel()
	if w.relayed != nil {
		<-w.relayed
	}
}

// explain says that the engine hung where that is why a call failed.
func (w *watch) explain(err error) error {
	if err != nil && w.stalled.Load() {
		return t1.Errorf(t1.KindUnavailable, "the engine showed no progress for %s and was ended", w.client.stall)
	}
	return err
}

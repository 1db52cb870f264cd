package engine

import (
	"context"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "t1/infra/engine/enginepb"
	"t1/infra/process/processtest"
)

// The tests of process handling run this test binary as the engine.
const (
	fakeMode   = "T1_TEST_ENGINE" // how it behaves
	fakeParent = "T1_TEST_ENGINE_PARENT"
)

func TestMain(m *testing.M) {
	if python := os.Getenv(fakeParent); python != "" {
		startAndHang(python)
	}
	if mode := os.Getenv(fakeMode); mode != "" {
		runFake(mode)
	}
	goleak.VerifyTestMain(m)
}

// fake is options for an engine that behaves in a certain way.
func fake(t *testing.T, mode string) Options {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(fakeMode, mode)
	t.Setenv("TMPDIR", dir)
	python := processtest.StandIn(t, dir)
	if err := os.Mkdir(filepath.Join(dir, "t1_engine"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Options{Python: python, Dir: dir, Log: filepath.Join(dir, "log"), Threads: 1, Start: 20 * time.Second}
}

// supervised is a process that runs a fake.
func supervised(t *testing.T, o Options) *Process {
	p := New(o)
	t.Cleanup(p.Close)
	return p
}

func runFake(mode string) {
	switch mode {
	case "exit":
		processtest.Die(2, `{"level": "error", "message": "socket /x: its directory must belong to this user"}`)
	case "no module":
		processtest.Die(1, "Traceback (most recent call last):\nModuleNotFoundError: No module named 'torch'")
	case "hang":
		processtest.Hang("thinking about it")
	case "slow":
		time.Sleep(300 * time.Millisecond)
	case "deaf": // heeds neither signals nor the end of its input
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	case "stubborn": // the same, with a child
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		child := exec.Command("sleep", "1000")
		if err := child.Start(); err != nil {
			panic(err)
		}
	}
	listener, err := net.Listen("unix", os.Args[slices.Index(os.Args, "--socket")+1])
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	pb.RegisterEngineServer(server, fakeEngine{})
	pb.RegisterTrainerServer(server, fakeTrainer{mode: mode})
	if mode != "stubborn" && mode != "deaf" {
		go func() {
			_, _ = os.Stdin.Read(make([]byte, 1))
			os.Exit(0)
		}()
	}
	panic(server.Serve(listener))
}

type fakeEngine struct{ pb.UnimplementedEngineServer }

func (fakeEngine) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeReply, error) {
	return &pb.DescribeReply{Version: "fake", Environment: map[string]string{"device": "none"}}, nil
}

type fakeTrainer struct {
	pb.UnimplementedTrainerServer
	mode string
}

// State answers with the status whose code stands in the process's environment.
func (f fakeTrainer) State(context.Context, *pb.StateRequest) (*pb.StateReply, error) {
	code, err := strconv.Atoi(f.mode)
	if err != nil {
		return &pb.StateReply{Digest: "d"}, nil
	}
	return nil, status.Error(codes.Code(code), "what went wrong")
}

// oneAtATime is held by who computes, in mode "queue".
var oneAtATime sync.Mutex

// FineTune tells progress three times, 100 ms apart; then the mode decides.
func (f fakeTrainer) FineTune(r *pb.FineTuneRequest, stream grpc.ServerStreamingServer[pb.FineTuneReply]) error {
	if f.mode == "queue" {
		oneAtATime.Lock()
		defer oneAtATime.Unlock()
		for range 20 { // for two seconds
			if err := stream.Send(&pb.FineTuneReply{Reply: &pb.FineTuneReply_Progress{Progress: &pb.Progress{Done: 1}}}); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	for i := range int64(3) {
		progress := &pb.Progress{Done: i + 1, Total: 3, Tokens: 10 * (i + 1)}
		if err := stream.Send(&pb.FineTuneReply{Reply: &pb.FineTuneReply_Progress{Progress: progress}}); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	switch f.mode {
	case "crash":
		processtest.Die(9, "something terrible")
	case "stall", "stubborn":
		time.Sleep(time.Hour)
	case "wait":
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	result := &pb.StepResult{Digest: "after " + r.Parent, Metrics: map[string]float64{"loss": 0.5}}
	return stream.Send(&pb.FineTuneReply{Reply: &pb.FineTuneReply_Result{Result: result}})
}

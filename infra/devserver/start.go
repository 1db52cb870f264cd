package devserver

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"t1"
)

const loopback = "127.0.0.1"

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// arguments are those of temporal v1.5.1.
func arguments(o Options) []string {
	args := []string{
		"server", "start-dev", "--ip", loopback, "--port", strconv.Itoa(o.Port),
		"--log-format", "json", "--color", "never", "--disable-config-file", "--disable-config-env",
		// A client that misses a workflow's last event waits until its poll ends:
		// 20 s by default, in about 1 of 100 waits on a busy machine.
		"--dynamic-config-value", `history.longPollExpirationInterval="1s"`,
	}
	if o.UIPort < 0 {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-ip", loopback, "--ui-port", strconv.Itoa(o.UIPort))
	}
	if o.DBFile != "" {
		args = append(args, "--db-filename", o.DBFile)
	}
	for name, kind := range o.SearchAttributes {
		args = append(args, "--search-attribute", name+"="+kind)
	}
	return args
}

// environment is ours without what would steer the temporal command.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "TEMPORAL_") })
}

// findBinary looks where `make setup` puts the binary, from the working
// directory and from beside our own binary, then in PATH.
func findBinary(path string) (string, error) {
	candidates := []string{path}
	if path == "" {
		candidates = []string{filepath.Join(".bin", "temporal")}
		if exe, err := os.Executable(); err == nil {
			beside := filepath.Dir(exe)
			candidates = append(candidates, filepath.Join(beside, "temporal"), filepath.Join(filepath.Dir(beside), ".bin", "temporal"))
		}
		candidates = append(candidates, "temporal")
	}
	for _, candidate := range candidates {
		if found, err := exec.LookPath(candidate); err == nil {
			return filepath.Abs(found)
		}
	}
	return "", t1.Errorf(t1.KindNotFound, "there is no temporal binary at %s", strings.Join(candidates, ", ")).
		WithHint("run `make setup`, or install Temporal's CLI")
}

func checkPorts(o Options) error {
	for _, port := range []int{o.Port, o.UIPort} {
		if port < 0 {
			continue
		}
		if port > 65535 {
			return t1.Errorf(t1.KindInvalid, "port %d: the highest is 65535", port)
		}
		listener, err := net.Listen("tcp", address(port))
		if errors.Is(err, syscall.EADDRINUSE) {
			return t1.Errorf(t1.KindConflict, "port %d is in use by another program", port).
				WithHint("end that program (`ss -ltnp` names it), or choose another port")
		}
		if err != nil {
			return t1.Errorf(t1.KindInvalid, "port %d cannot be used: %w", port, err)
		}
		_ = listener.Close()
	}
	return nil
}

// await returns when the server answers and keeps ended workflows long enough.
func (s *Server) await(ctx context.Context, binary string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.StartTimeout,
		t1.Errorf(t1.KindUnavailable, "the Temporal server did not answer within %s", s.options.StartTimeout))
	defer cancel()
	connection, err := grpc.NewClient(s.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	health := grpc_health_v1.NewHealthClient(connection)
	for !healthy(ctx, health) {
		connection.ResetConnectBackoff()
		select {
		case <-s.done:
			return t1.Errorf(t1.KindUnavailable, "the Temporal server ended while starting (%s)%s", s.process.State(), s.logEnd())
		case <-ctx.Done():
			return t1.Errorf(t1.KindUnavailable, "%w%s", context.Cause(ctx), s.logEnd())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return s.retain(ctx, binary)
}

func healthy(ctx context.Context, health grpc_health_v1.HealthClient) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	reply, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "temporal.api.workflowservice.v1.WorkflowService"})
	return err == nil && reply.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
}

// retain sets how long ended workflows are kept. The server starts with a day,
// for which it has no flag, and a run that ended must be seen for longer.
func (s *Server) retain(ctx context.Context, binary string) error {
	command := exec.CommandContext(ctx, binary, "operator", "namespace", "update", "--namespace", "default",
		"--retention", s.options.Retention.String(), "--address", s.Address, "--disable-config-file", "--disable-config-env")
	command.Env = environment()
	if out, err := command.CombinedOutput(); err != nil {
		return t1.Errorf(t1.KindUnavailable, "the Temporal server does not take a retention of %s (%w): %s",
			s.options.Retention, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// logEnd quotes the end of what this server wrote, for an error. Its lines are
// long, so that bytes are counted.
func (s *Server) logEnd() string {
	const most = 800
	text := s.process.Written()
	if text == "" {
		return ""
	}
	return "; its log ends: " + strings.TrimSpace(text[max(0, len(text)-most):])
}

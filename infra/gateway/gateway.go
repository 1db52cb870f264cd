// Package gateway starts versitygw, an S3 server that keeps its objects as files
// of a directory: for tests of what talks to S3, and for what does harm to it.
package gateway

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"t1/infra/process"
)

// Options says what to serve. All but Environment are required.
type Options struct {
	Binary         string
	Disk           string // directory of the buckets, made if it is not there; so is Bucket in it
	Bucket         string
	Access, Secret string   // the one key it takes
	Log            string   // file
	Environment    []string // NAME=VALUE, beside this process's
}

// Server is a running server.
type Server struct {
	*process.Process
	Address string // host and port, of the loopback interface
}

// Start returns when the server accepts connections.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := os.MkdirAll(filepath.Join(o.Disk, o.Bucket), 0o700); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	command := exec.Command(o.Binary, "--port", address, "--access", o.Access, "--secret", o.Secret, "--quiet", "posix", o.Disk)
	command.Env = append(os.Environ(), o.Environment...)
	p, err := process.Start(command, process.Options{Name: "S3 server", Log: o.Log, RunHint: "run `make versitygw`"})
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p, Address: address}
	if err := s.Await(ctx, 10*time.Second, 20*time.Millisecond, s.accepts); err != nil {
		s.End()
		return nil, err
	}
	return s, nil
}

func (s *Server) accepts(ctx context.Context) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.Address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

package s3

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"t1"
	"t1/infra/process"
	"t1/infra/process/processtest"
	"t1/infra/storetest"
)

// A real S3 server, versitygw, which checks signatures and checksums: over a
// directory, on a free port of the loopback interface.
func TestContractOnAServer(t *testing.T) {
	address := gateway(t, "bucket")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_CONFIG_FILE": "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	stores := 0
	storetest.Run(t, func(t *testing.T) t1.Store {
		stores++
		s, err := New(t.Context(), Config{Bucket: "bucket", Prefix: "p" + strconv.Itoa(stores), Endpoint: "http://" + address, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
	s, err := New(t.Context(), Config{Bucket: "another", Endpoint: "http://" + address, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); t1.KindOf(err) != t1.KindInvalid || t1.HintOf(err) == "" {
		t.Errorf("a bucket that is not there: %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	s, err = New(t.Context(), Config{Bucket: "bucket", Endpoint: "http://" + address, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); t1.KindOf(err) != t1.KindInvalid || t1.HintOf(err) == "" {
		t.Errorf("a wrong secret: %v", err)
	}
}

// gateway starts a server with one bucket and gives its address.
func gateway(t *testing.T, bucket string) string {
	t.Helper()
	binary, err := filepath.Abs("../../.bin/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("no S3 server, run `make versitygw` first: %v", err)
	}
	directory := t.TempDir()
	if err := os.Mkdir(filepath.Join(directory, bucket), 0o700); err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(processtest.FreePort(t)))
	command := exec.Command(binary, "--port", address, "--access", "test", "--secret", "testtest", "--quiet", "posix", directory)
	server, err := process.Start(command, process.Options{Name: "S3 server", Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.End)
	err = server.Await(t.Context(), 10*time.Second, 20*time.Millisecond, func(context.Context) bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return address
}

package s3

import (
	"path/filepath"
	"strconv"
	"testing"

	"t1"
	"t1/infra/gateway"
	"t1/infra/storetest"
)

// A real S3 server, versitygw, which checks signatures and checksums: over a
// directory, on a free port of the loopback interface.
func TestContractOnAServer(t *testing.T) {
	address := versity(t, "bucket")
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

// versity starts a server with one bucket and gives its address.
func versity(t *testing.T, bucket string) string {
	t.Helper()
	binary, err := filepath.Abs("../../.bin/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	server, err := gateway.Start(t.Context(), gateway.Options{
		Binary: binary, Disk: t.TempDir(), Bucket: bucket, Access: "test", Secret: "testtest", Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.End)
	return server.Address
}

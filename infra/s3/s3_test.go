package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"t1"
	"t1/infra/storetest"
)

// The server is gofakes3: it checks neither signatures nor checksums, and
// ignores If-None-Match when it completes a multipart upload.
func TestContract(t *testing.T) {
	for name, prefix := range map[string]string{"whole bucket": "", "prefix": "/some/where/"} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) t1.Store { return open(t, serve(t, fake(t)), prefix) })
		})
	}
}

func fake(t *testing.T) http.Handler {
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	return gofakes3.New(backend).Server()
}

func serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func open(t *testing.T, endpoint, prefix string) *Store {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	s, err := New(t.Context(), Config{Bucket: "bucket", Prefix: prefix, Endpoint: endpoint, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readAll(t *testing.T, s *Store, ref t1.Ref) (string, error) {
	t.Helper()
	r, err := s.Open(t.Context(), ref)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

func TestDamageIsFound(t *testing.T) {
	s := open(t, serve(t, fake(t)), "p")
	ref, err := s.Create(t.Context(), "runs/a/block", strings.NewReader("the bytes"))
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"The bytes", "the byte", "the bytes!", ""} {
		s.overwrite(t, ref.Key, damaged)
		_, err := readAll(t, s, ref)
		if t1.KindOf(err) != t1.KindCorrupt || !strings.Contains(err.Error(), ref.Key) {
			t.Errorf("%q: %v", damaged, err)
		}
	}
}

// overwrite stores an object as other tools would, without our metadata.
func (s *Store) overwrite(t *testing.T, key, text string) {
	t.Helper()
	_, err := s.client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("bucket"), Key: aws.String(s.full(key)), Body: strings.NewReader(text),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestObjectsOfOthers(t *testing.T) {
	s := open(t, serve(t, fake(t)), "p")
	s.overwrite(t, "folder/", "")
	s.overwrite(t, "file", "abc")
	var keys []string
	for ref, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, ref.Key)
	}
	if len(keys) != 1 || keys[0] != "file" {
		t.Errorf("listed %q", keys)
	}
	ref, err := s.Head(t.Context(), "file")
	if err != nil || ref.Bytes != 3 || !strings.HasPrefix(ref.SHA256, "ba7816bf") {
		t.Errorf("head: %+v, %v", ref, err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		kind   t1.Kind
		says   string
	}{
		{403, "AccessDenied", t1.KindInvalid, "s3:PutObject on bucket bucket is not allowed"},
		{404, "NoSuchBucket", t1.KindInvalid, "bucket bucket does not exist"},
		{412, "PreconditionFailed", t1.KindConflict, "there already"},
		{301, "PermanentRedirect", t1.KindInvalid, "another region"},
		{400, "ExpiredToken", t1.KindInvalid, "credentials"},
		{507, "XMinioStorageFull", t1.KindDiskFull, "no room"},
		{503, "SlowDown", t1.KindUnavailable, "does not answer"},
		{500, "InternalError", t1.KindUnavailable, "does not answer"},
		{400, "MalformedXML", t1.KindInternal, "MalformedXML"},
	} {
		s := open(t, serve(t, refuse(c.status, c.code)), "")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		s.client = s3.New(s.client.Options(), func(o *s3.Options) { o.RetryMaxAttempts = 1 })
		_, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"), Body: bytes.NewReader(nil)})
		err = s.explain("s3:PutObject", "k", err)
		cancel()
		if t1.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d %s: kind %s: %v", c.status, c.code, t1.KindOf(err), err)
		}
		if c.kind == t1.KindInvalid && t1.HintOf(err) == "" {
			t.Errorf("%d %s: no hint", c.status, c.code)
		}
	}
}

func refuse(status int, code string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, "<Error><Code>"+code+"</Code><Message>no</Message></Error>")
	})
}

func TestServerThatIsNotThere(t *testing.T) {
	s := open(t, "http://127.0.0.1:1", "")
	s.client = s3.New(s.client.Options(), func(o *s3.Options) { o.RetryMaxAttempts = 1 })
	err := s.Check(t.Context())
	if t1.KindOf(err) != t1.KindUnavailable || t1.HintOf(err) == "" || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v", err)
	}
}

func TestBadConfig(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	for _, c := range []Config{
		{}, {Bucket: "a/b"}, {Bucket: "b", Endpoint: "nonsense"}, {Bucket: "b", Endpoint: "http://x", Prefix: "../x"}, {Bucket: "b"},
	} {
		if _, err := New(t.Context(), c); t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// The answer to a successful creation gets lost, the client asks again and is
// told that the object exists: it was its own.
func TestLostAnswer(t *testing.T) {
	server := fake(t)
	var puts atomic.Int32
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && puts.Add(1) == 1 {
			server.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		server.ServeHTTP(w, r)
	})), "p")
	ref, err := s.Create(t.Context(), "once", strings.NewReader("text"))
	if err != nil || puts.Load() != 2 {
		t.Fatalf("after %d attempts: %v", puts.Load(), err)
	}
	if text, err := readAll(t, s, ref); err != nil || text != "text" {
		t.Errorf("read %q, %v", text, err)
	}
	if _, err := s.Create(t.Context(), "once", strings.NewReader("text")); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("a second creation: %v", err)
	}
}

// The connection breaks while an object is read: reading goes on where it broke.
func TestBrokenConnection(t *testing.T) {
	server := fake(t)
	var breaks atomic.Int32
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && breaks.Add(-1) >= 0 {
			w = &breaking{ResponseWriter: w, left: 100_000}
		}
		server.ServeHTTP(w, r)
	})), "p")
	text := strings.Repeat("0123456789", 100_000)
	ref, err := s.Create(t.Context(), "big", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	breaks.Store(2)
	if got, err := readAll(t, s, ref); err != nil || got != text {
		t.Errorf("two breaks: %d bytes, %v", len(got), err)
	}
	breaks.Store(100)
	if _, err := readAll(t, s, ref); t1.KindOf(err) != t1.KindUnavailable {
		t.Errorf("breaks for ever: %v", err)
	}
}

type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		b.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return b.ResponseWriter.Write(p)
}

func TestCancelledUploadLeavesNothing(t *testing.T) {
	server := fake(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("partNumber") == "2" {
			cancel()
		}
		server.ServeHTTP(w, r)
	})), "p")
	_, err := s.Create(ctx, "big", bytes.NewReader(make([]byte, 40<<20)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v", err)
	}
	uploads, err := s.client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("bucket")})
	if err != nil || len(uploads.Uploads) != 0 {
		t.Errorf("unfinished uploads: %v, %v", uploads, err)
	}
	for ref := range s.List(t.Context(), "") {
		t.Errorf("left: %v", ref)
	}
}

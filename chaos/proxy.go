package chaos

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Request is one request for an object, as it passed.
type Request struct {
	At     time.Time // when it was answered
	Method string
	Key    string // in the bucket
	Create string // the call of t1.Store's Create that it is part of; empty for other requests
	Status int    // 0: it got no answer
}

// Hook sees a request for an object. It may wait, answer by itself (then it
// returns true), or break the connection by panicking with http.ErrAbortHandler;
// otherwise it lets pass what passes on.
type Hook func(w http.ResponseWriter, r *http.Request, key string, pass http.Handler) (handled bool)

// Proxy stands before an S3 server. It remembers what passed, and asks its hook
// about each request first.
type Proxy struct {
	server  *http.Server
	address string
	bucket  string
	pass    *httputil.ReverseProxy

	mu     sync.Mutex
	hook   Hook
	passed []Request
}

// NewProxy listens on a free port of the loopback interface, before the server at
// address (host:port), and knows the keys of one bucket.
func NewProxy(address, bucket string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	target := &url.URL{Scheme: "http", Host: address}
	p := &Proxy{address: listener.Addr().String(), bucket: bucket}
	p.pass = &httputil.ReverseProxy{
		// The signature is over the host that the client named.
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		// What the client or the server broke off is part of the play.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		Transport:    &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// URL is where the store's endpoint is.
func (p *Proxy) URL() string { return "http://" + p.address }

// Close breaks all connections.
func (p *Proxy) Close() { _ = p.server.Close() }

// Use sets the hook; nil lets everything pass.
func (p *Proxy) Use(h Hook) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = h
}

// Passed is all that passed so far for objects whose keys begin with prefix.
func (p *Proxy) Passed(prefix string) []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var some []Request
	for _, r := range p.passed {
		if strings.HasPrefix(r.Key, prefix) {
			some = append(some, r)
		}
	}
	return some
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	key, object := strings.CutPrefix(r.URL.Path, "/"+p.bucket+"/")
	if !object || key == "" {
		p.pass.ServeHTTP(w, r) // a listing
		return
	}
	answer := &answer{ResponseWriter: w}
	done := Request{Method: r.Method, Key: key, Create: r.Header.Get("X-Amz-Meta-T1-Create")}
	defer func() {
		done.At, done.Status = time.Now(), answer.status
		p.mu.Lock()
		p.passed = append(p.passed, done)
		p.mu.Unlock()
	}()
	p.mu.Lock()
	hook := p.hook
	p.mu.Unlock()
	if hook == nil || !hook(answer, r, key, p.pass) {
		p.pass.ServeHTTP(answer, r)
	}
}

// answer remembers its status.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(data []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController flush.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>chaos</Message></Error>")
}

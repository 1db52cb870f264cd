package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"t1"
	"t1/infra/gateway"
)

// Options says where the parts are.
type Options struct {
	T1        string // the binary
	Gateway   string // the S3 server's binary, versitygw
	Directory string // a new one is made in it, and removed at the end
	Spec      string // of the runs: a small one
	Roles     bool   // a worker of its own for each role, in place of one for all
	Tell      func(format string, args ...any)
}

// World is an S3 server behind a proxy, a Temporal server, and workers.
type World struct {
	Options
	Proxy *Proxy

	home    string // T1_HOME of `t1 up`
	disk    string // where the S3 server keeps its objects
	mark    string // in the environment of every process of this world
	ports   [2]int
	gateway *gateway.Server
	damaged string  // file of an object that a fault changed
	bounded error   // nil: disk is a file system of its own, of diskSize
	kept    []*kept // t1 up first
}

const (
	bucket = "chaos"
	secret = "planted-where-keys-are" // of the S3 server: it may be in no file

	diskSize = "1g"
)

// Open starts all parts, and returns when a worker serves.
func Open(ctx context.Context, o Options) (*World, error) {
	directory, err := os.MkdirTemp(o.Directory, "chaos-*")
	if err != nil {
		return nil, err
	}
	w := &World{Options: o, home: filepath.Join(directory, "home"), disk: filepath.Join(directory, "disk"), mark: "T1_CHAOS=" + directory}
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) open(ctx context.Context) error {
	for i := range w.ports {
		w.ports[i] = freePort()
	}
	err := os.Mkdir(w.disk, 0o700)
	if err != nil {
		return err
	}
	w.bounded = unix.Mount("tmpfs", w.disk, "tmpfs", 0, "size="+diskSize) // root may
	w.gateway, err = gateway.Start(ctx, gateway.Options{
		Binary: w.Gateway, Disk: w.disk, Bucket: bucket, Access: "chaos", Secret: secret,
		Log: filepath.Join(filepath.Dir(w.disk), "s3.log"), Environment: []string{w.mark},
	})
	if err != nil {
		return err
	}
	if w.Proxy, err = NewProxy(w.gateway.Address, bucket); err != nil {
		return err
	}
	return w.start(ctx)
}

// start starts t1 up, and a worker for each role if asked for.
func (w *World) start(ctx context.Context) error {
	up := []string{"up", "--temporal-port", strconv.Itoa(w.ports[0]), "--ui-port", strconv.Itoa(w.ports[1])}
	if w.Roles {
		up = append(up, "--queues", t1.QueueControl)
	}
	w.keep("t1 up", w.home, up...)
	if err := until(ctx, time.Minute, "t1 up", func() bool { return w.up().Worker != 0 }); err != nil {
		return err
	}
	if w.Roles {
		for _, queue := range []string{t1.QueueTrain, t1.QueueSample, t1.QueueScore} {
			w.keep(queue, filepath.Join(filepath.Dir(w.home), queue), "worker", "--queues", queue)
		}
	}
	return nil
}

// keep keeps a process of t1 alive, as systemd would.
func (w *World) keep(name, home string, args ...string) {
	k := &kept{name: name, ended: make(chan struct{})}
	w.kept = append(w.kept, k)
	go k.run(func() *exec.Cmd { return w.command(home, args...) }, filepath.Join(filepath.Dir(w.home), "t1.log"))
	for k.pid() == 0 {
		time.Sleep(time.Millisecond)
	}
}

// command is t1 in this world.
func (w *World) command(home string, args ...string) *exec.Cmd {
	c := exec.Command(w.T1, args...)
	c.Env = append(os.Environ(), w.mark, "T1_HOME="+home, "T1_STORE=s3://"+bucket, "T1_S3_ENDPOINT="+w.Proxy.URL(), "T1_S3_PATH_STYLE=true",
		"AWS_ACCESS_KEY_ID=chaos", "AWS_SECRET_ACCESS_KEY="+secret, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_EC2_METADATA_DISABLED=true")
	if args[0] != "up" {
		c.Env = append(c.Env, "TEMPORAL_ADDRESS="+net.JoinHostPort("127.0.0.1", strconv.Itoa(w.ports[0])))
	}
	return c
}

// Do runs a command of t1, which must succeed, and gives what it prints.
func (w *World) Do(args ...string) (string, error) {
	c := w.command(w.home, args...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("t1 %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return string(out), err
}

// Status asks a run how it is; ok is false while it does not answer.
func (w *World) Status(run string) (s t1.Status, ok bool) {
	out, err := w.Do("status", run, "--json")
	return s, err == nil && json.Unmarshal([]byte(out), &s) == nil
}

// Leaks lists the files of this world that have the S3 server's secret in them:
// objects, histories, logs. There should be none.
func (w *World) Leaks() (leaks []string, err error) {
	err = filepath.WalkDir(filepath.Dir(w.home), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.Type().IsRegular() {
			return nil
		}
		var data []byte
		if err == nil {
			data, err = os.ReadFile(path)
		}
		if bytes.Contains(data, []byte(secret)) {
			leaks = append(leaks, path)
		}
		if errors.Is(err, fs.ErrNotExist) { // the world lives on meanwhile
			return nil
		}
		return err
	})
	return leaks, err
}

// Close ends all processes, and says which did not end.
func (w *World) Close() error {
	for i := len(w.kept) - 1; i >= 0; i-- {
		w.kept[i].stop()
	}
	if w.Proxy != nil {
		w.Proxy.Close()
	}
	if w.gateway != nil {
		w.gateway.End()
	}
	left := w.left(5 * time.Second)
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if len(left) > 0 {
		return fmt.Errorf("left behind: processes %v of %s", left, filepath.Dir(w.home))
	}
	if w.bounded == nil {
		if err := unix.Unmount(w.disk, unix.MNT_DETACH); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Dir(w.home))
}

// left lists the processes of this world, as soon as there are none or the time is up.
func (w *World) left(patience time.Duration) []int {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if left := processes(w.mark); len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

// lookEvery is how often a world is looked at; a look at a run costs a process.
const lookEvery = time.Second

func until(ctx context.Context, limit time.Duration, what string, holds func() bool) error {
	for end := time.Now().Add(limit); !holds(); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
		if time.Now().After(end) {
			return fmt.Errorf("no %s within %s", what, limit)
		}
	}
	return nil
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

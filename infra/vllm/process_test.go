package vllm

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"t1"
	"t1/infra/process/processtest"
)

// groupOf is the process group of a server that runs, which its guard leads.
func groupOf(s *Server) int {
	pid := s.PID()
	group, err := syscall.Getpgid(pid)
	if err != nil || pid == 0 { // 0 would be ourselves
		panic(fmt.Sprintf("no server: pid %d, %v", pid, err))
	}
	return group
}

// listening gives the addresses on which processes of a group take TCP connections.
func listening(t *testing.T, number int) []string {
	t.Helper()
	sockets := map[string]bool{}
	for _, line := range processtest.Group(t, number) {
		descriptors, _ := filepath.Glob("/proc/" + strings.Fields(line)[0] + "/fd/*")
		for _, fd := range descriptors {
			if name, err := os.Readlink(fd); err == nil && strings.HasPrefix(name, "socket:[") {
				sockets[strings.Trim(name, "socket:[]")] = true
			}
		}
	}
	var addresses []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && sockets[f[9]] {
				addresses = append(addresses, address(f[1]))
			}
		}
	}
	return addresses
}

// address writes an address as /proc has it ("0100007F:1F90") as people do.
func address(hex string) string {
	host, port, _ := strings.Cut(hex, ":")
	number, _ := strconv.ParseUint(port, 16, 16)
	switch {
	case len(host) == 8:
		ip, _ := strconv.ParseUint(host, 16, 32)
		return fmt.Sprintf("%d.%d.%d.%d:%d", ip&255, ip>>8&255, ip>>16&255, ip>>24, number)
	case host == "00000000000000000000000001000000":
		return fmt.Sprintf("[::1]:%d", number)
	}
	return fmt.Sprintf("[%s]:%d", host, number)
}

var runningMetric = regexp.MustCompile(`(?m)^vllm:num_requests_running\S* (\S+)$`)

// runningRequests is how many requests the server works on, as it says itself.
func (l *life) runningRequests(t *testing.T) int {
	t.Helper()
	body, err := l.client.send(t.Context(), "GET", "/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	for lines := bufio.NewScanner(body); lines.Scan(); {
		if found := runningMetric.FindStringSubmatch(lines.Text()); found != nil {
			n, _ := strconv.ParseFloat(found[1], 64)
			return int(n)
		}
	}
	t.Fatal("no vllm:num_requests_running")
	return 0
}

func TestCannotStart(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   string
		change func(*Options)
		kind   t1.Kind
		says   string
	}{
		{"no interpreter", "", func(o *Options) { o.Python = "/nowhere/python" }, t1.KindNotFound, "/nowhere/python"},
		{"no vllm", "no module", func(*Options) {}, t1.KindNotFound, "No module named 'vllm'"},
		{"ends at once", "exit", func(*Options) {}, t1.KindUnavailable, "(exit status 1); its log ends: ValueError: no memory left"},
		{"ends at once, no log", "exit", func(o *Options) { o.Log = "" }, t1.KindUnavailable, "no memory left"},
		{"never answers", "hang in start", func(o *Options) { o.Start = 500 * time.Millisecond }, t1.KindUnavailable, "did not answer within 500ms; its log ends: loading for ever"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := fakeKit(t, c.mode)
			c.change(&k.options)
			s := New(k.options)
			defer s.Close()
			err := s.Open(t.Context(), k.a, nil)
			if t1.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s: %v", t1.KindOf(err), err)
			}
			if s.Policy() != "" || s.PID() != 0 {
				t.Errorf("serves %q, pid %d", s.Policy(), s.PID())
			}
		})
	}
}

func TestCloseWhileStarting(t *testing.T) {
	k := fakeKit(t, "hang in start")
	s := New(k.options)
	failed := make(chan error)
	go func() { failed <- s.Open(context.Background(), k.a, nil) }()
	for s.PID() == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	group := groupOf(s)
	s.Close()
	if err := <-failed; err == nil {
		t.Error("opened a server that was closed")
	}
	processtest.WantNoGroup(t, group)
}

// openAndHang is a process that opens a policy and is killed then.
func openAndHang(config string) {
	os.Unsetenv(fakeParent) // or the server would take itself for the parent
	var k struct {
		Options Options
		Dir     string
		Digest  t1.Digest
		Probes  []Probe
	}
	if err := json.Unmarshal([]byte(config), &k); err != nil {
		panic(err)
	}
	s := New(k.Options)
	verify := func(context.Context, string) error { return nil }
	if err := s.Open(context.Background(), Policy{Digest: k.Digest, Dir: k.Dir, Verify: verify, Probes: k.Probes}, nil); err != nil {
		panic(err)
	}
	fmt.Println(groupOf(s))
	select {}
}

// diesWithItsParent kills a process that has a server and looks for what stays.
func diesWithItsParent(t *testing.T, k kit) {
	config, err := json.Marshal(map[string]any{"Options": k.options, "Dir": k.a.Dir, "Digest": k.a.Digest, "Probes": k.a.Probes})
	if err != nil {
		t.Fatal(err)
	}
	line, kill := processtest.Owner(t, fakeParent, string(config))
	group, err := strconv.Atoi(line)
	if err != nil || len(processtest.Group(t, group)) < 3 { // the guard, the server, and what it started
		t.Fatalf("%q, %v: %q", line, err, processtest.Group(t, group))
	}
	kill()
	processtest.WantNoGroup(t, group)
}

func TestDiesWithItsParent(t *testing.T) { diesWithItsParent(t, fakeKit(t, "")) }

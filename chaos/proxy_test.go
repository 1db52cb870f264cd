package chaos

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// store is a server that keeps what is put.
type store struct{ objects map[string][]byte }

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		data, err := io.ReadAll(r.Body)
		if err == nil {
			s.objects[r.URL.Path] = data
		}
		return
	}
	data, there := s.objects[r.URL.Path]
	if !there {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = w.Write(data)
}

func behind(t *testing.T) (*Proxy, *store) {
	t.Helper()
	s := &store{map[string][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	p, err := NewProxy(strings.TrimPrefix(server.URL, "http://"), "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, s
}

func ask(t *testing.T, p *Proxy, method, key, body string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.URL()+"/b/"+key, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Meta-T1-Create", "call")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

func TestProxyPassesAndRemembers(t *testing.T) {
	p, _ := behind(t)
	if status, _, err := ask(t, p, "PUT", "runs/a/x", "text"); status != 200 || err != nil {
		t.Errorf("put: %d, %v", status, err)
	}
	if status, text, err := ask(t, p, "GET", "runs/a/x", ""); status != 200 || text != "text" || err != nil {
		t.Errorf("get: %d %q, %v", status, text, err)
	}
	if status, _, _ := ask(t, p, "GET", "runs/b/y", ""); status != 404 {
		t.Errorf("get of what is not there: %d", status)
	}
	passed := p.Passed("runs/a/")
	if len(passed) != 2 || passed[0].Method != "PUT" || passed[0].Create != "call" || passed[1].Status != 200 || len(p.Passed("")) != 3 {
		t.Errorf("passed: %+v", passed)
	}
}

func TestHarm(t *testing.T) {
	p, s := behind(t)
	s.objects["/b/x"] = []byte("0123456789")
	p.Use(flip)
	_, text, err := ask(t, p, "GET", "x", "")
	if err != nil || len(text) != 10 || text == "0123456789" {
		t.Errorf("flip: %q, %v", text, err)
	}
	p.Use(cut)
	if _, text, err := ask(t, p, "GET", "x", ""); text != "01234" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %q, %v", text, err)
	}
	if _, _, err := ask(t, p, "PUT", "y", strings.Repeat("long", 100)); err == nil || s.objects["/b/y"] != nil {
		t.Errorf("cut of what is put: %v; stored %q", err, s.objects["/b/y"])
	}
}

// A plan strikes once at each phase: before the server hears of it, or after it
// has done what was asked.
func TestPlanStrikesOnceAPhase(t *testing.T) {
	p, s := behind(t)
	var struck []string
	plan := newPlan("r", some("SFT", "score", "record"))
	plan.strike = func(phase, key string) error {
		struck = append(struck, phase+" "+string(bytes.ToUpper(s.objects["/b/"+key])))
		return nil
	}
	p.Use(plan.hook)
	for _, key := range []string{"log/00000000.json", "log/00000001.json", "log/00000001.json", "scores/000002.parquet", "log/00000008.json"} {
		if status, _, err := ask(t, p, "PUT", "runs/r/"+key, "text"); status != 200 || err != nil {
			t.Errorf("%s: %d, %v", key, status, err)
		}
	}
	if want := "SFT TEXT;score ;record "; strings.Join(struck, ";") != want {
		t.Errorf("struck %q, want %q", strings.Join(struck, ";"), want)
	}
	if plan.newest != 8 || len(plan.due) != 0 || len(plan.hits) != 3 {
		t.Errorf("newest %d, due %v, hits %v", plan.newest, plan.due, plan.hits)
	}
}

// Harm begins at a phase and lasts for its time.
func TestHarmLasts(t *testing.T) {
	p, _ := behind(t)
	plan := newPlan("r", some("score"))
	plan.lasts = 200 * time.Millisecond
	plan.harm = func(w http.ResponseWriter, _ *http.Request, _ string, _ http.Handler) bool {
		refuse(w, 503, "SlowDown")
		return true
	}
	p.Use(plan.hook)
	for _, want := range []struct {
		key    string
		status int
	}{{"log/00000000.json", 200}, {"scores/000002.parquet", 503}, {"scores/000002.parquet", 503}, {"anything", 503}} {
		if status, _, _ := ask(t, p, "PUT", "runs/r/"+want.key, "text"); status != want.status {
			t.Errorf("%s: %d, want %d", want.key, status, want.status)
		}
	}
	time.Sleep(plan.lasts)
	if status, _, _ := ask(t, p, "PUT", "runs/r/scores/000002.parquet", "text"); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

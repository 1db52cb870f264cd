package chaos

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Phase is a moment of a run, told by a request for one of its objects.
type Phase struct {
	Name  string
	After bool          // the server has done what was asked, and t1 does not know it yet; otherwise the server has not heard of it
	Delay time.Duration // from then on, with the request let through
	is    func(at moment) bool
}

// moment is a request as a phase sees it.
type moment struct {
	method string
	key    string // below the run's directory
	newest int    // record; -1 before the first
}

func (m moment) puts(prefix string) bool {
	return m.method == http.MethodPut && strings.HasPrefix(m.key, prefix)
}

// Phases are those of a run of testdata/tiny.yaml, in the order in which they
// come: record 1 and 2 are supervised, record n + 2 is iteration n.
func Phases() []Phase {
	return []Phase{
		{Name: "SFT", After: true, is: func(m moment) bool { return m.puts("log/00000001.json") }},
		{Name: "pool", After: true, is: func(m moment) bool { return m.puts("rollouts/pool/") }},
		{Name: "sample", After: true, is: func(m moment) bool { return m.puts("rollouts/000001/") }},
		{Name: "score", is: func(m moment) bool { return m.puts("scores/000002.parquet") }},
		{Name: "continue-as-new", After: true, Delay: 100 * time.Millisecond, is: func(m moment) bool { return m.puts("log/00000005.json") }},
		{Name: "update", is: func(m moment) bool { return m.puts("advantages/000004.parquet") }},
		{Name: "evaluate", After: true, is: func(m moment) bool { return m.newest == 6 && m.puts("eval/") }},
		{Name: "publish", is: func(m moment) bool {
			return m.newest == 6 && m.puts("policy/") && strings.HasSuffix(m.key, ".safetensors")
		}},
		{Name: "record", is: func(m moment) bool { return m.puts("log/00000008.json") }},
		{Name: "snapshot", is: func(m moment) bool {
			return m.newest >= 8 && m.puts("snapshot/") && strings.HasSuffix(m.key, ".safetensors")
		}},
		{Name: "recorded", After: true, is: func(m moment) bool { return m.puts("log/00000010.json") }},
	}
}

// Hit is a phase that came, and what was done then.
type Hit struct {
	Phase string
	Key   string
	At    time.Time
	Err   error // of the fault: it could not be done
}

// plan has something happen at each of some phases of a run, once.
type plan struct {
	run    string
	strike func(phase string, key string) error // at a phase
	deaf   bool                                 // it ends those that ask, so no request goes on
	harm   Hook                                 // done to requests from the phase on, for lasts; nil: nothing
	lasts  time.Duration

	mu     sync.Mutex
	due    []Phase
	newest int
	until  time.Time // harm is done
	hits   []Hit
}

func newPlan(run string, phases []Phase) *plan {
	return &plan{run: run, due: phases, newest: -1}
}

// hook is the proxy's.
func (p *plan) hook(w http.ResponseWriter, r *http.Request, key string, pass http.Handler) bool {
	below, ours := strings.CutPrefix(key, "runs/"+p.run+"/")
	if !ours {
		return false
	}
	phase := p.take(moment{method: r.Method, key: below})
	switch {
	case p.harms(phase, key):
		return p.harm(w, r, key, pass)
	case phase == nil:
		pass.ServeHTTP(w, r)
		p.saw(r.Method, below)
	case phase.Delay > 0:
		pass.ServeHTTP(w, r)
		p.saw(r.Method, below)
		time.AfterFunc(phase.Delay, func() { p.hit(*phase, key, p.strike(phase.Name, key)) })
	case phase.After:
		kept := httptest.NewRecorder()
		pass.ServeHTTP(kept, r)
		p.saw(r.Method, below)
		p.hit(*phase, key, p.strike(phase.Name, key))
		p.answer(w, kept)
	default:
		p.hit(*phase, key, p.strike(phase.Name, key))
		p.answer(w, nil) // where the client is there yet, the request goes on
		pass.ServeHTTP(w, r)
		p.saw(r.Method, below)
	}
	return true
}

// answer passes on what the server said, if the client can hear it.
func (p *plan) answer(w http.ResponseWriter, kept *httptest.ResponseRecorder) {
	if p.deaf {
		panic(http.ErrAbortHandler)
	}
	if kept == nil {
		return
	}
	passOn(w, kept, kept.Body.Bytes())
}

// passOn answers as the server did, but for the body.
func passOn(w http.ResponseWriter, said *httptest.ResponseRecorder, body []byte) {
	maps.Copy(w.Header(), said.Header())
	w.WriteHeader(said.Code)
	_, _ = w.Write(body)
}

// harms says whether a request is to be harmed; a phase begins the time of that.
func (p *plan) harms(phase *Phase, key string) bool {
	if p.harm == nil {
		return false
	}
	if phase != nil {
		p.hit(*phase, key, nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.until = time.Now().Add(p.lasts)
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.until)
}

// take gives the phase that a request is, and takes it off the list.
func (p *plan) take(m moment) *Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.newest = p.newest
	for i, phase := range p.due {
		if phase.is(m) {
			p.due = append(p.due[:i:i], p.due[i+1:]...)
			return &phase
		}
	}
	return nil
}

func (p *plan) hit(phase Phase, key string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hits = append(p.hits, Hit{Phase: phase.Name, Key: key, At: time.Now(), Err: err})
}

// saw notes which record is the newest.
func (p *plan) saw(method, key string) {
	name, record := strings.CutPrefix(key, "log/")
	seq, err := strconv.Atoi(strings.TrimSuffix(name, ".json"))
	if method != http.MethodPut || !record || err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.newest = max(p.newest, seq)
}

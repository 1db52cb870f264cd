package activities

import (
	"context"
	"sync"
	"time"

	"t1"
	"t1/infra/chat"
	"t1/library"
)

// Synthesizer serves t1.Synthesizer.
type Synthesizer struct {
	host *Host
	keys func(variable string) string
	jobs memo[*synthesisJob]
	math *verifiers

	mu      sync.Mutex
	clients map[chat.Options]*chat.Client // shared, so that their limits hold over all problems

	backoff time.Duration // before a request's second try; 0 means the client's default
}

// NewSynthesizer serves the synthesis queue; it needs no engine. keys gives the
// API key in a variable of the process's environment: a key is in memory only,
// never in an object, a history or a log.
func NewSynthesizer(host *Host, keys func(variable string) string) *Synthesizer {
	return &Synthesizer{host: host, keys: keys, math: newVerifiers(host.Verifier), clients: map[chat.Options]*chat.Client{}}
}

var _ t1.Synthesizer = (*Synthesizer)(nil)

// OpenSynthesis reads what is to be done.
func (s *Synthesizer) OpenSynthesis(ctx context.Context, in t1.SynthesizeInput) (t1.SynthesisPlan, error) {
	return edge(ctx, func(ctx context.Context, _ beat) (t1.SynthesisPlan, error) {
		s.jobs.forget() // there may be other benchmarks by now
		job, err := s.job(ctx, in.Name)
		if err != nil {
			return t1.SynthesisPlan{}, err
		}
		spec := job.order.Spec
		return t1.SynthesisPlan{Problems: len(job.problems), Width: spec.Width, PerFlow: spec.PerFlow, Budget: spec.Budget}, nil
	})
}

// SynthesizeProblem goes through the four steps of one problem.
func (s *Synthesizer) SynthesizeProblem(ctx context.Context, in t1.SynthesizeProblemInput) (t1.SynthesizedProblem, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.SynthesizedProblem, error) {
		return s.synthesize(ctx, in, beat)
	})
}

// AssembleSynthesis makes the data set and the report.
func (s *Synthesizer) AssembleSynthesis(ctx context.Context, in t1.SynthesizeInput) (t1.SynthesisResult, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.SynthesisResult, error) { return s.assemble(ctx, in, beat) })
}

// synthesisJob is a synthesis as its problems share it.
type synthesisJob struct {
	order      t1.Synthesis
	prompts    *Prompts
	problems   []t1.Problem
	grader     t1.Grader           // nil where a program grades
	benchmarks *library.Benchmarks // as they were when it was opened; the data set is compared with those of its day
}

func (s *Synthesizer) job(ctx context.Context, name string) (*synthesisJob, error) {
	return s.jobs.get(name, func() (*synthesisJob, error) {
		order, err := readJSON[t1.Synthesis](ctx, s.host.Store, t1.SynthesisOrderKey(name))
		if t1.KindOf(err) == t1.KindNotFound {
			return nil, t1.Errorf(t1.KindNotFound, "there is no synthesis %q in the store", name).WithHint("t1 synthesize SPEC --name %s", name)
		}
		if err != nil {
			return nil, err
		}
		prompts, err := ParsePrompts(order.Prompts)
		if err != nil {
			return nil, err
		}
		grader, err := synthesisGrader(order.Spec)
		if err != nil {
			return nil, err
		}
		benchmarks, err := library.OpenBenchmarks(ctx, s.host.Store)
		if err != nil {
			return nil, err
		}
		problems, err := ReadRows[t1.Problem](ctx, s.host.Store, order.Problems)
		return &synthesisJob{order, prompts, problems, grader, benchmarks}, err
	})
}

// client is the one client of an endpoint in this process.
func (s *Synthesizer) client(e t1.EndpointSpec) *chat.Client {
	options := chat.Options{
		Name: e.Name, BaseURL: e.BaseURL, KeyName: e.APIKeyEnv, Concurrency: e.Concurrency, PerMinute: e.RequestsPerMinute,
		Timeout: time.Duration(e.TimeoutSeconds) * time.Second, Backoff: s.backoff,
	}
	if e.APIKeyEnv != "" {
		options.Key = s.keys(e.APIKeyEnv)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[options] == nil {
		s.clients[options] = chat.New(options)
	}
	return s.clients[options]
}

// alive beats once a second while do runs. Each request in it has a time limit
// of its own, so that what beats here does end.
func alive(beat beat, progress func() (done, total, tokens int64), do func()) {
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			beat(progress())
		}
	}
}

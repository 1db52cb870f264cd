package vllm

import (
	"bytes"
	"context"
	"os"
	"path/filepath"

	"t1"
)

// Policy is a policy to serve, and how to recognise it.
type Policy struct {
	Digest t1.Digest
	Dir    string // Hugging Face directory on this machine: regular files only, weights as safetensors
	// Verify checks all files of a directory against the digests of the policy's
	// manifest. It is given our copy, so that what was verified is what is served.
	Verify func(ctx context.Context, dir string) error
	Probes []Probe // at least one

	answers []completion // of a server to Probes, once it was proven
}

// Probe is what the trainer's copy of the policy answers when it is greedy.
type Probe struct {
	Prompt   []int32
	Tokens   []int32   // at least one; a few dozen tell more
	LogProbs []float32 // of Tokens, at temperature 1
}

func (p Policy) check() error {
	if p.Digest == "" || p.Dir == "" || p.Verify == nil || len(p.Probes) == 0 {
		return t1.Errorf(t1.KindInvalid, "policy to serve: digest, directory, verification and probes are all needed")
	}
	for i, probe := range p.Probes {
		if len(probe.Prompt) == 0 || len(probe.Tokens) == 0 || len(probe.Tokens) != len(probe.LogProbs) {
			return t1.Errorf(t1.KindInvalid, "probe %d: %d prompt tokens, %d tokens, %d log-probabilities; at least one each, and as many as tokens",
				i, len(probe.Prompt), len(probe.Tokens), len(probe.LogProbs))
		}
	}
	return nil
}

// Open makes the server serve a policy, starting it where it does not run, and
// returns once that is proven; a policy that is served by proof already costs
// nothing. It waits for generations under way. A nil stage is allowed.
//
// The files are copied and verified before anything changes: their errors (such
// as KindCorrupt) leave the policy before in service. From then until the proof
// the server serves nothing, however Open ends. KindStateMismatch: the weights
// answer otherwise than the trainer's, also on a fresh server. KindUnavailable:
// the server did not start, or ended.
func (s *Server) Open(ctx context.Context, p Policy, stage Stage) error {
	if err := p.check(); err != nil {
		return err
	}
	if s.serving(p.Digest) != nil {
		return nil
	}
	if err := acquire(ctx, s.opening, 1, func() { tell(stage, "another caller has the server serve a policy") }); err != nil {
		return err
	}
	defer s.opening.Release(1)
	if s.serving(p.Digest) != nil { // another caller was first
		return nil
	}
	tell(stage, "the policy's files are copied and verified")
	staged, err := s.stage(ctx, p)
	if err != nil {
		return err
	}
	if err := acquire(ctx, s.use, everyone, func() { tell(stage, "generations under way go on") }); err != nil {
		return err
	}
	defer s.use.Release(everyone)
	before := s.disprove()
	if err := s.swap(ctx, p, staged, before, stage); err != nil {
		s.Kill() // an update that failed leaves an engine that nobody knows
		return err
	}
	s.sweep(p.Digest)
	return nil
}

// disprove ends the service of what was proven and gives it back.
func (s *Server) disprove() Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.proven
	s.proven = Policy{}
	return before
}

// swap puts the weights into the running server, and where there is none, they
// do not fit it, or they do not take, into a fresh one.
func (s *Server) swap(ctx context.Context, p Policy, staged string, before Policy, stage Stage) error {
	if err := s.point(staged); err != nil {
		return err
	}
	if l := s.running(); l != nil && before.Digest != "" && sameModel(l, staged) {
		tell(stage, "the server loads the policy's weights")
		err := l.client.reload(ctx)
		if err == nil {
			err = s.prove(ctx, l, p, before)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	l, err := s.start(ctx, stage)
	if err != nil {
		return err
	}
	return s.prove(ctx, l, p, Policy{})
}

// sameModel says whether a server can take weights in place: a change of shape
// needs a start.
func sameModel(l *life, staged string) bool {
	config, err := os.ReadFile(filepath.Join(staged, "config.json"))
	return err == nil && bytes.Equal(config, l.config)
}

// reload has the server read the files again that it was started on. Nothing of
// the old weights may stay: the prefix cache holds keys and values they made.
func (c *client) reload(ctx context.Context) error {
	for _, call := range []struct {
		path string
		body any
	}{
		{"/pause?mode=abort", nil},
		{"/collective_rpc", map[string]string{"method": "reload_policy"}}, // of our extension
		{"/reset_prefix_cache", nil},
		{"/resume", nil},
	} {
		if err := c.post(ctx, call.path, call.body, nil); err != nil {
			return err
		}
	}
	return nil
}

func tell(stage Stage, what string) {
	if stage != nil {
		stage(what)
	}
}

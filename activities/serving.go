package activities

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"

	"t1"
	"t1/infra/vllm"
)

// serving is a host's vLLM server: one, started by the first who samples with
// it. Whom it serves is its turns' to say.
type serving struct {
	turns turns

	mu     sync.Mutex
	closed bool
	slot   *slot        // directory of this process
	server *vllm.Server // changes only while an activity has it to itself
	spec   t1.VLLMSpec  // that server was started for
}

// serve waits for a turn with the host's vLLM server and has the server serve a
// policy, by proof. Until leave is called it serves no other.
func (h *Host) serve(ctx context.Context, run string, spec t1.VLLMSpec, policy t1.Digest, beat beat) (server *vllm.Server, leave func(), err error) {
	if h.VLLM.Python == "" {
		return nil, nil, t1.Errorf(t1.KindNotFound, `run %s samples with vLLM ("sampler.kind"), and this worker has none`, run).
			WithHint("make setup-vllm, or set T1_VLLM_PYTHON to the interpreter of an environment that has vLLM; then start the worker again, and resolve with retry")
	}
	leave, err = h.served.turns.take(ctx, turn{spec, policy}, beat, func() error {
		server, err := h.served.start(h.VLLM, h.Cache, spec)
		if err != nil || server.Policy() == policy {
			return err
		}
		return h.prove(ctx, server, run, policy, beat)
	})
	if err != nil {
		return nil, nil, err
	}
	return h.served.server, leave, nil
}

// float32Tolerance is how far a probe's log-probability may be from the trainer's
// where both compute in float32, nats. Rounding makes 1e-5 of it; an output layer
// that kept the weights of the policy before made 0.05.
const float32Tolerance = 0.01

// start gives a server for a spec; its process starts with its first policy. One
// that was started for another spec is ended.
func (s *serving) start(options vllm.Options, cache string, spec t1.VLLMSpec) (*vllm.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, t1.Errorf(t1.KindPreempted, "the worker is stopping")
	}
	if s.server != nil && s.spec == spec {
		return s.server, nil
	}
	if s.server != nil {
		s.server.Close()
		s.server = nil
	}
	if s.slot == nil {
		var err error
		if s.slot, err = takeSlot(cache); err != nil {
			return nil, err
		}
	}
	options.Dir, options.DataType, options.Length = filepath.Join(s.slot.directory, "served"), spec.DataType, spec.MaxLength
	if spec.DataType == "float32" {
		options.Tolerance = float32Tolerance
	}
	if spec.TensorParallel > 1 {
		options.Arguments = append(options.Arguments[:len(options.Arguments):len(options.Arguments)],
			"--tensor-parallel-size", strconv.Itoa(spec.TensorParallel))
	}
	s.server, s.spec = vllm.New(options), spec
	return s.server, nil
}

// close ends the server, whoever samples with it.
func (s *serving) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.server != nil {
		s.server.Close()
	}
	s.slot.release()
}

// prove fetches a policy and has the server serve it. A server that cannot prove
// that it does was tried afresh already: no other attempt helps.
func (h *Host) prove(ctx context.Context, server *vllm.Server, run string, policy t1.Digest, beat beat) error {
	p, discard, err := h.policyToServe(ctx, run, policy, beat)
	if err != nil {
		return err
	}
	err = during(beat, func() error { return server.Open(ctx, p, nil) })
	switch t1.KindOf(err) {
	case t1.KindCorrupt:
		discard() // the next attempt fetches the files again
	case t1.KindStateMismatch:
		return t1.Errorf(t1.KindSamplerGap, "%w", err).WithHint("%s", orElse(t1.HintOf(err), "the server's log says more: logs/vllm.log")+"; then resolve with retry")
	}
	return err
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

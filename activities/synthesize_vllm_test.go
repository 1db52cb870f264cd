package activities

import (
	"context"
	"os"
	"testing"

	"github.com/rs/zerolog"

	"t1"
	"t1/infra/dir"
)

// lenient takes whatever a model too small to be right says.
type lenient struct{}

func (lenient) Grade(t1.Problem, string) t1.Grade { return t1.Grade{Correct: true, Answer: "2"} }

// With T1_TEST_VLLM=1 and T1_TEST_VLLM_URL, such as http://127.0.0.1:8000/v1,
// and T1_TEST_VLLM_MODEL where its model is not called "policy": all four steps,
// and a second attempt that asks nobody.
func TestSynthesizeWithARealServer(t *testing.T) {
	url := os.Getenv("T1_TEST_VLLM_URL")
	if os.Getenv("T1_TEST_VLLM") != "1" || url == "" {
		t.Skip("needs a vLLM server: T1_TEST_VLLM=1 and T1_TEST_VLLM_URL")
	}
	store, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e := t1.DefaultEndpoint()
	e.Name, e.BaseURL, e.Model, e.Attempts, e.MaxTokens = "vllm", url, "policy", 2, 48
	if model := os.Getenv("T1_TEST_VLLM_MODEL"); model != "" {
		e.Model = model
	}
	spec := t1.DefaultSynthesisSpec()
	spec.Endpoints, spec.Roles, spec.Checks = []t1.EndpointSpec{e}, t1.SynthesisRoles{Critique: "vllm", Merge: "vllm", Rewrite: "vllm"}, t1.SynthesisChecks{WrongAttempt: "none"}
	problems := []t1.Problem{{ID: "p", Prompt: "What is 1 + 1?", Answer: "2"}}
	ctx := context.Background()
	if err := KeepSynthesis(ctx, store, t1.Synthesis{Name: "s", Spec: spec, Prompts: plainPrompts}, problems); err != nil {
		t.Fatal(err)
	}
	s := NewSynthesizer(&Host{Store: store, Log: zerolog.Nop()}, os.Getenv)
	job, err := s.job(ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	job.grader = lenient{}
	out, err := s.synthesize(ctx, t1.SynthesizeProblemInput{Name: "s"}, unheard)
	if err != nil || out.Made < 6 && out.Reason != t1.RejectEmpty || out.Spent.TokensIn == 0 || out.Spent.TokensOut == 0 {
		t.Fatalf("got %+v, %v", out, err)
	}
	again, err := s.synthesize(ctx, t1.SynthesizeProblemInput{Name: "s"}, unheard)
	if err != nil || again.Made != 0 || again.Spent != out.Spent {
		t.Errorf("again %+v, %v", again, err)
	}
	call, err := readJSON[t1.SynthesisCall](ctx, store, t1.SynthesisStepKey("s", "p", "attempt-0"))
	if err != nil || call.Served != e.Model || call.Estimated {
		t.Errorf("attempt-0 %+v, %v", call, err)
	}
}

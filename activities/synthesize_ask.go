package activities

import (
	"context"

	"t1"
	"t1/infra/chat"
)

// emptyTries is how often a request is sent whose reply is empty; each is paid for.
const emptyTries = 3

// ask gives the reply of one step: the one in the store, else a new one, which
// is in the store before anything rests on it.
func (w *worked) ask(ctx context.Context, step, endpoint string, prompt *Prompt, data promptData) (t1.SynthesisCall, error) {
	e, _ := w.job.order.Spec.Endpoint(endpoint) // the spec was checked
	data.Question, data.Answer, data.Cue = w.problem.Prompt, w.problem.Answer, w.job.order.Spec.AnswerCue
	text, err := prompt.text(data)
	if err != nil {
		return t1.SynthesisCall{}, err
	}
	request := chat.Request{Model: e.Model, Prompt: text, Temperature: e.Temperature, MaxTokens: e.MaxTokens, TokensField: e.TokensField}
	key := t1.SynthesisStepKey(w.job.order.Name, w.problem.ID, step)
	call, err := readJSON[t1.SynthesisCall](ctx, w.s.host.Store, key)
	if t1.KindOf(err) == t1.KindNotFound {
		call, err = w.askAnew(ctx, request, t1.SynthesisCall{
			Schema: 1, Problem: w.problem.ID, Step: step, Endpoint: e.Name, Model: e.Model, Request: digestOf(request.Body()),
		}, e)
		if err == nil {
			call, err = keepFirst(ctx, w.s.host.Store, key, call)
		}
	}
	if err != nil {
		return t1.SynthesisCall{}, err
	}
	if got := digestOf(request.Body()); call.Request != got {
		return t1.SynthesisCall{}, t1.Errorf(t1.KindConflict, "%s is the reply to another request (sha256 %.12s, not %.12s)", key, call.Request, got).
			WithHint("a newer t1 grades or asks otherwise: use the one that began, or start again under another name")
	}
	w.count(call)
	return call, nil
}

// askAnew sends the request, and again where the reply is empty.
func (w *worked) askAnew(ctx context.Context, request chat.Request, call t1.SynthesisCall, e t1.EndpointSpec) (t1.SynthesisCall, error) {
	client := w.s.client(e)
	for range emptyTries {
		reply, err := client.Ask(ctx, request)
		if err != nil {
			return call, err
		}
		w.mu.Lock()
		w.made++
		w.mu.Unlock()
		call.Text, call.Finish, call.Served, call.Estimated = reply.Text, reply.Finish, reply.Model, call.Estimated || reply.Estimated
		const million = 1e6
		call.Spent = call.Spent.Plus(t1.Spent{
			Calls: 1, TokensIn: reply.TokensIn, TokensOut: reply.TokensOut,
			Cost: (float64(reply.TokensIn)*e.PriceIn + float64(reply.TokensOut)*e.PriceOut) / million,
		})
		if !blank(call.Text) {
			break
		}
	}
	return call, nil
}

func (w *worked) count(call t1.SynthesisCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spent = w.spent.Plus(call.Spent)
	w.steps.Add(1)
	w.tokens.Add(call.Spent.TokensOut)
}

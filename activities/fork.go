package activities

import (
	"context"
	"path"
	"reflect"
	"strconv"
	"time"

	"t1"
	"t1/lineage"
)

// Fork makes a run whose log begins with another's records.
func (c *Control) Fork(ctx context.Context, in t1.ForkInput) (t1.ForkOutput, error) {
	return edge(ctx, func(ctx context.Context, _ beat) (t1.ForkOutput, error) { return c.host.fork(ctx, in) })
}

func (h *Host) fork(ctx context.Context, in t1.ForkInput) (t1.ForkOutput, error) {
	request, err := t1.DecodeFork(in.Given)
	if err != nil {
		return t1.ForkOutput{}, err
	}
	out, err := PlanFork(ctx, h.Store, in.Run, request)
	if err != nil {
		return out, err
	}
	// The fork file is first: a run that has a spec and none began with its own record.
	if _, err := keepJSON(ctx, h.Store, t1.ForkKey(in.Run), out.Fork); err != nil {
		return out, err
	}
	_, err = keepJSON(ctx, h.Store, t1.SpecKey(in.Run), out.Spec)
	return out, err
}

// PlanFork checks a fork and says where it would begin; it changes nothing.
// Asked for the same fork again, it gives the same answer.
func PlanFork(ctx context.Context, store t1.Store, run string, request t1.ForkRequest) (t1.ForkOutput, error) {
	var out t1.ForkOutput
	if request.At < 0 {
		return out, t1.Errorf(t1.KindInvalid, "a fork at record %d: records count from 0", request.At).WithHint("t1 log %s", request.Run)
	}
	log, digests, err := readLog(ctx, store, request.Run, request.At)
	if err != nil {
		return out, unknownRun(request.Run, err)
	}
	if request.At >= len(log) {
		return out, t1.Errorf(t1.KindNotFound, "run %s has no record %d: its records are 0 to %d", request.Run, request.At, len(log)-1).
			WithHint("t1 log %s", request.Run)
	}
	host := &Host{Store: store}
	plan := forkPlan{ctx: ctx, host: host, request: request, log: log}
	if out, err = plan.output(); err != nil {
		return out, err
	}
	out.Fork = t1.Fork{Schema: 1, ForkPoint: request.ForkPoint, Record: digests[request.At], Set: request.Set}
	return out, unlessTaken(ctx, host, run, out)
}

func unknownRun(run string, err error) error {
	if t1.KindOf(err) != t1.KindNotFound {
		return err
	}
	return t1.Errorf(t1.KindNotFound, "there is no run %s with records to share", run).WithHint("t1 list")
}

// unlessTaken refuses a name that another run has.
func unlessTaken(ctx context.Context, host *Host, run string, out t1.ForkOutput) error {
	there, forked, err := lineage.ForkOf(ctx, host.Store, run)
	if err != nil {
		return err
	}
	spec, err := host.spec(ctx, run)
	if t1.KindOf(err) == t1.KindNotFound && (!forked || sameFork(there, out.Fork)) {
		return nil
	}
	if err != nil && t1.KindOf(err) != t1.KindNotFound {
		return err
	}
	if forked && sameFork(there, out.Fork) && reflect.DeepEqual(spec, out.Spec) {
		return nil
	}
	what := "one that began with its own records"
	if forked {
		what = "a fork of run " + there.Run + " at record " + strconv.Itoa(there.At) + ", or with other settings"
	}
	return t1.Errorf(t1.KindConflict, "run %s exists: %s", run, what).WithHint("give the fork another name")
}

// sameFork compares what was asked for; how a value is written does not matter
// once the specs are the same.
func sameFork(a, b t1.Fork) bool { return a.ForkPoint == b.ForkPoint && a.Record == b.Record }

// forkPlan works out where a fork begins.
type forkPlan struct {
	ctx     context.Context
	host    *Host
	request t1.ForkRequest
	log     []t1.Record // 0 to the last shared one
}

func (p forkPlan) output() (t1.ForkOutput, error) {
	var out t1.ForkOutput
	parent, err := p.host.spec(p.ctx, p.request.Run)
	if err != nil {
		return out, err
	}
	data, err := p.host.data(p.ctx, p.request.Run)
	if err != nil {
		return out, err
	}
	last := p.log[p.request.At]
	out.Step, out.Traces = stepOf(last), data.Counts.Traces
	shared := t1.Shared{ForkPoint: p.request.ForkPoint}
	over := data.Counts.Traces == 0
	for _, record := range p.log {
		switch {
		case record.Update != nil:
			shared.Iteration = record.Update.Iteration
			continue
		case record.SFT != nil:
			shared.Trained, over = record.SFT.To, record.SFT.To == record.SFT.Total
		}
		if over {
			out.FineTuned, shared.FineTuned = record.Policy, true
		}
	}
	out.Trained, out.Iteration = shared.Trained, shared.Iteration
	if out.Spec, err = p.spec(parent, shared); err != nil {
		return out, err
	}
	if last.Update != nil {
		made, err := p.host.spec(p.ctx, last.Run)
		if err != nil {
			return out, err
		}
		out.Hyper, out.GapLimit, out.RL = &last.Update.Hyper, last.Update.GapLimit, made.RL
	}
	out.PoolSize, err = p.pool(parent, out)
	return out, err
}

// spec is the fork's, checked against what is shared.
func (p forkPlan) spec(parent t1.Spec, shared t1.Shared) (t1.Spec, error) {
	spec, mistakes := p.request.Apply(parent)
	if len(mistakes) == 0 {
		mistakes = shared.Contradictions(parent, spec)
	}
	if len(mistakes) > 0 {
		return spec, t1.MistakesError(mistakes).WithHint("t1 spec default shows every setting; t1 log %s shows what the records hold", p.request.Run)
	}
	return spec, p.host.pin(p.ctx, &spec)
}

// pool is the size of the pool that the fork shares. One that would choose
// otherwise, and has no iteration yet, chooses its own.
func (p forkPlan) pool(parent t1.Spec, out t1.ForkOutput) (int, error) {
	own := !reflect.DeepEqual(parent.Pool, out.Spec.Pool) || parent.RL.MaxTokens != out.Spec.RL.MaxTokens
	if out.FineTuned == "" || own && out.Iteration == 0 {
		return 0, nil
	}
	pool, err := p.host.readPool(p.ctx, p.request.Run)
	if t1.KindOf(err) == t1.KindNotFound && out.Iteration == 0 {
		return 0, nil
	}
	if err != nil || pool.Policy != out.FineTuned && out.Iteration == 0 {
		return 0, err
	}
	if size := len(pool.Problems); size < out.Spec.RL.Prompts {
		return 0, t1.MistakesError([]t1.Mistake{{
			Field: "rl.prompts", Given: strconv.Itoa(out.Spec.RL.Prompts), Allowed: "at most " + strconv.Itoa(size) + ", the problems of the shared pool",
		}})
	}
	return len(pool.Problems), nil
}

// Adopt brings the engine to the record that a fork begins at, and publishes its
// policy for the fork's samplers: the other run may have collected it.
func (t *Trainer) Adopt(ctx context.Context, in t1.AdoptInput) (t1.AdoptOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.AdoptOutput, error) { return t.host.adopt(ctx, in, beat) })
}

func (h *Host) adopt(ctx context.Context, in t1.AdoptInput, beat beat) (t1.AdoptOutput, error) {
	start := time.Now()
	_, err := h.Store.Head(ctx, path.Join(t1.PolicyKey(in.Run, in.Policy), t1.ManifestName))
	if t1.KindOf(err) != t1.KindNotFound {
		return t1.AdoptOutput{Found: err == nil}, err
	}
	client, err := h.engine(ctx, in.Run, beat)
	if err != nil {
		return t1.AdoptOutput{}, err
	}
	replayed, err := h.restore(ctx, client, in.Run, in.Seq, in.State, beat)
	if err != nil {
		return t1.AdoptOutput{}, err
	}
	err = h.publish(ctx, client, in.Run, in.Policy, beat)
	return t1.AdoptOutput{Replayed: replayed, Seconds: time.Since(start).Seconds()}, err
}

// inLine reads what a run has of its own, or else has from the runs whose
// records its log begins with: the nearest that has it.
func inLine[T any](ctx context.Context, store t1.Store, run string, key func(run string) string) (T, error) {
	v, err := readJSON[T](ctx, store, key(run))
	if t1.KindOf(err) != t1.KindNotFound {
		return v, err
	}
	line, lineErr := lineage.Read(ctx, store, run)
	if lineErr != nil {
		return v, lineErr
	}
	for _, other := range line.Runs()[1:] {
		found, otherErr := readJSON[T](ctx, store, key(other))
		if t1.KindOf(otherErr) != t1.KindNotFound {
			return found, otherErr
		}
	}
	return v, err
}

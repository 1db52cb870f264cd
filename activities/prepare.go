package activities

import (
	"context"
	"slices"

	"t1"
	"t1/infra/engine"
	"t1/tasks"
)

// Prepare makes the run's data sets, tokenised once, and record 0.
func (t *Trainer) Prepare(ctx context.Context, in t1.PrepareInput) (t1.PrepareOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.PrepareOutput, error) { return t.host.prepare(ctx, in, beat) })
}

func (h *Host) prepare(ctx context.Context, in t1.PrepareInput, beat beat) (t1.PrepareOutput, error) {
	step, there, err := h.found(ctx, in.Run, 0)
	if err != nil {
		return t1.PrepareOutput{}, err
	}
	if there { // the data came before the record
		data, err := h.data(ctx, in.Run)
		return t1.PrepareOutput{Data: data, Step: step}, err
	}
	spec, err := h.spec(ctx, in.Run)
	if err != nil {
		return t1.PrepareOutput{}, err
	}
	game, err := tasks.Game(spec.Task)
	if err != nil {
		return t1.PrepareOutput{}, err
	}
	a := newAttempt()
	record := t1.Record{Run: in.Run, Kind: t1.RecordInit, Init: initStep(spec, game)}
	client, err := h.engine(ctx, in.Run, beat)
	if err != nil {
		return t1.PrepareOutput{}, err
	}
	result, err := h.perform(ctx, client, record, beat)
	if err != nil {
		return t1.PrepareOutput{}, err
	}
	if game != nil && spec.Model.Base != "" {
		if err := speaks(ctx, client, game); err != nil {
			return t1.PrepareOutput{}, err
		}
	}
	data, err := h.makeData(ctx, client, game, spec)
	if err != nil {
		return t1.PrepareOutput{}, err
	}
	if _, err := keepJSON(ctx, h.Store, t1.DataKey(in.Run), data); err != nil {
		return t1.PrepareOutput{}, err
	}
	step, err = h.commit(ctx, client, record, result, data.Counts.Traces == 0, a, beat) // with nothing to fine-tune on, this is the policy that is sampled
	if err == nil {
		h.observe(ctx, in.Run, 0, 0, a)
	}
	return t1.PrepareOutput{Data: data, Step: step}, err
}

// initStep says what the run's model starts as; game is nil where problems are
// imported, which needs an imported model.
func initStep(spec t1.Spec, game t1.Task) *t1.InitStep {
	if spec.Model.Base != "" {
		return &t1.InitStep{Seed: spec.Seed, Base: spec.Model.Base}
	}
	return &t1.InitStep{Seed: spec.Seed, Scratch: spec.Model.Scratch, Vocabulary: game.Vocabulary()}
}

// makeData makes the game's problems and demonstrations from the seed, or takes
// the imported ones, and tokenises them.
func (h *Host) makeData(ctx context.Context, client *engine.Client, game t1.Task, spec t1.Spec) (t1.Data, error) {
	var data t1.Data
	encode := encoder{ctx: ctx, client: client}
	var train, heldOut []t1.Problem
	var traces []t1.Trace
	if game == nil {
		train, heldOut, traces = encode.importedData(h.Store, spec.Task.Data)
	} else {
		train, heldOut, traces = encode.gameData(game, spec.Seed)
	}
	if cue := encode.texts([]string{tasks.Cue(spec.Task)}); len(cue) == 1 {
		data.Cue = cue[0]
	}
	if encode.err != nil {
		return data, encode.err
	}
	data.Counts.Train, data.Counts.HeldOut, data.Counts.Traces = len(train), len(heldOut), len(traces)
	var err error
	if data.Train, err = keepDataset(ctx, h.Store, train); err != nil {
		return data, err
	}
	if data.HeldOut, err = keepDataset(ctx, h.Store, heldOut); err != nil {
		return data, err
	}
	data.Traces, err = keepDataset(ctx, h.Store, traces)
	return data, err
}

// gameData makes a game's problems and demonstrations and tokenises them.
func (e *encoder) gameData(game t1.Task, seed int64) (train, heldOut []t1.Problem, traces []t1.Trace) {
	if train, heldOut, e.err = game.Problems(seed); e.err != nil {
		return nil, nil, nil
	}
	e.problems(train)
	e.problems(heldOut)
	return train, heldOut, e.traces(train, game.Demonstrations(seed, train))
}

// keepDataset stores rows under the digest of their bytes: runs on the same
// data share it.
func keepDataset[T any](ctx context.Context, store t1.Store, rows []T) (t1.Ref, error) {
	data, err := encodeRows(rows)
	if err != nil {
		return t1.Ref{}, err
	}
	return keep(ctx, store, t1.DatasetKey(digestOf(data)), data)
}

// encoder tokenises until something goes wrong, and then does nothing more.
type encoder struct {
	ctx    context.Context
	client *engine.Client
	err    error
}

// encodeAtOnce bounds one call to the engine.
const encodeAtOnce = 4096

func (e *encoder) texts(texts []string) [][]int32 {
	var all [][]int32
	for from := 0; from < len(texts) && e.err == nil; from += encodeAtOnce {
		var ids [][]int32
		ids, e.err = e.client.Encode(e.ctx, texts[from:min(from+encodeAtOnce, len(texts))])
		all = append(all, ids...)
	}
	return all
}

// responses is texts, each with the end of sequence after it.
func (e *encoder) responses(texts []string) [][]int32 {
	ids := e.texts(texts)
	if e.err != nil {
		return nil
	}
	var state engine.State
	state, e.err = e.client.State(e.ctx)
	for i := range ids {
		ids[i] = append(ids[i], state.EOS)
	}
	return ids
}

func (e *encoder) problems(problems []t1.Problem) {
	prompts := make([]string, len(problems))
	for i, p := range problems {
		prompts[i] = p.Prompt
	}
	ids := e.texts(prompts)
	for i := range ids {
		problems[i].Tokens = ids[i]
	}
}

func (e *encoder) traces(problems []t1.Problem, demonstrations []t1.Demonstration) []t1.Trace {
	given, texts := make([]string, len(demonstrations)), make([]string, len(demonstrations))
	for i, d := range demonstrations {
		given[i], texts[i] = d.Given, d.Response
	}
	before, ids := e.texts(given), e.responses(texts)
	if e.err != nil {
		return nil
	}
	traces := make([]t1.Trace, len(ids))
	for i, d := range demonstrations {
		p := problems[d.Problem]
		traces[i] = t1.Trace{Problem: p.ID, Prompt: slices.Concat(p.Tokens, before[i]), Response: ids[i]}
	}
	return traces
}

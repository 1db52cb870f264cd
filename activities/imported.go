package activities

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"t1"
	"t1/infra/engine"
	"t1/library"
	"t1/tasks"
)

// pin puts digests in place of the names of imported data sets and of the model:
// a name may come to mean something else, a run's spec may not. What is not
// there, is of another kind or too small is found here, before anything starts;
// [Host.apart] looks at what the sets hold.
func (h *Host) pin(ctx context.Context, spec *t1.Spec) error {
	if err := h.pinSummaryModel(ctx, &spec.Evaluation.Scaling); err != nil {
		return err
	}
	if spec.Task.Name == tasks.Countdown {
		if spec.Model.Base == "" {
			return nil
		}
		return h.pinModel(ctx, spec)
	}
	data := &spec.Task.Data
	var mistakes []t1.Mistake
	train, err := h.pinDataset(ctx, "task.data.train", &data.Train, library.Problems, &mistakes)
	if err != nil {
		return err
	}
	heldOut, err := h.pinDataset(ctx, "task.data.held_out", &data.HeldOut, library.Problems, &mistakes)
	if err != nil {
		return err
	}
	if _, err := h.pinDataset(ctx, "task.data.demonstrations", &data.Demonstrations, library.Demonstrations, &mistakes); err != nil {
		return err
	}
	if err := h.pinSuites(ctx, spec.Evaluation.Suites); err != nil {
		return err
	}
	if err := h.pinModel(ctx, spec); err != nil {
		return err
	}
	mistakes = append(mistakes, tooMany("pool.problems", spec.Pool.Problems, train)...)
	mistakes = append(mistakes, tooMany("evaluation.problems", spec.Evaluation.Problems, heldOut)...)
	if err := t1.MistakesError(mistakes); err != nil {
		return err
	}
	return nil
}

func (h *Host) pinModel(ctx context.Context, spec *t1.Spec) error {
	model, err := library.ResolveModel(ctx, h.Store, spec.Model.Base)
	if err != nil {
		return t1.Errorf(t1.KindOf(err), "model.base: %w", err)
	}
	spec.Model.Base = model.Manifest.SHA256
	return nil
}

func (h *Host) pinDataset(ctx context.Context, field string, name *string, want library.Kind, mistakes *[]t1.Mistake) (library.Dataset, error) {
	if *name == "" {
		return library.Dataset{}, nil
	}
	set, err := library.Resolve(ctx, h.Store, *name)
	if err != nil {
		return set, t1.Errorf(t1.KindOf(err), "%s: %w", field, err)
	}
	if set.Kind != "" && set.Kind != want {
		*mistakes = append(*mistakes, t1.Mistake{Field: field, Given: "a set of " + string(set.Kind), Allowed: "a set of " + string(want)})
	}
	*name = set.Ref.SHA256
	return set, nil
}

// tooMany reports a number that a data set of known size does not have.
func tooMany(field string, n int, set library.Dataset) []t1.Mistake {
	if set.Kind == "" || int64(n) <= set.Counts.Kept {
		return nil
	}
	return []t1.Mistake{{Field: field, Given: strconv.Itoa(n), Allowed: "at most " + strconv.FormatInt(set.Counts.Kept, 10) + ", the problems of " + set.Name}}
}

// openModel makes an imported model the engine's state.
func (h *Host) openModel(ctx context.Context, client *engine.Client, base string, beat beat) (engine.State, error) {
	directory, remove, err := h.scratch()
	if err != nil {
		return engine.State{}, err
	}
	defer remove()
	if _, err := downloadDirectory(ctx, h.Store, library.ModelKey(base), directory, beat); err != nil {
		return engine.State{}, err
	}
	var state engine.State
	err = asking(client, beat, func() error {
		state, err = client.OpenModel(ctx, directory, "")
		return err
	})
	return state, err
}

// importedData tokenises a run's imported problems and demonstrations, by the
// chat template of the model that the engine holds.
func (e *encoder) importedData(store t1.Store, task t1.TaskSpec) (train, heldOut []t1.Problem, traces []t1.Trace) {
	spec := task.Data
	train, heldOut = e.importedProblems(store, spec.Train), e.importedProblems(store, spec.HeldOut)
	e.render(spec.Instruction, train)
	e.render(spec.Instruction, heldOut)
	if e.err != nil || spec.Demonstrations == "" {
		return train, heldOut, nil
	}
	set, err := library.Resolve(e.ctx, store, spec.Demonstrations)
	if err != nil {
		e.err = err
		return nil, nil, nil
	}
	shown, err := library.ReadDemonstrations(e.ctx, store, set)
	if err != nil {
		e.err = err
		return nil, nil, nil
	}
	if shown, e.err = stating(task, shown, train); e.err != nil {
		return nil, nil, nil
	}
	return train, heldOut, e.demonstrated(spec.Instruction, shown)
}

func (e *encoder) importedProblems(store t1.Store, digest string) []t1.Problem {
	if e.err != nil {
		return nil
	}
	set, err := library.Resolve(e.ctx, store, digest)
	if err != nil {
		e.err = err
		return nil
	}
	var rows []t1.Problem
	rows, e.err = library.ReadProblems(e.ctx, store, set)
	return rows
}

// render fills the tokens of problems: what the model is asked, as a chat.
func (e *encoder) render(instruction string, problems []t1.Problem) {
	questions := make([]string, len(problems))
	for i, p := range problems {
		questions[i] = p.Prompt
	}
	for i, ids := range e.chats(instruction, questions) {
		problems[i].Tokens = ids
	}
}

// chatOf is a question as a model is asked it.
func chatOf(instruction, question string) []engine.Message {
	return []engine.Message{{Role: engine.RoleUser, Content: strings.Replace(instruction, "{question}", question, 1)}}
}

func (e *encoder) chats(instruction string, questions []string) [][]int32 {
	var all [][]int32
	for chunk := range slices.Chunk(questions, encodeAtOnce) {
		if e.err != nil {
			return nil
		}
		conversations := make([][]engine.Message, len(chunk))
		for i, q := range chunk {
			conversations[i] = chatOf(instruction, q)
		}
		prompts, err := e.text.Render(e.ctx, conversations)
		e.err = e.ended(err)
		for _, p := range prompts {
			all = append(all, p.Tokens)
		}
	}
	return all
}

// demonstrated makes traces of demonstrations.
func (e *encoder) demonstrated(instruction string, shown []library.Demonstration) []t1.Trace {
	questions, responses := make([]string, len(shown)), make([]string, len(shown))
	for i, d := range shown {
		questions[i], responses[i] = d.Prompt, d.Response
	}
	prompts, ids := e.chats(instruction, questions), e.responses(responses)
	if e.err != nil {
		return nil
	}
	traces := make([]t1.Trace, len(shown))
	for i, d := range shown {
		traces[i] = t1.Trace{Problem: d.Problem, Prompt: prompts[i], Response: ids[i]}
	}
	return traces
}

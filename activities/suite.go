package activities

import (
	"context"
	"slices"

	"t1"
	"t1/infra/engine"
	"t1/tasks"
)

// suiteEvaluation is one shard of an evaluation on an imported suite.
func (h *Host) suiteEvaluation(ctx context.Context, in t1.EvaluateShardInput) (*evaluation, error) {
	order, err := readJSON[t1.SuiteEvaluation](ctx, h.Store, t1.SuiteOrderKey(in.Evaluation.Order))
	if err != nil {
		return nil, err
	}
	if order.Digest() != in.Evaluation.Order {
		return nil, t1.Errorf(t1.KindCorrupt, "%s is not what it is named by (%.12s)", t1.SuiteOrderKey(in.Evaluation.Order), order.Digest())
	}
	rows, err := h.problemSet(ctx, order.Problems)
	if err != nil {
		return nil, err
	}
	grader, err := tasks.Grader(order.Task)
	if err != nil {
		return nil, err
	}
	shard, err := shardOf(rows, in)
	if err != nil {
		return nil, err
	}
	problems := make(map[string]t1.Problem, len(shard))
	for _, p := range shard {
		problems[p.ID] = p
	}
	return &evaluation{
		host: h, in: in, problems: slices.Clone(shard), cue: tasks.Cue(order.Task), seeds: order.Problems.SHA256, untold: true,
		judge: judge{task: order.Task, grader: grader, program: h.graderProgram(order.Task), problems: problems, penalties: order.Penalties},
	}, nil
}

// tell makes prompts of problems that were never tokenised, by the chat template
// of the policy that is asked.
func (e *evaluation) tell(ctx context.Context, client *engine.Client, beat beat) error {
	if !e.untold {
		return nil
	}
	chats := make([][]engine.Message, len(e.problems))
	for i, p := range e.problems {
		chats[i] = chatOf(e.judge.task.Data.Instruction, p.Prompt)
	}
	in := e.in.Evaluation
	err := e.host.text(ctx, client, placeOf(in), in.Policy, beat, func(text engine.Text) error {
		prompts, err := text.Render(ctx, chats)
		for i, prompt := range prompts {
			e.problems[i].Tokens = prompt.Tokens
		}
		return err
	})
	e.untold = err != nil
	return err
}

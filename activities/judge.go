package activities

import (
	"context"
	"slices"
	"strconv"
	"time"

	"t1"
	"t1/infra/program"
	"t1/tasks"
)

// judge grades rollouts of one data set.
type judge struct {
	task      t1.TaskSpec
	grader    t1.Grader // nil where a program grades
	program   program.Program
	problems  map[string]t1.Problem
	penalties t1.PenaltiesSpec
}

func (h *Host) judge(ctx context.Context, run string, set func(t1.Data) t1.Ref) (judge, error) {
	spec, err := h.spec(ctx, run)
	if err != nil {
		return judge{}, err
	}
	grader, err := tasks.Grader(spec.Task)
	if err != nil {
		return judge{}, err
	}
	data, err := h.data(ctx, run)
	if err != nil {
		return judge{}, err
	}
	rows, err := h.problemSet(ctx, set(data))
	if err != nil {
		return judge{}, err
	}
	problems := make(map[string]t1.Problem, len(rows))
	for _, p := range rows {
		problems[p.ID] = p
	}
	return judge{spec.Task, grader, h.graderProgram(spec.Task), problems, spec.RL.Penalties}, nil
}

// graderProgram is what grades the tasks that have no grader of their own.
func (h *Host) graderProgram(spec t1.TaskSpec) program.Program {
	if spec.Name == tasks.Math {
		return h.Verifier
	}
	return program.Program{
		Command: spec.Exec.Command, Limit: time.Duration(spec.Exec.Seconds) * time.Second, Memory: int64(spec.Exec.Memory) << 20,
	}
}

// answered is a response and the problem it answers.
type answered struct {
	problem  t1.Problem
	response string
}

// grades judges answers, in order.
func (j judge) grades(ctx context.Context, answers []answered, beat beat) ([]t1.Grade, error) {
	if j.grader == nil {
		return j.run(ctx, answers, beat)
	}
	grades := make([]t1.Grade, len(answers))
	for i, a := range answers {
		grades[i] = j.grader.Grade(a.problem, a.response)
		beat(int64(i+1), int64(len(answers)), 0)
	}
	return grades, ctx.Err()
}

// run has the program grade. A response for which it has no verdict, since it
// took too long or crashed, is wrong.
func (j judge) run(ctx context.Context, answers []answered, beat beat) ([]t1.Grade, error) {
	running, err := program.Start(j.program)
	if err != nil {
		return nil, err
	}
	defer running.Close()
	items := make([]program.Item, len(answers))
	for i, a := range answers {
		items[i] = program.Item{ID: strconv.Itoa(i), Prompt: a.problem.Prompt, Answer: a.problem.Answer, Data: a.problem.Data, Response: a.response}
	}
	verdicts, err := running.Grade(ctx, items, func(done, total int) { beat(int64(done), int64(total), 0) })
	if err != nil {
		return nil, err
	}
	grades := make([]t1.Grade, len(verdicts))
	for i, v := range verdicts {
		grades[i] = t1.Grade{Correct: v.Correct, Answer: v.Answer}
	}
	return grades, nil
}

// scores grades rollouts and looks for bad patterns.
func (j judge) scores(ctx context.Context, rollouts []t1.Rollout, beat beat) ([]t1.Score, error) {
	answers := make([]answered, len(rollouts))
	for i, r := range rollouts {
		problem, there := j.problems[r.Problem]
		if !there {
			return nil, t1.Errorf(t1.KindCorrupt, "a rollout answers problem %q, which is not in the run's data set", r.Problem)
		}
		answers[i] = answered{problem, r.Text}
	}
	grades, err := j.grades(ctx, answers, beat)
	if err != nil {
		return nil, err
	}
	scores := make([]t1.Score, len(rollouts))
	for i, r := range rollouts {
		reasons := t1.Penalties(answers[i].problem.Prompt, r.Text, r.Finish, meanNLL(r.LogProbs), j.penalties)
		scores[i] = t1.Score{
			Problem: r.Problem, Sample: r.Sample, Correct: grades[i].Correct, Answer: grades[i].Answer,
			Penalties: reasons, Reward: t1.RewardOf(grades[i].Correct, reasons),
		}
	}
	return scores, nil
}

// passRates is each sampled problem's share of right responses.
func (j judge) passRates(ctx context.Context, rollouts []t1.Rollout, beat beat) (map[string]float64, error) {
	scores, err := j.scores(ctx, rollouts, beat)
	if err != nil {
		return nil, err
	}
	right, tried := map[string]float64{}, map[string]float64{}
	for _, s := range scores {
		tried[s.Problem]++
		right[s.Problem] += float64(count(s.Correct))
	}
	for id, n := range tried {
		right[id] /= n
	}
	return right, nil
}

// texts pairs each cut's answer with its problem, behind the cue it was asked with.
func (j judge) texts(cuts []t1.Cut) []answered {
	answers := make([]answered, 0, len(cuts))
	for _, c := range cuts {
		answers = append(answers, answered{j.problems[c.Problem], c.Answer})
	}
	return slices.Clip(answers)
}

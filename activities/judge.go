package activities

import (
	"context"
	"slices"
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
	width     int // answers at once; 0 means the number of cores
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
	return judge{task: spec.Task, grader: grader, program: h.graderProgram(spec.Task), problems: problems, penalties: spec.RL.Penalties}, nil
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

// scores grades rollouts and looks for bad patterns. Beside the scores are the
// reasons of those that were not judged.
func (j judge) scores(ctx context.Context, rollouts []t1.Rollout, beat beat) ([]t1.Score, []string, error) {
	answers := make([]answered, len(rollouts))
	for i, r := range rollouts {
		problem, there := j.problems[r.Problem]
		if !there {
			return nil, nil, t1.Errorf(t1.KindCorrupt, "a rollout answers problem %q, which is not in the run's data set", r.Problem)
		}
		answers[i] = answered{problem, r.Text}
	}
	grades, err := j.grades(ctx, answers, beat)
	if err != nil {
		return nil, nil, err
	}
	scores, why := make([]t1.Score, len(rollouts)), make([]string, len(rollouts))
	for i, r := range rollouts {
		reasons := t1.Penalties(answers[i].problem.Prompt, r.Text, r.Finish, meanNLL(r.LogProbs), j.penalties)
		scores[i] = t1.Score{
			Problem: r.Problem, Sample: r.Sample, Correct: grades[i].Correct, Answer: grades[i].Answer,
			Penalties: reasons, Reward: t1.RewardOf(grades[i].Correct, reasons),
		}
		why[i] = grades[i].Reason
	}
	return scores, why, nil
}

// passRates is each sampled problem's share of right responses.
func (j judge) passRates(ctx context.Context, rollouts []t1.Rollout, beat beat) (map[string]float64, error) {
	scores, _, err := j.scores(ctx, rollouts, beat)
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

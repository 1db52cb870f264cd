package activities

import (
	"context"
	"path/filepath"

	"t1"
	"t1/library"
)

// KeepSynthesis stores a synthesis with its problems, under its name and before
// its workflow starts. Another one of that name, and a data set of that name that
// comes from elsewhere, are KindConflict; prompts that do not work, and problems
// that cannot be graded, are KindInvalid.
func KeepSynthesis(ctx context.Context, store t1.Store, order t1.Synthesis, problems []t1.Problem) error {
	if err := library.CheckFree(ctx, store, order.Name, t1.SynthesisKey(order.Name)); err != nil {
		return err
	}
	if _, err := ParsePrompts(order.Prompts); err != nil {
		return err
	}
	if err := checkReferences(order.Spec.Grader, problems); err != nil {
		return err
	}
	ref, err := keepDataset(ctx, store, problems)
	if err != nil {
		return err
	}
	order.Schema, order.Problems, order.Count = 1, ref, len(problems)
	_, err = keepJSON(ctx, store, t1.SynthesisOrderKey(order.Name), order)
	if t1.KindOf(err) == t1.KindConflict {
		return t1.Errorf(t1.KindConflict, "synthesis %q exists with another spec, other prompts or other problems", order.Name).
			WithHint("give this one another name: --name NAME")
	}
	return err
}

// assemble reads the outcomes in the order of the problems.
func (s *Synthesizer) assemble(ctx context.Context, in t1.SynthesizeInput, beat beat) (t1.SynthesisResult, error) {
	job, err := s.job(ctx, in.Name)
	if err != nil {
		return t1.SynthesisResult{}, err
	}
	a := assembly{
		store: s.host.Store, job: job,
		result: t1.SynthesisResult{Problems: len(job.problems), Rejected: map[string]int{}},
		report: t1.SynthesisReport{Schema: 1, Name: in.Name, Attempts: map[string]t1.Tally{}},
	}
	for i, problem := range job.problems {
		if err := a.add(ctx, problem); err != nil {
			return a.result, err
		}
		beat(int64(i+1), int64(len(job.problems)), a.result.Spent.TokensOut)
	}
	return a.keep(ctx, s.host)
}

// assembly is a data set and a report in the making.
type assembly struct {
	store  t1.Store
	job    *synthesisJob
	rows   []library.Demonstration
	result t1.SynthesisResult
	report t1.SynthesisReport
}

func (a *assembly) add(ctx context.Context, p t1.Problem) error {
	outcome, err := readJSON[t1.SynthesisOutcome](ctx, a.store, t1.SynthesisOutcomeKey(a.job.order.Name, p.ID))
	if t1.KindOf(err) == t1.KindNotFound {
		a.result.Unfinished++
		return nil
	}
	if err != nil {
		return err
	}
	a.result.Spent = a.result.Spent.Plus(outcome.Spent)
	for _, attempt := range outcome.Attempts {
		tally := a.report.Attempts[attempt.Endpoint]
		a.report.Attempts[attempt.Endpoint] = t1.Tally{Made: tally.Made + 1, Right: tally.Right + count(attempt.Correct)}
	}
	if !outcome.Kept {
		a.result.Rejected[outcome.Reasons[0]]++
		return nil
	}
	a.result.Kept++
	a.rows = append(a.rows, library.Demonstration{Problem: p.ID, Prompt: p.Prompt, Response: outcome.Response})
	return nil
}

// name makes the rows a data set, but for those that importing them would leave
// out: a benchmark may have come to the store since their problems were begun.
// The name is the synthesis's own, so that another assembly adds a version to it.
func (a *assembly) name(ctx context.Context, host *Host) error {
	directory, remove, err := host.scratch()
	if err != nil {
		return err
	}
	defer remove()
	made, err := library.KeepDemonstrations(ctx, a.store, a.rows, t1.SynthesisKey(a.job.order.Name), library.ImportOptions{
		Name: a.job.order.Name, Replace: true, CreatedBy: host.Version, Scratch: filepath.Dir(directory),
	})
	if err != nil {
		return onDisk(err)
	}
	a.result.Dataset, a.result.Version, a.result.Against = made.Dataset.Ref, made.Dataset.Version, []string{}
	for _, benchmark := range made.Dataset.Against {
		a.result.Against = append(a.result.Against, benchmark.Name)
	}
	a.result.Kept = int(made.Dataset.Counts.Kept)
	for reason, rows := range made.Dataset.Counts.Found {
		a.result.Rejected[string(reason)] += int(rows)
	}
	return nil
}

func (a *assembly) keep(ctx context.Context, host *Host) (t1.SynthesisResult, error) {
	if err := a.name(ctx, host); err != nil {
		return a.result, err
	}
	a.report.Result = a.result
	data, err := marshal(a.report)
	if err != nil {
		return a.result, err
	}
	a.result.Report, err = keep(ctx, a.store, t1.SynthesisReportKey(a.job.order.Name, digestOf(data)), data)
	return a.result, err
}

package activities

import (
	"context"

	"t1"
)

// Explained is everything known about one rollout of an iteration.
type Explained struct {
	Problem   string   `json:"problem"`
	Prompt    string   `json:"prompt"`
	Sample    int32    `json:"sample"`
	Text      string   `json:"text"`
	Finish    string   `json:"finish"`
	Tokens    int      `json:"tokens"`
	Correct   bool     `json:"correct"`
	Answer    string   `json:"answer"`
	Penalties []string `json:"penalties"`
	Reward    float64  `json:"reward"`    // r'
	KL        float64  `json:"d"`         // d
	Advantage float64  `json:"advantage"` // A
}

// Explain joins an iteration's rollouts with what they earned and what the
// update made of them, in the order of the rollouts.
func Explain(ctx context.Context, store t1.Store, run string, iteration int) ([]Explained, error) {
	record, err := updateOf(ctx, store, run, iteration)
	if err != nil {
		return nil, err
	}
	rollouts, err := readAll[t1.Rollout](ctx, store, record.Update.Rollouts, unheard)
	if err != nil {
		return nil, err
	}
	scores, err := ReadRows[t1.Score](ctx, store, record.Update.Scores)
	if err != nil {
		return nil, err
	}
	advantages, err := ReadRows[t1.Advantage](ctx, store, record.Update.Advantages)
	if err != nil {
		return nil, err
	}
	prompts, err := promptTexts(ctx, store, run)
	if err != nil {
		return nil, err
	}
	if len(scores) != len(rollouts) || len(advantages) != len(rollouts) {
		return nil, t1.Errorf(t1.KindCorrupt, "iteration %d of run %s has %d rollouts, %d scores and %d advantages", iteration, run, len(rollouts), len(scores), len(advantages))
	}
	out := make([]Explained, len(rollouts))
	for i, r := range rollouts {
		s, a := scores[i], advantages[i]
		out[i] = Explained{
			Problem: r.Problem, Prompt: prompts[r.Problem], Sample: r.Sample, Text: r.Text, Finish: r.Finish, Tokens: len(r.Tokens),
			Correct: s.Correct, Answer: s.Answer, Penalties: s.Penalties, Reward: s.Reward, KL: a.KL, Advantage: a.Advantage,
		}
	}
	return out, nil
}

// updateOf finds the record of an iteration; iterations are counted from 1.
func updateOf(ctx context.Context, store t1.Store, run string, iteration int) (t1.Record, error) {
	log, err := ReadLog(ctx, store, run)
	if err != nil {
		return t1.Record{}, err
	}
	last := 0
	for _, record := range log {
		if record.Kind != t1.RecordUpdate {
			continue
		}
		last = record.Update.Iteration
		if last == iteration {
			return record, nil
		}
	}
	return t1.Record{}, t1.Errorf(t1.KindNotFound, "run %s has no iteration %d: its newest is %d", run, iteration, last)
}

func promptTexts(ctx context.Context, store t1.Store, run string) (map[string]string, error) {
	data, err := inLine[t1.Data](ctx, store, run, t1.DataKey)
	if err != nil {
		return nil, err
	}
	problems, err := ReadRows[t1.Problem](ctx, store, data.Train)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(problems))
	for _, p := range problems {
		texts[p.ID] = p.Prompt
	}
	return texts, nil
}

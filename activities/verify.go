package activities

import (
	"context"

	"t1"
)

// Verified is one record that was replayed.
type Verified struct {
	Seq    int       `json:"seq"`
	Kind   string    `json:"kind"`
	Result t1.Digest `json:"result"` // what the log says
	Got    t1.Digest `json:"got"`    // what the replay gave
}

// Verify replays records from..to (both included) of a run and compares every
// digest: the states, and the advantages an update wrote. The first difference
// ends it with an error. A negative to means the newest record.
func Verify(ctx context.Context, host *Host, run string, from, to int, each func(Verified)) error {
	log, err := ReadLog(ctx, host.Store, run)
	if err != nil {
		return err
	}
	if to < 0 || to >= len(log) {
		to = len(log) - 1
	}
	if from < 0 || from > to {
		return t1.Errorf(t1.KindInvalid, "no records from %d to %d: run %s has records 0 to %d", from, to, run, len(log)-1)
	}
	client, err := host.engine(ctx, run, unheard)
	if err != nil {
		return err
	}
	if from > 0 {
		if _, err := host.restore(ctx, client, run, from-1, log[from-1].Result, unheard); err != nil {
			return err
		}
	}
	for _, record := range log[from : to+1] {
		result, err := host.replay(ctx, client, record, unheard)
		if err != nil {
			return err
		}
		if err := host.sameAdvantages(ctx, record, result.Rollouts); err != nil {
			return err
		}
		each(Verified{Seq: record.Seq, Kind: record.Kind, Result: record.Result, Got: result.Digest})
	}
	return nil
}

// sameAdvantages checks that a replayed update makes the advantages object again.
func (h *Host) sameAdvantages(ctx context.Context, record t1.Record, made []t1.Advantage) error {
	if record.Kind != t1.RecordUpdate {
		return nil
	}
	scores, err := ReadRows[t1.Score](ctx, h.Store, record.Update.Scores)
	if err != nil {
		return err
	}
	rows, err := advantageRows(scores, made)
	if err != nil {
		return err
	}
	data, err := encodeRows(rows)
	if err != nil {
		return err
	}
	if digestOf(data) != record.Update.Advantages.SHA256 {
		return t1.Errorf(t1.KindCorrupt, "record %d of run %s replays to other advantages than %s holds", record.Seq, record.Run, record.Update.Advantages.Key)
	}
	return nil
}

package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"math"

	"t1"
	"t1/lineage"
)

// readRecord reads record seq of a run's log, which another run may have made,
// and the digest of its bytes; a missing one is KindNotFound.
func readRecord(ctx context.Context, store t1.Store, run string, seq int) (t1.Record, string, error) {
	key := t1.RecordKey(run, seq)
	data, err := readNamed(ctx, store, key)
	if t1.KindOf(err) == t1.KindNotFound {
		line, lineErr := lineage.Read(ctx, store, run)
		if lineErr != nil {
			return t1.Record{}, "", lineErr
		}
		if owner := line.Owner(seq); owner != run {
			key = t1.RecordKey(owner, seq)
			data, err = readNamed(ctx, store, key)
		}
	}
	if err != nil {
		return t1.Record{}, "", err
	}
	record, err := decodeRecord(key, data)
	return record, digestOf(data), err
}

func decodeRecord(key string, data []byte) (t1.Record, error) {
	var record t1.Record
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&record); err != nil {
		return record, t1.Errorf(t1.KindCorrupt, "%s is no record: %w", key, err)
	}
	if record.Schema != 1 {
		return record, t1.Errorf(t1.KindInvalid, "%s has schema %d, this t1 reads schema 1", key, record.Schema).
			WithHint("use the t1 release that wrote the run")
	}
	return record, nil
}

// ReadLog reads a run's whole log, in order, the records it shares included; a
// run without records is KindNotFound.
func ReadLog(ctx context.Context, store t1.Store, run string) ([]t1.Record, error) {
	log, _, err := readLog(ctx, store, run, math.MaxInt)
	return log, err
}

// readLog reads a log to record last, if it goes that far, with the digest of
// each record's bytes.
func readLog(ctx context.Context, store t1.Store, run string, last int) (log []t1.Record, digests []string, err error) {
	fork, forked, err := lineage.ForkOf(ctx, store, run)
	if err != nil {
		return nil, nil, err
	}
	previous := ""
	for len(log)-1 < last {
		record, digest, err := readRecord(ctx, store, run, len(log))
		if t1.KindOf(err) == t1.KindNotFound {
			break
		}
		if err != nil {
			return log, digests, err
		}
		if err := chained(log, record, previous); err != nil {
			return log, digests, err
		}
		if forked && record.Seq == fork.At && digest != fork.Record {
			return log, digests, t1.Errorf(t1.KindCorrupt, "run %s shares record %d of run %s with digest %.12s, but there it has %.12s", run, fork.At, fork.Run, fork.Record, digest)
		}
		log, digests, previous = append(log, record), append(digests, digest), digest
	}
	if len(log) == 0 && last >= 0 {
		return nil, nil, t1.Errorf(t1.KindNotFound, "run %q has no records", run).WithHint("t1 list shows the runs of this store")
	}
	return log, digests, nil
}

// chained checks that a record follows the log: sequence, parent state, and
// the bytes of the record before it.
func chained(log []t1.Record, record t1.Record, previous string) error {
	seq := len(log)
	switch {
	case record.Seq != seq:
		return t1.Errorf(t1.KindCorrupt, "record %d of run %s calls itself %d", seq, record.Run, record.Seq)
	case record.Previous != previous:
		return t1.Errorf(t1.KindCorrupt, "record %d of run %s follows a record with digest %.12s, but record %d has %.12s", seq, record.Run, record.Previous, seq-1, previous)
	case seq > 0 && record.Parent != log[seq-1].Result:
		return t1.Errorf(t1.KindCorrupt, "record %d of run %s starts from state %.12s, but record %d ended in %.12s", seq, record.Run, record.Parent, seq-1, log[seq-1].Result)
	}
	return nil
}

// parentOf reads the record before seq and checks that it ended in the state
// that the work at hand starts from.
func parentOf(ctx context.Context, store t1.Store, run string, seq int, parent t1.Digest) (string, error) {
	record, digest, err := readRecord(ctx, store, run, seq-1)
	if err != nil {
		return "", err
	}
	if record.Result != parent {
		return "", t1.Errorf(t1.KindConflict, "record %d of run %s ended in state %.12s, not in %.12s", seq-1, run, record.Result, parent)
	}
	return digest, nil
}

// appendRecord writes a record. Of two attempts the first wins; the second
// finds the same result, or the log is broken and that is KindConflict.
func appendRecord(ctx context.Context, store t1.Store, record t1.Record) error {
	_, err := keepJSON(ctx, store, t1.RecordKey(record.Run, record.Seq), record)
	return err
}

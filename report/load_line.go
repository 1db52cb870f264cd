package report

import (
	"context"
	"slices"

	"t1"
	"t1/lineage"
)

// inLine decodes the JSON objects below a directory of every run of a line, the
// oldest first, without those that belong to records the log has not got from
// that run.
func inLine[T any](ctx context.Context, store t1.Store, line lineage.Line, directory, suffix string, seq func(T) int) ([]T, error) {
	var all []T
	for _, part := range slices.Backward(line) {
		some, err := readAll[T](ctx, store, t1.RunKey(part.Run)+directory, suffix)
		for _, v := range some {
			if seq(v) <= part.Last {
				all = append(all, v)
			}
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func seqOfRecord(r t1.Record) int           { return r.Seq }
func seqOfObservation(o t1.Observation) int { return o.Seq }
func seqOfResult(r t1.Result) int           { return r.Seq }

// alike reports whether an evaluation that another run made is one that
// this run's spec would have made.
func alike(r t1.Result, s t1.EvaluationSpec) bool {
	return r.Problems == s.Problems && r.Samples == s.Samples && r.Temperature == s.Temperature
}

// nearestJSON reads what the run has, or else the nearest run of its line.
func nearestJSON(ctx context.Context, store t1.Store, line lineage.Line, key func(run string) string, into any) (err error) {
	for _, run := range line.Runs() {
		if err = readJSON(ctx, store, key(run), into); t1.KindOf(err) != t1.KindNotFound {
			break
		}
	}
	return err
}

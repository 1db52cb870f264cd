package main

import (
	"context"
	"strings"

	"t1"
	"t1/ablation"
	"t1/activities"
)

// endOf reads how a run ended; there is false while its last iteration is not
// made or not evaluated.
func endOf(ctx context.Context, store t1.Store, run string, iterations int) (end ablation.End, there bool, err error) {
	end.Run = run
	log, err := activities.ReadLog(ctx, store, run)
	if t1.KindOf(err) == t1.KindNotFound {
		return end, false, nil
	}
	if err != nil {
		return end, false, err
	}
	last := log[len(log)-1]
	if last.Update == nil || last.Update.Iteration < iterations || last.Run != run {
		return end, false, nil
	}
	for _, record := range log {
		if record.Update != nil && record.Run == run {
			end.Tokens += record.Metrics["tokens"]
		}
	}
	for ref, err := range store.List(ctx, t1.EvalKey(run, last.Policy, "")) {
		if err != nil {
			return end, false, err
		}
		if strings.HasSuffix(ref.Key, "/result.json") {
			return end, true, readJSON(ctx, store, ref.Key, &end.Result)
		}
	}
	return end, false, nil
}

// fineTunedAt is the last record before the first iteration.
func fineTunedAt(ctx context.Context, store t1.Store, run string) (int, error) {
	log, err := activities.ReadLog(ctx, store, run)
	if err != nil {
		return 0, err
	}
	at := 0
	for _, record := range log {
		if record.Update == nil {
			at = record.Seq
		}
	}
	return at, nil
}

package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"t1"
	"t1/lineage"
)

// Readers read the rows of Parquet objects, each checked against its ref. This
// package knows no file format; the tool passes the readers in. Where one of them
// is nil there are no example responses.
type Readers struct {
	Problems   func(context.Context, t1.Store, t1.Ref) ([]t1.Problem, error)
	Rollouts   func(context.Context, t1.Store, t1.Ref) ([]t1.Rollout, error)
	Scores     func(context.Context, t1.Store, t1.Ref) ([]t1.Score, error)
	Advantages func(context.Context, t1.Store, t1.Ref) ([]t1.Advantage, error)
	Evaluated  func(context.Context, t1.Store, t1.Ref) ([]t1.Evaluated, error)
}

// Load gathers a report's input from a store. It may be called while the run is
// going on: what is not there yet is left out. A run without a spec is
// KindNotFound; a damaged record is KindCorrupt and names its key. An example or
// a measurement that cannot be read costs only itself, and a note says so. Phase,
// Cue, Tool and MadeAt are left for the caller. One Readers is enough, and without
// any there are no example responses.
func Load(ctx context.Context, store t1.Store, run string, readers ...Readers) (Input, error) {
	in := Input{Run: run}
	if err := readJSON(ctx, store, t1.SpecKey(run), &in.Spec); err != nil {
		return in, err
	}
	line, err := lineage.Read(ctx, store, run)
	if err != nil {
		return in, err
	}
	if in.Records, err = inLine[t1.Record](ctx, store, line, "/log/", "", seqOfRecord); err != nil {
		return in, err
	}
	if in.Results, err = results(ctx, store, line, in.Spec, &in.Notes); err != nil {
		return in, err
	}
	pool := t1.Pool{}
	switch err := nearestJSON(ctx, store, line, t1.PoolKey, &pool); {
	case err == nil:
		in.Pool = &pool
	case t1.KindOf(err) != t1.KindNotFound:
		return in, err
	}
	if in.Observations, err = inLine[t1.Observation](ctx, store, line, "/observed/", "", seqOfObservation); err != nil {
		in.Notes = append(in.Notes, "Some measurements could not be read: "+err.Error()+".")
	}
	for _, r := range readers {
		l := exampleLoader{store: store, readers: r, in: &in}
		l.load(ctx)
	}
	return in, ctx.Err()
}

// results reads the evaluations. Those of another suite than the first are left
// out: a report never mixes them.
func results(ctx context.Context, store t1.Store, line lineage.Line, spec t1.Spec, notes *[]string) ([]t1.Result, error) {
	all, err := inLine[t1.Result](ctx, store, line, "/eval/", "/result.json", seqOfResult)
	all = slices.DeleteFunc(all, func(r t1.Result) bool { return len(line) > 1 && r.Run != line[0].Run && !alike(r, spec.Evaluation) })
	if err != nil || len(all) == 0 {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b t1.Result) int {
		if a.Seq != b.Seq {
			return a.Seq - b.Seq
		}
		return strings.Compare(a.Suite, b.Suite)
	})
	suite := all[0].Suite
	one := slices.DeleteFunc(slices.Clone(all), func(r t1.Result) bool { return r.Suite != suite })
	if left := len(all) - len(one); left > 0 {
		*notes = append(*notes, fmt.Sprintf("%s on other suites than %s not shown.", plural(left, "evaluation", "evaluations"), visible(suite)))
	}
	return one, nil
}

// readAll decodes the JSON objects under a prefix whose names end in suffix, in
// the order of their names. Those it could read come back beside the error.
func readAll[T any](ctx context.Context, store t1.Store, prefix, suffix string) ([]T, error) {
	var out []T
	for ref, err := range store.List(ctx, prefix) {
		if err != nil {
			return out, err
		}
		if !strings.HasSuffix(ref.Key, suffix) {
			continue
		}
		var v T
		if err := readJSON(ctx, store, ref.Key, &v); err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

func readJSON(ctx context.Context, store t1.Store, key string, v any) error {
	r, err := store.OpenRange(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return t1.Errorf(t1.KindCorrupt, "%s is no JSON of its kind: %w", key, err)
	}
	return nil
}

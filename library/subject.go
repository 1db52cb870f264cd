package library

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"t1"
	"t1/lineage"
)

// Subject is a policy that can be evaluated: one that a run published, or an
// imported model.
type Subject struct {
	Name   string    // of the run or the model
	Run    string    // empty for a model
	Seq    int       // record of the run; [Newest] for a model
	Model  string    // digest of the model's manifest; empty for a run
	Policy t1.Digest // of the weights
}

// FindSubject finds a policy by the name of a run or of an imported model. Where
// both are there, "run:" or "model:" before the name tells. "@N" behind a run's
// name means record N, else it is the newest whose policy is published. What is
// not there is KindNotFound, a name that means two is KindInvalid.
func FindSubject(ctx context.Context, store t1.Store, name string) (Subject, error) {
	kind, bare, told := strings.Cut(name, ":")
	if !told {
		kind, bare = "", name
	}
	bare, record, atRecord := strings.Cut(bare, "@")
	seq := Newest
	if atRecord {
		n, err := strconv.Atoi(record)
		if err != nil || n < 0 {
			return Subject{}, t1.Errorf(t1.KindInvalid, "%q: behind @ stands the number of a record, from 0", name)
		}
		seq = n
	}
	if kind != "" && kind != "run" && kind != "model" || CheckName(bare) != nil {
		return Subject{}, t1.Errorf(t1.KindInvalid, "%q names no policy; allowed are RUN, RUN@N, MODEL, run:RUN and model:MODEL", name)
	}
	model, modelErr := ResolveModel(ctx, store, bare)
	if modelErr != nil && t1.KindOf(modelErr) != t1.KindNotFound {
		return Subject{}, modelErr
	}
	isRun, err := hasRecords(ctx, store, bare)
	if err != nil {
		return Subject{}, err
	}
	isModel := modelErr == nil
	switch {
	case kind == "" && isRun && isModel && !atRecord:
		return Subject{}, t1.Errorf(t1.KindInvalid, "%s is a run and a model", bare).WithHint("run:%s or model:%s", bare, bare)
	case kind != "model" && isRun:
		found, _, err := policyOf(ctx, store, bare, seq)
		return found, err
	case kind != "run" && isModel && atRecord:
		return Subject{}, t1.Errorf(t1.KindInvalid, "%s is a model: it has no records", bare)
	case kind != "run" && isModel:
		return Subject{Name: bare, Seq: Newest, Model: model.Manifest.SHA256, Policy: model.Digest}, nil
	}
	return Subject{}, t1.Errorf(t1.KindNotFound, "there is no run and no model named %s", bare).WithHint("t1 list, or t1 model list")
}

// Unchecked names the sets that a run learns from and that were never compared
// with a suite: its problems may stand in them. Of a model nothing is known.
func Unchecked(ctx context.Context, store t1.Store, subject Subject, suite t1.Ref) ([]string, error) {
	names := []string{}
	if subject.Run == "" {
		return names, nil
	}
	var spec t1.Spec
	if err := readJSON(ctx, store, t1.SpecKey(subject.Run), &spec); err != nil {
		return nil, err
	}
	for _, digest := range []string{spec.Task.Data.Train, spec.Task.Data.Demonstrations} {
		if digest == "" {
			continue
		}
		set, err := Resolve(ctx, store, digest)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(set.Against, func(c Checked) bool { return c.SHA256 == suite.SHA256 }) {
			names = append(names, cmp.Or(set.Name, digest))
		}
	}
	return names, nil
}

func hasRecords(ctx context.Context, store t1.Store, run string) (bool, error) {
	line, err := lineage.Read(ctx, store, run)
	if err != nil {
		return false, err
	}
	_, err = store.Head(ctx, t1.RecordKey(line.Owner(0), 0))
	if t1.KindOf(err) == t1.KindNotFound {
		return false, nil
	}
	return err == nil, err
}

// policyOf is the published policy after record seq of a run, and the run that
// keeps it: a fork's may lie with the run that it came from.
func policyOf(ctx context.Context, store t1.Store, run string, seq int) (found Subject, keeper string, err error) {
	line, err := lineage.Read(ctx, store, run)
	if err != nil {
		return found, "", err
	}
	records, err := policies(ctx, store, line)
	if err != nil {
		return found, "", err
	}
	there, err := published(ctx, store, line)
	if err != nil {
		return found, "", err
	}
	seq, err = choose(run, records, there, seq)
	if err != nil {
		return found, "", err
	}
	return Subject{Name: run, Run: run, Seq: seq, Policy: records[seq]}, there[records[seq]], nil
}

package library

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"t1"
	"t1/lineage"
)

// Newest asks [ExportPolicy] for the newest record whose policy is published.
const Newest = -1

// Exported says what was written.
type Exported struct {
	Run       string    `json:"run"`    // empty for a stored model
	Seq       int       `json:"seq"`    // record; -1 for a stored model
	Policy    t1.Digest `json:"policy"` // after it, or of the model's weights
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
	Directory string    `json:"directory"`
}

// ExportPolicy writes the published policy after record seq of a run, or after
// the newest that has one, into a new directory. A run, a record or a policy
// that is not there is KindNotFound and says what is; a directory that is there
// is KindConflict; bytes that differ are KindCorrupt.
func ExportPolicy(ctx context.Context, store t1.Store, run string, seq int, target string) (Exported, error) {
	line, err := lineage.Read(ctx, store, run)
	if err != nil {
		return Exported{}, err
	}
	records, err := policies(ctx, store, line)
	if err != nil {
		return Exported{}, err
	}
	there, err := published(ctx, store, line)
	if err != nil {
		return Exported{}, err
	}
	seq, err = choose(run, records, there, seq)
	if err != nil {
		return Exported{}, err
	}
	done := Exported{Run: run, Seq: seq, Policy: records[seq], Directory: target}
	manifest, err := Download(ctx, store, t1.PolicyKey(there[done.Policy], done.Policy), done.Policy, target)
	for _, file := range manifest.Files {
		done.Files, done.Bytes = done.Files+1, done.Bytes+file.Bytes
	}
	return done, err
}

// policies lists the policy after each record of a run's log.
func policies(ctx context.Context, store t1.Store, line lineage.Line) ([]t1.Digest, error) {
	run := line[0].Run
	var all []t1.Digest
	add := func(key string) error {
		var record t1.Record
		if err := readJSON(ctx, store, key, &record); err != nil {
			return err
		}
		if record.Seq != len(all) {
			return t1.Errorf(t1.KindCorrupt, "the log of run %s has record %d where %d belongs", run, record.Seq, len(all))
		}
		all = append(all, record.Policy)
		return nil
	}
	for seq := range line.Shared() {
		if err := add(t1.RecordKey(line.Owner(seq), seq)); err != nil {
			return nil, err
		}
	}
	for ref, err := range store.List(ctx, t1.LogKey(run)+"/") {
		if err != nil {
			return nil, err
		}
		if err := add(ref.Key); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, t1.Errorf(t1.KindNotFound, "run %q has no records", run).WithHint("t1 list")
	}
	return all, nil
}

// published is the policies whose manifest is there, and the run of the line
// that keeps each.
func published(ctx context.Context, store t1.Store, line lineage.Line) (map[t1.Digest]string, error) {
	there := map[t1.Digest]string{}
	for _, run := range slices.Backward(line.Runs()) { // the nearest counts
		prefix := t1.PolicyKey(run, "")
		for ref, err := range store.List(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			if directory, file := path.Split(strings.TrimPrefix(ref.Key, prefix)); file == t1.ManifestName {
				there[t1.Digest(strings.TrimSuffix(directory, "/"))] = run
			}
		}
	}
	return there, nil
}

func choose(run string, records []t1.Digest, there map[t1.Digest]string, seq int) (int, error) {
	var seqs []string
	newest := Newest
	for n, policy := range records {
		if there[policy] != "" {
			seqs, newest = append(seqs, fmt.Sprint(n)), n
		}
	}
	switch {
	case newest == Newest:
		return 0, t1.Errorf(t1.KindNotFound, "run %s has no published policy", run).WithHint("t1 status %s", run)
	case seq == Newest:
		return newest, nil
	case seq < 0 || seq >= len(records):
		return 0, t1.Errorf(t1.KindNotFound, "run %s has no record %d; the newest is %d", run, seq, len(records)-1)
	case there[records[seq]] == "":
		return 0, t1.Errorf(t1.KindNotFound, "the policy after record %d of run %s is not kept; there are those after %s", seq, run, strings.Join(seqs, ", ")).
			WithHint("--at %d", newest)
	}
	return seq, nil
}

// ExportModel writes a stored model into a new directory; its errors are those
// of [ExportPolicy].
func ExportModel(ctx context.Context, store t1.Store, nameOrDigest, target string) (Exported, error) {
	model, err := ResolveModel(ctx, store, nameOrDigest)
	if err != nil {
		return Exported{}, err
	}
	done := Exported{Seq: -1, Policy: model.Digest, Files: model.Files, Bytes: model.Bytes, Directory: target}
	_, err = Download(ctx, store, ModelKey(model.Manifest.SHA256), model.Digest, target)
	return done, err
}

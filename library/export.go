package library

import (
	"context"
	"fmt"
	"path"
	"strings"

	"t1"
)

// Newest asks [ExportPolicy] for the newest record whose policy is published.
const Newest = -1

// Exported says what was written.
type Exported struct {
	Run       string    `json:"run"`
	Seq       int       `json:"seq"`    // record
	Policy    t1.Digest `json:"policy"` // after it
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
	Directory string    `json:"directory"`
}

// ExportPolicy writes the published policy after record seq of a run, or after
// the newest that has one, into a new directory. A run, a record or a policy
// that is not there is KindNotFound and says what is; a directory that is there
// is KindConflict; bytes that differ are KindCorrupt.
func ExportPolicy(ctx context.Context, store t1.Store, run string, seq int, target string) (Exported, error) {
	found, err := policyOf(ctx, store, run, seq)
	if err != nil {
		return Exported{}, err
	}
	done := Exported{Run: run, Seq: found.Seq, Policy: found.Policy, Directory: target}
	manifest, err := Download(ctx, store, t1.PolicyKey(run, done.Policy), done.Policy, target)
	for _, file := range manifest.Files {
		done.Files, done.Bytes = done.Files+1, done.Bytes+file.Bytes
	}
	return done, err
}

// policies lists the policy after each record of a run.
func policies(ctx context.Context, store t1.Store, run string) ([]t1.Digest, error) {
	var all []t1.Digest
	for ref, err := range store.List(ctx, t1.LogKey(run)+"/") {
		if err != nil {
			return nil, err
		}
		var record t1.Record
		if err := readJSON(ctx, store, ref.Key, &record); err != nil {
			return nil, err
		}
		if record.Seq != len(all) {
			return nil, t1.Errorf(t1.KindCorrupt, "the log of run %s has record %d where %d belongs", run, record.Seq, len(all))
		}
		all = append(all, record.Policy)
	}
	if len(all) == 0 {
		return nil, t1.Errorf(t1.KindNotFound, "run %q has no records", run).WithHint("t1 list")
	}
	return all, nil
}

// published is the policies whose manifest is there.
func published(ctx context.Context, store t1.Store, run string) (map[t1.Digest]bool, error) {
	prefix := t1.PolicyKey(run, "")
	there := map[t1.Digest]bool{}
	for ref, err := range store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if directory, file := path.Split(strings.TrimPrefix(ref.Key, prefix)); file == t1.ManifestName {
			there[t1.Digest(strings.TrimSuffix(directory, "/"))] = true
		}
	}
	return there, nil
}

func choose(run string, records []t1.Digest, there map[t1.Digest]bool, seq int) (int, error) {
	var seqs []string
	newest := Newest
	for n, policy := range records {
		if there[policy] {
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
	case !there[records[seq]]:
		return 0, t1.Errorf(t1.KindNotFound, "the policy after record %d of run %s is not kept; there are those after %s", seq, run, strings.Join(seqs, ", ")).
			WithHint("--at %d", newest)
	}
	return seq, nil
}

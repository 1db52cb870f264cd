package activities

import (
	"context"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"t1"
	"t1/library"
)

// Scrubbed is one object that was read again, whole.
type Scrubbed struct {
	Key     string `json:"key"`
	Bytes   int64  `json:"bytes"`           // read
	Against string `json:"against"`         // who says what its bytes are: see the By constants
	Wrong   string `json:"wrong,omitempty"` // what is wrong with it; empty: nothing
}

// Who says which bytes an object has.
const (
	ByLog      = "log"      // a record names the object with its digest, or the next record has the record's
	ByData     = "data"     // the run's data.json names it
	ByManifest = "manifest" // that of its directory
	ByStore    = "store"    // the digest that S3 keeps beside the object; a directory keeps none: there it could be read, no more
)

// Scrub reads every object of a run again, and every one that its log refers to,
// and compares it with its digest. It goes through all of them and ends with
// KindCorrupt where one is damaged or missing.
func Scrub(ctx context.Context, store t1.Store, run string, each func(Scrubbed)) error {
	s := scrub{store: store, known: map[string]expected{}}
	if err := s.expect(ctx, run); err != nil {
		return err
	}
	keys := slices.Collect(maps.Keys(s.known))
	for ref, err := range store.List(ctx, t1.RunKey(run)+"/") {
		if err != nil {
			return err
		}
		keys = append(keys, ref.Key)
	}
	slices.Sort(keys)
	var wrong []string
	for _, key := range slices.Compact(keys) {
		done, err := s.read(ctx, key)
		if err != nil {
			return err
		}
		if done.Wrong != "" {
			wrong = append(wrong, key)
		}
		each(done)
	}
	if len(wrong) == 0 {
		return nil
	}
	return t1.Errorf(t1.KindCorrupt, "run %s: %d of its objects are damaged or missing: %s", run, len(wrong), few(wrong, "objects")).
		WithHint("put them back from a copy; of a snapshot or a policy, delete the directory: the run makes another from the log")
}

// expected is what an object must be.
type expected struct {
	ref t1.Ref
	by  string
}

type scrub struct {
	store t1.Store
	known map[string]expected
}

// expect finds out what is known of a run's objects. Its log is read for that,
// and checked as a chain.
func (s scrub) expect(ctx context.Context, run string) error {
	log, digests, err := readLog(ctx, s.store, run, math.MaxInt)
	if err != nil {
		return err
	}
	for i, record := range log {
		if i+1 < len(log) {
			s.know(ByLog, t1.Ref{Key: t1.RecordKey(record.Run, record.Seq), SHA256: digests[i], Bytes: -1})
		}
		if record.SFT != nil {
			s.know(ByLog, record.SFT.Traces)
		}
		if u := record.Update; u != nil {
			s.know(ByLog, append(slices.Clone(u.Rollouts), u.Scores, u.Advantages)...)
		}
	}
	data, err := inLine[t1.Data](ctx, s.store, run, t1.DataKey)
	if err != nil {
		return err
	}
	s.know(ByData, data.Train, data.HeldOut, data.Traces)
	if base := log[0].Init; base != nil && base.Base != "" {
		s.know(ByLog, t1.Ref{Key: library.ModelManifestKey(base.Base), SHA256: base.Base, Bytes: -1})
		if err := s.expectFiles(ctx, library.ModelManifestKey(base.Base)); err != nil {
			return err
		}
	}
	for ref, err := range s.store.List(ctx, t1.RunKey(run)+"/") {
		if err != nil {
			return err
		}
		if path.Base(ref.Key) == t1.ManifestName {
			if err := s.expectFiles(ctx, ref.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s scrub) know(by string, refs ...t1.Ref) {
	for _, ref := range refs {
		if ref.Key != "" {
			s.known[ref.Key] = expected{ref, by}
		}
	}
}

// expectFiles takes note of the files that a manifest names. A manifest that
// cannot be read says nothing; reading it as an object tells of that.
func (s scrub) expectFiles(ctx context.Context, manifestKey string) error {
	manifest, err := readJSON[t1.Manifest](ctx, s.store, manifestKey)
	if kind := t1.KindOf(err); kind == t1.KindCorrupt || kind == t1.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for _, file := range manifest.Files {
		file.Key = path.Join(path.Dir(manifestKey), file.Key)
		s.know(ByManifest, file)
	}
	return nil
}

// read reads an object to its end. An error is one of the store, which says
// nothing about the object.
func (s scrub) read(ctx context.Context, key string) (Scrubbed, error) {
	want, named := s.known[key]
	if !named {
		ref, err := s.store.Head(ctx, key)
		if err != nil {
			return unreadable(Scrubbed{Key: key, Against: ByStore}, err)
		}
		want = expected{ref, ByStore}
	}
	done := Scrubbed{Key: key, Against: want.by}
	if want.ref.Bytes < 0 {
		data, err := readNamed(ctx, s.store, key)
		if done.Bytes = int64(len(data)); err == nil && digestOf(data) != want.ref.SHA256 {
			done.Wrong = "its sha256 is not " + want.ref.SHA256
		}
		return unreadable(done, err)
	}
	r, err := s.store.Open(ctx, want.ref)
	if err != nil {
		return unreadable(done, err)
	}
	defer func() { _ = r.Close() }()
	done.Bytes, err = io.Copy(io.Discard, r)
	if err == nil && strings.HasSuffix(key, "/"+t1.ManifestName) {
		_, err = readJSON[t1.Manifest](ctx, s.store, key)
	}
	return unreadable(done, err)
}

// unreadable tells an object that is damaged or missing from a store that fails.
func unreadable(done Scrubbed, err error) (Scrubbed, error) {
	if kind := t1.KindOf(err); kind == t1.KindCorrupt || kind == t1.KindNotFound {
		done.Wrong = err.Error()
		return done, nil
	}
	return done, err
}

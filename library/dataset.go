package library

import (
	"bytes"
	"context"

	"t1"
	"t1/infra/parquet"
)

// Dataset is the name record of a stored set of problems or demonstrations.
type Dataset struct {
	Schema    int               `json:"schema"` // 1
	Name      string            `json:"name"`
	Version   int               `json:"version"` // from 1; each replacement adds one
	Kind      Kind              `json:"kind"`
	Ref       t1.Ref            `json:"ref"`       // Parquet: rows of t1.Problem or Demonstration
	Fields    map[string]string `json:"fields"`    // part of a row to the field of the source that it came from
	Benchmark bool              `json:"benchmark"` // to evaluate on, never to learn from
	Source    string            `json:"source"`    // the file's name, without its directory; synthesis/NAME where a synthesis made it
	Counts    Counts            `json:"counts"`
	Against   []Checked         `json:"against"`    // sets that the questions were compared with
	CreatedBy string            `json:"created_by"` // version of t1
}

// Checked is a set that another one's questions were compared with.
type Checked struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of the set as it was then
}

// Resolve finds a data set by its name, or by its digest: 64 lower-case hex
// digits. A digest that no name has or had stands for the object itself; then
// only Ref is set. What is not there is KindNotFound.
func Resolve(ctx context.Context, store t1.Store, nameOrDigest string) (Dataset, error) {
	if digestForm.MatchString(nameOrDigest) {
		return resolveDigest(ctx, store, nameOrDigest)
	}
	if err := CheckName(nameOrDigest); err != nil {
		return Dataset{}, err
	}
	found, version, err := newestName[Dataset](ctx, store, datasetNames, nameOrDigest)
	if err == nil && version == 0 {
		err = t1.Errorf(t1.KindNotFound, "there is no data set named %s", nameOrDigest).
			WithHint("t1 data list, or t1 data import FILE --name %s", nameOrDigest)
	}
	return found, err
}

// resolveDigest looks at every version of every name: a replaced set keeps its
// record.
func resolveDigest(ctx context.Context, store t1.Store, digest string) (Dataset, error) {
	for ref, err := range store.List(ctx, datasetNames+"/") {
		if err != nil {
			return Dataset{}, err
		}
		var d Dataset
		if err := readJSON(ctx, store, ref.Key, &d); err != nil {
			return Dataset{}, err
		}
		if d.Ref.SHA256 == digest {
			return d, nil
		}
	}
	ref, err := store.Head(ctx, t1.DatasetKey(digest))
	if err != nil {
		return Dataset{}, err
	}
	if ref.SHA256 != digest {
		return Dataset{}, t1.Errorf(t1.KindCorrupt, "%s holds other bytes (sha256 %.12s)", ref.Key, ref.SHA256)
	}
	return Dataset{Ref: ref}, nil
}

// Datasets lists the newest version of every name, in order.
func Datasets(ctx context.Context, store t1.Store) ([]Dataset, error) {
	return allNames[Dataset](ctx, store, datasetNames)
}

// ReadProblems reads a stored set of problems whole. Demonstrations are
// KindInvalid, damage is KindCorrupt.
func ReadProblems(ctx context.Context, store t1.Store, d Dataset) ([]t1.Problem, error) {
	return readRows[t1.Problem](ctx, store, d, Problems)
}

// ReadDemonstrations reads a stored set of demonstrations whole. Problems are
// KindInvalid, damage is KindCorrupt.
func ReadDemonstrations(ctx context.Context, store t1.Store, d Dataset) ([]Demonstration, error) {
	return readRows[Demonstration](ctx, store, d, Demonstrations)
}

func readRows[T any](ctx context.Context, store t1.Store, d Dataset, want Kind) ([]T, error) {
	if d.Kind != "" && d.Kind != want {
		return nil, t1.Errorf(t1.KindInvalid, "data set %s holds %s, not %s", d.Name, d.Kind, want)
	}
	data, err := readAll(ctx, store, d.Ref)
	if err != nil {
		return nil, err
	}
	rows, err := parquet.Read[T](bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, t1.Errorf(t1.KindOf(err), "%s: %w", d.Ref.Key, err)
	}
	return rows, nil
}

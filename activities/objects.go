package activities

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"

	"t1"
	"t1/infra/parquet"
)

// readObject reads a whole object, checked against its digest.
func readObject(ctx context.Context, store t1.Store, ref t1.Ref) ([]byte, error) {
	r, err := store.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

// readNamed reads an object whose digest nobody told us: a name is all we have.
func readNamed(ctx context.Context, store t1.Store, key string) ([]byte, error) {
	r, err := store.OpenRange(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

func readJSON[T any](ctx context.Context, store t1.Store, key string) (T, error) {
	var v T
	data, err := readNamed(ctx, store, key)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, t1.Errorf(t1.KindCorrupt, "%s is no JSON of its kind: %w", key, err)
	}
	return v, nil
}

// marshal writes JSON as t1 keeps it: indented, one newline at the end. The
// same value gives the same bytes.
func marshal(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// keep stores bytes under a key. An object of the same bytes that is there
// already is what was asked for; of other bytes, it is KindConflict.
func keep(ctx context.Context, store t1.Store, key string, data []byte) (t1.Ref, error) {
	ref, err := store.Create(ctx, key, bytes.NewReader(data))
	if t1.KindOf(err) != t1.KindConflict {
		return ref, err
	}
	there, err := store.Head(ctx, key)
	if err != nil {
		return t1.Ref{}, err
	}
	if there.SHA256 != digestOf(data) {
		return t1.Ref{}, t1.Errorf(t1.KindConflict, "%s is there with other bytes (sha256 %.12s, not %.12s)", key, there.SHA256, digestOf(data))
	}
	return there, nil
}

func keepJSON(ctx context.Context, store t1.Store, key string, v any) (t1.Ref, error) {
	data, err := marshal(v)
	if err != nil {
		return t1.Ref{}, err
	}
	return keep(ctx, store, key, data)
}

// encodeRows makes a Parquet file; the same rows make the same bytes.
func encodeRows[T any](rows []T) ([]byte, error) {
	var b bytes.Buffer
	if err := parquet.Write(&b, rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func keepRows[T any](ctx context.Context, store t1.Store, key string, rows []T) (t1.Ref, error) {
	data, err := encodeRows(rows)
	if err != nil {
		return t1.Ref{}, err
	}
	return keep(ctx, store, key, data)
}

// ReadRows reads a Parquet object; damage is KindCorrupt and names the key.
func ReadRows[T any](ctx context.Context, store t1.Store, ref t1.Ref) ([]T, error) {
	data, err := readObject(ctx, store, ref)
	if err != nil {
		return nil, err
	}
	rows, err := parquet.Read[T](bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, t1.Errorf(t1.KindOf(err), "%s: %w", ref.Key, err)
	}
	return rows, nil
}

// readAll reads several Parquet objects as one, in order.
func readAll[T any](ctx context.Context, store t1.Store, refs []t1.Ref, beat beat) ([]T, error) {
	var all []T
	for i, ref := range refs {
		rows, err := ReadRows[T](ctx, store, ref)
		if err != nil {
			return nil, err
		}
		beat(int64(i+1), int64(len(refs)), 0)
		all = append(all, rows...)
	}
	return all, nil
}

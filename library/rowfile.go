package library

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"t1"
)

// rowFile is a data set being written: a temporary Parquet file.
type rowFile interface {
	add(item) error
	finish() (t1.Ref, error) // without a key
	store(ctx context.Context, store t1.Store, ref t1.Ref) error
	remove()
}

func newRowFile(kind Kind, scratch string) (rowFile, error) {
	if kind == Demonstrations {
		return openRowFile(scratch, func(i item) Demonstration {
			return Demonstration{Problem: i.id, Prompt: i.question, Response: i.result}
		})
	}
	return openRowFile(scratch, func(i item) t1.Problem {
		return t1.Problem{ID: i.id, Prompt: i.question, Answer: i.result, Data: i.data}
	})
}

// Where a portion of rows goes to the encoder, and where a row group ends. Both
// go by the rows alone, so that the same rows make the same bytes.
const (
	portionRows = 256
	groupBytes  = 32 << 20 // of text
)

type rows[T any] struct {
	file    *os.File
	hash    hash.Hash
	writer  *parquet.GenericWriter[T]
	row     func(item) T
	portion []T
	group   int // bytes of text in this row group
}

func openRowFile[T any](scratch string, row func(item) T) (rowFile, error) {
	file, err := os.CreateTemp(scratch, "t1-import-*.parquet")
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	writer := parquet.NewGenericWriter[T](io.MultiWriter(file, digest), parquet.Compression(&parquet.Zstd), parquet.CreatedBy("t1", "1", ""))
	return &rows[T]{file: file, hash: digest, writer: writer, row: row}, nil
}

func (r *rows[T]) add(i item) error {
	r.portion = append(r.portion, r.row(i))
	r.group += len(i.id) + len(i.question) + len(i.result) + len(i.data)
	if len(r.portion) < portionRows && r.group < groupBytes {
		return nil
	}
	return r.flush()
}

func (r *rows[T]) flush() error {
	_, err := r.writer.Write(r.portion)
	clear(r.portion)
	r.portion = r.portion[:0]
	if err == nil && r.group >= groupBytes {
		r.group, err = 0, r.writer.Flush()
	}
	return err
}

func (r *rows[T]) finish() (t1.Ref, error) {
	if err := r.flush(); err != nil {
		return t1.Ref{}, err
	}
	if err := r.writer.Close(); err != nil {
		return t1.Ref{}, err
	}
	size, err := r.file.Seek(0, io.SeekEnd)
	return t1.Ref{SHA256: hex.EncodeToString(r.hash.Sum(nil)), Bytes: size}, err
}

// store creates the object; one that is there must have these bytes, since its
// name is their digest.
func (r *rows[T]) store(ctx context.Context, store t1.Store, ref t1.Ref) error {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return keep(ctx, store, ref, r.file)
}

func (r *rows[T]) remove() {
	_ = r.file.Close()
	_ = os.Remove(r.file.Name())
}

// keep creates an object of known bytes. One that an earlier import left is
// read, and what differs is KindCorrupt.
func keep(ctx context.Context, store t1.Store, ref t1.Ref, from io.Reader) error {
	made, err := store.Create(ctx, ref.Key, from)
	if t1.KindOf(err) == t1.KindConflict {
		made, err = store.Head(ctx, ref.Key)
	}
	if err == nil && made != ref {
		return t1.Errorf(t1.KindCorrupt, "%s has sha256 %.12s, not %.12s", ref.Key, made.SHA256, ref.SHA256).
			WithHint("delete the object, then import again")
	}
	return err
}

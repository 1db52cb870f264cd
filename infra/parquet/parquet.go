// Package parquet encodes rows of the root package's types as Parquet, the one
// format that Go and the engine share.
package parquet

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"t1"
)

// Write encodes rows. The same rows give the same bytes.
func Write[T any](w io.Writer, rows []T) error {
	writer := parquet.NewGenericWriter[T](w, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("t1", "1", ""))
	if _, err := writer.Write(rows); err != nil {
		return err
	}
	return writer.Close()
}

// Read decodes all rows of a file of size bytes. Damage is KindCorrupt.
func Read[T any](r io.ReaderAt, size int64) (rows []T, err error) {
	defer func() { // the library panics on some damaged files
		if p := recover(); p != nil {
			rows, err = nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %v", p)
		}
	}()
	file, err := parquet.OpenFile(r, size)
	if err != nil {
		return nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %w", err)
	}
	reader := parquet.NewGenericReader[T](file)
	defer func() { _ = reader.Close() }()
	rows = make([]T, reader.NumRows())
	n, err := reader.Read(rows)
	if err != nil && err != io.EOF {
		return nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %w", err)
	}
	if n != len(rows) {
		return nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %w", fmt.Errorf("%d rows of %d", n, len(rows)))
	}
	return rows, nil
}

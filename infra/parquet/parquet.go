// Package parquet encodes rows of the root package's types as Parquet, the one
// format that Go and the engine share.
package parquet

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"

	"t1"
)

// Write encodes rows. The same rows give the same bytes with the same version
// of the library. What it returns is w's own failure, or that of a T which is
// no row type.
func Write[T any](w io.Writer, rows []T) error {
	writer := parquet.NewGenericWriter[T](w, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("t1", "1", ""))
	if _, err := writer.Write(rows); err != nil {
		return err
	}
	return writer.Close()
}

// Read decodes all rows of a file of size bytes. Damage is KindCorrupt; a whole
// file that lacks a column of T, or has it in another type, is KindInvalid.
// Columns that T lacks are passed over.
func Read[T any](r io.ReaderAt, size int64) (rows []T, err error) {
	defer func() { // the library panics on some damaged files
		if p := recover(); p != nil {
			rows, err = nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %v", p)
		}
	}()
	if err := checkFooter(r, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %w", err)
	}
	if err := check(file.Schema(), parquet.SchemaOf(*new(T))); err != nil {
		return nil, err
	}
	return decode[T](file)
}

// checkFooter looks at the footer's length, for which the library would reserve
// up to 4 GiB before it looks.
func checkFooter(r io.ReaderAt, size int64) error {
	const magic, tail = 4, 8
	var end [tail]byte
	if size < magic+tail {
		return t1.Errorf(t1.KindCorrupt, "damaged Parquet: %d bytes are too few", size)
	}
	if _, err := r.ReadAt(end[:], size-tail); err != nil && !errors.Is(err, io.EOF) {
		return t1.Errorf(t1.KindCorrupt, "damaged Parquet: %w", err)
	}
	if footer := int64(binary.LittleEndian.Uint32(end[:])); footer > size-magic-tail {
		return t1.Errorf(t1.KindCorrupt, "damaged Parquet: a footer of %d bytes in a file of %d", footer, size)
	}
	return nil
}

// check compares schemas, since the library would read a missing column as zeros.
func check(found, want *parquet.Schema) error {
	for _, path := range want.Columns() {
		name := path[0]
		wanted, _ := want.Lookup(path...)
		leaf, ok := found.Lookup(path...)
		if !ok {
			return t1.Errorf(t1.KindInvalid, "no column %s (%s) in the Parquet file", name, strings.Join(path, "."))
		}
		if leaf.Node.Type().Kind() != wanted.Node.Type().Kind() {
			return t1.Errorf(t1.KindInvalid, "column %s of the Parquet file is %s, not %s", name, leaf.Node.Type(), wanted.Node.Type())
		}
	}
	return nil
}

// decode reads in portions: the number of rows that a damaged file claims is
// nothing to reserve memory for.
func decode[T any](file *parquet.File) ([]T, error) {
	const portion = 1024
	reader := parquet.NewGenericReader[T](file)
	defer func() { _ = reader.Close() }()
	rows := []T{}
	for {
		buffer := make([]T, portion) // not used again: rows keep its slices
		n, err := reader.Read(buffer)
		rows = append(rows, buffer[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %w", err)
		}
		if n == 0 {
			return nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: it ends after %d of %d rows", len(rows), file.NumRows())
		}
	}
	if int64(len(rows)) != file.NumRows() {
		return nil, t1.Errorf(t1.KindCorrupt, "damaged Parquet: %d rows, not %d", len(rows), file.NumRows())
	}
	return rows, nil
}

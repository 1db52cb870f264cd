package library

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"

	"github.com/parquet-go/parquet-go"

	"t1"
)

// columnRows is how many rows of a Parquet file are decoded at a time.
const columnRows = 256

// parquetRows reads a Parquet file's rows as if each were a JSON object: columns
// by name, lists as arrays, groups as objects.
func parquetRows(path string, file *os.File, size int64) (rows iter.Seq2[record, error], err error) {
	defer recovered(path, &err)
	opened, err := parquet.OpenFile(file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, damaged(path, err)
	}
	return func(yield func(record, error) bool) {
		reader := parquet.NewGenericReader[any](opened, opened.Schema())
		defer func() { _ = reader.Close() }()
		number := int64(0)
		for {
			batch, err := nextRows(path, reader)
			for _, row := range batch {
				number++
				fields, bad := encodeFields(row)
				if bad != nil {
					bad = t1.Errorf(t1.KindInvalid, "%s:%d: a column holds what JSON cannot say: %v", path, number, bad)
				}
				if !yield(record{number, fields}, bad) || bad != nil {
					return
				}
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(record{}, err)
				return
			}
		}
	}, nil
}

// nextRows decodes some rows; io.EOF comes with the last of them.
func nextRows(path string, reader *parquet.GenericReader[any]) (rows []any, err error) {
	defer recovered(path, &err)
	buffer := make([]any, columnRows)
	n, err := reader.Read(buffer)
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, damaged(path, err)
	}
	return buffer[:n], err
}

// recovered turns a panic of the library, which some damaged files cause, into
// an error.
func recovered(path string, err *error) {
	if p := recover(); p != nil {
		*err = t1.Errorf(t1.KindInvalid, "%s: damaged Parquet: %v", path, p)
	}
}

func damaged(path string, err error) error {
	return t1.Errorf(t1.KindInvalid, "%s: damaged Parquet: %v", path, err).WithHint("fetch the file again; nothing was stored")
}

func encodeFields(row any) (map[string]json.RawMessage, error) {
	columns, ok := row.(map[string]any)
	if !ok {
		return nil, errors.New("the row has no columns")
	}
	fields := make(map[string]json.RawMessage, len(columns))
	for name, value := range columns {
		text, err := encode(value)
		if err != nil {
			return nil, err
		}
		fields[name] = json.RawMessage(text)
	}
	return fields, nil
}

package library

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"unicode/utf8"

	"t1"
)

// maxLine is the longest line read, in bytes: memory is bounded by it, not by
// the file.
const maxLine = 16 << 20

// record is one row of a source file, by field name.
type record struct {
	number int64 // line of a text file, row of a Parquet file; from 1
	fields map[string]json.RawMessage
}

// source is a file of rows. What it is shows in its first bytes, not its name.
type source struct {
	path   string
	unit   string // "line" or "row"
	rows   iter.Seq2[record, error]
	closed func() error
}

// place names a row of the file, for a person.
func (s *source) place(number int64) string { return fmt.Sprintf("%s:%d", s.path, number) }

func (s *source) Close() error { return s.closed() }

// openSource opens JSON Lines, plain or gzipped, or Parquet. A missing file is
// KindNotFound, one that is neither is KindInvalid.
func openSource(path string) (*source, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, t1.Errorf(t1.KindNotFound, "there is no file %s", path)
	}
	if err != nil {
		return nil, err
	}
	s, err := sourceOf(path, file)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return s, nil
}

func sourceOf(path string, file *os.File) (*source, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, t1.Errorf(t1.KindInvalid, "%s is no file", path).WithHint("give one file: JSON Lines, gzipped or not, or Parquet")
	}
	buffered := bufio.NewReaderSize(file, 64<<10)
	head, _ := buffered.Peek(4) // a short file shows in what is read next
	switch {
	case bytes.Equal(head, []byte("PAR1")):
		rows, err := parquetRows(path, file, info.Size())
		return &source{path: path, unit: "row", rows: rows, closed: file.Close}, err
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, t1.Errorf(t1.KindInvalid, "%s: damaged gzip: %v", path, err).WithHint("gzip --test %s", path)
		}
		return jsonLines(path, bufio.NewReaderSize(unzipped, 64<<10), file), nil
	}
	return jsonLines(path, buffered, file), nil
}

func jsonLines(path string, r *bufio.Reader, file io.Closer) *source {
	rows := func(yield func(record, error) bool) {
		for number := int64(1); ; number++ {
			line, err := readLine(r)
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(record{}, brokenLine(path, number, err.Error()))
				return
			}
			if number == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			fields, why := parseLine(line)
			if why != "" {
				yield(record{}, brokenLine(path, number, why))
				return
			}
			if !yield(record{number, fields}, nil) {
				return
			}
		}
	}
	return &source{path: path, unit: "line", rows: rows, closed: file.Close}
}

// readLine reads one line, of a bounded length.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("the line is longer than %d MiB", maxLine>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// parseLine decodes one JSON object, or says what else the line is.
func parseLine(line []byte) (map[string]json.RawMessage, string) {
	if !utf8.Valid(line) {
		return nil, "it is not UTF-8"
	}
	var fields map[string]json.RawMessage
	err := json.Unmarshal(line, &fields)
	var wrong *json.UnmarshalTypeError
	switch {
	case line[0] == '[':
		return nil, "a JSON array, not one object a line; jq -c '.[]' makes lines of it"
	case errors.As(err, &wrong) || err == nil && fields == nil:
		return nil, "not a JSON object"
	case err != nil:
		return nil, "not JSON: " + err.Error()
	}
	return fields, ""
}

func brokenLine(path string, number int64, why string) error {
	return t1.Errorf(t1.KindInvalid, "%s:%d: %s", path, number, why).
		WithHint("repair line %d of %s, or remove it, and import again; nothing was stored", number, path)
}

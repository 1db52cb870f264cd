package library

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"t1"
)

// maxHeader is the longest header that the safetensors format allows, in bytes.
const maxHeader = 100_000_000

// tensor is one entry of a safetensors header.
type tensor struct {
	Dtype   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // within what follows the header
}

// weights is what a directory's safetensors files hold together.
type weights struct {
	Digest     t1.Digest // as docs/formats.md defines a policy's
	Parameters int64     // elements of all tensors
}

// readWeights digests every tensor of a model directory. A file that is no
// safetensors, and a tensor that is in two files, are KindCorrupt.
func readWeights(directory string) (weights, error) {
	files, err := filepath.Glob(filepath.Join(directory, "*.safetensors"))
	if err != nil || len(files) == 0 {
		return weights{}, t1.Errorf(t1.KindInvalid, "%s has no file *.safetensors", directory)
	}
	var found weights
	lines := map[string]string{} // by tensor
	for _, file := range files {
		if err := found.read(file, lines); err != nil {
			return found, t1.Errorf(t1.KindCorrupt, "%s: %w", filepath.Base(file), err)
		}
	}
	whole := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		_, _ = io.WriteString(whole, lines[name]) // a hash takes everything
	}
	found.Digest = t1.Digest(hex.EncodeToString(whole.Sum(nil)))
	return found, nil
}

func (w *weights) read(path string, lines map[string]string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	tensors, data, size, err := readHeader(file)
	if err != nil {
		return err
	}
	for name, t := range tensors {
		if _, twice := lines[name]; twice {
			return fmt.Errorf("tensor %s is in another file as well", name)
		}
		if t.Offsets[0] < 0 || t.Offsets[1] < t.Offsets[0] || t.Offsets[1] > size-data {
			return fmt.Errorf("tensor %s lies outside the file", name)
		}
		digest := sha256.New()
		if _, err := io.Copy(digest, io.NewSectionReader(file, data+t.Offsets[0], t.Offsets[1]-t.Offsets[0])); err != nil {
			return err
		}
		lines[name] = fmt.Sprintf("%x %s [%s] %s\n", digest.Sum(nil), t.Dtype, joined(t.Shape), name)
		w.Parameters += elements(t.Shape)
	}
	return nil
}

// readHeader gives the tensors, where their data begins, and the file's size.
func readHeader(file *os.File) (tensors map[string]tensor, data, size int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, 0, 0, err
	}
	var length uint64
	if err := binary.Read(file, binary.LittleEndian, &length); err != nil {
		return nil, 0, 0, fmt.Errorf("no safetensors file: %w", err)
	}
	if length > maxHeader || int64(length) > info.Size()-8 {
		return nil, 0, 0, fmt.Errorf("no safetensors file: a header of %d bytes in a file of %d", length, info.Size())
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(file, header); err != nil {
		return nil, 0, 0, err
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimRight(header, " "), &entries); err != nil {
		return nil, 0, 0, fmt.Errorf("damaged header: %w", err)
	}
	delete(entries, "__metadata__")
	tensors = make(map[string]tensor, len(entries))
	for name, entry := range entries {
		var t tensor
		if err := json.Unmarshal(entry, &t); err != nil {
			return nil, 0, 0, fmt.Errorf("damaged header: tensor %s: %w", name, err)
		}
		tensors[name] = t
	}
	return tensors, 8 + int64(length), info.Size(), nil
}

func elements(shape []int64) int64 {
	n := int64(1)
	for _, size := range shape {
		n *= size
	}
	return n
}

func joined(shape []int64) string {
	texts := make([]string, len(shape))
	for i, size := range shape {
		texts[i] = fmt.Sprint(size)
	}
	return strings.Join(texts, ",")
}

package t1

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"
	"unicode/utf8"
)

// What every Store checks, said once: which keys there are, and that what is
// read is what was written.

// maxKey is the longest key in bytes: S3's limit less room for a prefix.
// maxElement is the longest element: what common file systems hold.
const (
	maxKey     = 800
	maxElement = 255
)

// CheckKey returns nil for a key that every Store accepts and KindInvalid for
// any other: an empty or absolute one, one with an empty, "." or ".." element,
// with a backslash or a control character, not UTF-8, longer than 800 bytes, or
// with an element longer than 255 bytes.
func CheckKey(key string) error {
	if why := badKey(key); why != "" {
		return Errorf(KindInvalid, "key %q %s", key, why).
			WithHint("keys are relative, slash-separated and plain, such as runs/demo/spec.json")
	}
	return nil
}

// CheckPrefix is CheckKey for the prefix of a List: it may be empty, end with a
// slash, or end inside an element.
func CheckPrefix(prefix string) error {
	return CheckKey(prefix + "x")
}

func badKey(key string) string {
	switch {
	case key == "":
		return "is empty"
	case len(key) > maxKey:
		return "is longer than 800 bytes"
	case !utf8.ValidString(key):
		return "is not UTF-8"
	case strings.ContainsFunc(key, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }):
		return "has a backslash or a control character"
	case key[0] == '/':
		return "is absolute"
	}
	for element := range strings.SplitSeq(key, "/") {
		switch {
		case element == "":
			return "has an empty element"
		case element == "." || element == "..":
			return "has an element " + element
		case len(element) > maxElement:
			return "has an element longer than 255 bytes"
		}
	}
	return ""
}

// CheckedReader passes r's bytes on. Where they are not those that ref names it
// returns KindCorrupt in place of io.EOF, or as soon as there are too many.
// Closing it closes r; closing it early checks nothing.
func CheckedReader(r io.ReadCloser, ref Ref) io.ReadCloser {
	return &checkedReader{ReadCloser: r, ref: ref, hash: sha256.New()}
}

type checkedReader struct {
	io.ReadCloser
	ref  Ref
	hash hash.Hash
	read int64
	err  error // once set, every Read returns it
}

func (c *checkedReader) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.ReadCloser.Read(p)
	c.hash.Write(p[:n])
	c.read += int64(n)
	switch {
	case c.read > c.ref.Bytes:
		c.err = c.corrupt("it is longer than the %d bytes expected", c.ref.Bytes)
		return 0, c.err
	case err == io.EOF:
		c.err = c.verdict()
	default:
		c.err = err
	}
	return n, c.err
}

func (c *checkedReader) verdict() error {
	if c.read < c.ref.Bytes {
		return c.corrupt("it ends after %d of %d bytes", c.read, c.ref.Bytes)
	}
	if found := hex.EncodeToString(c.hash.Sum(nil)); found != c.ref.SHA256 {
		return c.corrupt("sha256 is %s, not %s", found, c.ref.SHA256)
	}
	return io.EOF
}

func (c *checkedReader) corrupt(why string, args ...any) error {
	err := Errorf(KindCorrupt, "object %s is corrupt: "+why, append([]any{c.ref.Key}, args...)...)
	return err.WithHint("nothing was computed from it; restore the object from a copy, or delete it to have it made again")
}

// ContextReader reads from r until ctx is over, and then ends with ctx's error:
// for stores whose own calls do not know the context.
func ContextReader(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

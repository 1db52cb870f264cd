package t1_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"t1"
)

func TestCheckKey(t *testing.T) {
	for _, key := range []string{"a", "runs/demo/log/00000001.json", "a/..b", "a/.b", "ü/x y"} {
		if err := t1.CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	bad := []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", `a\b`, "a\x00b", "a\nb", "a\xffb",
		strings.Repeat("a", 256), strings.Repeat("a/", 500) + "a",
	}
	for _, key := range bad {
		if kind := t1.KindOf(t1.CheckKey(key)); kind != t1.KindInvalid {
			t.Errorf("%q: kind %q", key, kind)
		}
	}
	for _, prefix := range []string{"", "a/", "a", "a/b.", "a/.."} {
		if err := t1.CheckPrefix(prefix); err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	for _, prefix := range []string{"/", "../", "a//", "a/../b", `\`} {
		if kind := t1.KindOf(t1.CheckPrefix(prefix)); kind != t1.KindInvalid {
			t.Errorf("prefix %q: kind %q", prefix, kind)
		}
	}
}

func TestCheckedReader(t *testing.T) {
	const text = "thirteen bytes"
	sum := sha256.Sum256([]byte(text))
	good := t1.Ref{Key: "k", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(text))}
	for _, c := range []struct {
		name  string
		bytes string
		kind  t1.Kind
	}{
		{"same", text, ""},
		{"flipped", "Thirteen bytes", t1.KindCorrupt},
		{"short", text[1:], t1.KindCorrupt},
		{"empty", "", t1.KindCorrupt},
		{"long", text + "!", t1.KindCorrupt},
	} {
		for _, slow := range []bool{false, true} {
			var r io.Reader = strings.NewReader(c.bytes)
			if slow {
				r = iotest.OneByteReader(r)
			}
			_, err := io.ReadAll(t1.CheckedReader(io.NopCloser(r), good))
			if t1.KindOf(err) != c.kind {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	broken := errors.New("broken")
	r := t1.CheckedReader(io.NopCloser(iotest.ErrReader(broken)), good)
	for range 2 {
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, broken) {
			t.Errorf("a reader's own failure: %v", err)
		}
	}
}

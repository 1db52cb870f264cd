package activities

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"t1"
	"t1/infra/dir"
)

// Whatever bytes stand in a record's place: they are a record or an error of a
// kind, and a record survives being written and read.
func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"schema":1,"run":"r","seq":0,"kind":"init","result":"d","policy":"p","environment":{},"metrics":{}}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`{"schema":1,"seq":-1,"update":{"rollouts":[{"key":"../x"}],"hyper":{"learning_rate":1e400}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := decodeRecord("runs/r/log/00000000.json", data)
		if err != nil {
			if kind := t1.KindOf(err); kind != t1.KindCorrupt && kind != t1.KindInvalid {
				t.Fatalf("kind %s: %v", kind, err)
			}
			return
		}
		again, err := marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeRecord("again", again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

// Whatever a manifest says its files are called: nothing is written outside the
// directory that it was to go to.
func FuzzManifestPaths(f *testing.F) {
	for _, name := range []string{"model.safetensors", "../outside", "/etc/passwd", "a/b", "a/../../b", "..", ".", "", `..\outside`, "manifest.json", "a\x00b"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		ctx := context.Background()
		parent := t.TempDir()
		store, err := dir.New(filepath.Join(parent, "store"))
		if err != nil {
			t.Fatal(err)
		}
		// The object is there under every key that the name could lead to.
		for _, key := range []string{"a/b/outside", "a/b/c/file", "a/b/c/model.safetensors"} {
			if _, err := store.Create(ctx, key, strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
		manifest := t1.Manifest{Schema: 1, Digest: "d", Files: []t1.Ref{{Key: name, SHA256: digestOf([]byte("x")), Bytes: 1}}}
		data, err := marshal(manifest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(ctx, "a/b/c/manifest.json", bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(parent, "in", "target")
		_, err = downloadDirectory(ctx, store, "a/b/c", target, unheard)
		for _, place := range []string{parent, filepath.Join(parent, "in")} {
			names, readErr := os.ReadDir(place)
			if readErr != nil {
				continue
			}
			for _, found := range names {
				if found.Name() != "store" && found.Name() != "in" && found.Name() != "target" {
					t.Fatalf("%q made %s in %s (%v)", name, found.Name(), place, err)
				}
			}
		}
	})
}

package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"t1"
	"t1/infra/dir"
)

// tiny is a model; its digest was computed by the engine (t1_engine/digest.py).
const (
	tiny       = "testdata/tiny-model"
	tinyDigest = "9143dd1c5658c8ff830f38f4f39b522d1908881330e0700ac57485dd08706a68"
)

func TestImportModel(t *testing.T) {
	store := testStore(t)
	model, stored, err := ImportModel(t.Context(), store, tiny, ModelOptions{Name: "tiny", Source: "here", CreatedBy: "v"})
	if err != nil || !stored {
		t.Fatalf("stored is %v, %v", stored, err)
	}
	want := Model{Schema: 1, Name: "tiny", Version: 1, Manifest: model.Manifest, Digest: tinyDigest, Architecture: "llama", Parameters: 664, Files: 4, Bytes: 3979, Source: "here", CreatedBy: "v"}
	if model != want {
		t.Errorf("got %+v, want %+v", model, want)
	}
	for _, name := range []string{"tiny", model.Manifest.SHA256, tinyDigest} {
		if found, err := ResolveModel(t.Context(), store, name); err != nil || found != model {
			t.Errorf("resolve %s: %+v, %v", name, found, err)
		}
	}
	if _, stored, err := ImportModel(t.Context(), store, tiny, ModelOptions{Name: "tiny"}); stored || err != nil {
		t.Errorf("the same again: %v, %v", stored, err)
	}
	back := filepath.Join(t.TempDir(), "back")
	if _, err := Download(t.Context(), store, ModelKey(model.Manifest.SHA256), model.Digest, back); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, tiny, back)
}

// A name changes only where that is asked for.
func TestReplaceModel(t *testing.T) {
	store, other := testStore(t), t.TempDir()
	if err := os.CopyFS(other, os.DirFS(tiny)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "chat_template.jinja"), []byte("{{ x }}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ImportModel(t.Context(), store, tiny, ModelOptions{Name: "m"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ImportModel(t.Context(), store, other, ModelOptions{Name: "m"}); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("another model: %v", err)
	}
	model, stored, err := ImportModel(t.Context(), store, other, ModelOptions{Name: "m", Replace: true})
	if err != nil || !stored || model.Version != 2 || model.Files != 5 {
		t.Errorf("replaced: %+v, %v, %v", model, stored, err)
	}
	all, err := Models(t.Context(), store)
	if err != nil || !slices.Equal(all, []Model{model}) {
		t.Errorf("listed: %+v, %v", all, err)
	}
}

func TestRefusedModels(t *testing.T) {
	for name, test := range map[string]struct {
		change func(directory string) error
		kind   t1.Kind
	}{
		"no weights":      {func(d string) error { return os.Remove(filepath.Join(d, "model.safetensors")) }, t1.KindInvalid},
		"no config":       {func(d string) error { return os.Remove(filepath.Join(d, "config.json")) }, t1.KindInvalid},
		"no architecture": {func(d string) error { return os.WriteFile(filepath.Join(d, "config.json"), []byte("{}"), 0o600) }, t1.KindInvalid},
		"a directory":     {func(d string) error { return os.Mkdir(filepath.Join(d, "more"), 0o700) }, t1.KindInvalid},
		"a link":          {func(d string) error { return os.Symlink("/etc/hostname", filepath.Join(d, "tokenizer.model")) }, t1.KindInvalid},
		"torn weights":    {func(d string) error { return os.Truncate(filepath.Join(d, "model.safetensors"), 2000) }, t1.KindCorrupt},
		"no safetensors": {func(d string) error {
			return os.WriteFile(filepath.Join(d, "model.safetensors"), []byte("PK\x03\x04 a zip of pickles"), 0o600)
		}, t1.KindCorrupt},
		"twice a tensor": {func(d string) error {
			data, err := os.ReadFile(filepath.Join(d, "model.safetensors"))
			return errors.Join(err, os.WriteFile(filepath.Join(d, "model-2.safetensors"), data, 0o600))
		}, t1.KindCorrupt},
	} {
		directory := t.TempDir()
		if err := os.CopyFS(directory, os.DirFS(tiny)); err != nil {
			t.Fatal(err)
		}
		if err := test.change(directory); err != nil {
			t.Fatal(err)
		}
		store := testStore(t)
		if _, _, err := ImportModel(t.Context(), store, directory, ModelOptions{Name: "m"}); t1.KindOf(err) != test.kind {
			t.Errorf("%s: %v, want %s", name, err, test.kind)
		}
		if all, err := Models(t.Context(), store); len(all) > 0 || err != nil {
			t.Errorf("%s: stored %+v, %v", name, all, err)
		}
	}
}

// run writes a run of records 0 to 3; the policies of 1 and 2 are published,
// those two being the same.
func run(t *testing.T, store t1.Store) {
	t.Helper()
	ctx := t.Context()
	for seq, policy := range []t1.Digest{"aa", tinyDigest, tinyDigest, "bb"} {
		data, err := json.Marshal(t1.Record{Schema: 1, Run: "r", Seq: seq, Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(ctx, t1.RecordKey("r", seq), bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish(ctx, store, tinyDigest); err != nil {
		t.Fatal(err)
	}
}

func publish(ctx context.Context, store t1.Store, as t1.Digest) error {
	manifest, err := manifestOf(tiny, as)
	if err != nil {
		return err
	}
	key := t1.PolicyKey("r", as)
	if err := upload(ctx, store, tiny, key, manifest); err != nil {
		return err
	}
	data, err := marshal(manifest)
	if err != nil {
		return err
	}
	_, err = store.Create(ctx, key+"/"+t1.ManifestName, bytes.NewReader(data))
	return err
}

func TestExportPolicy(t *testing.T) {
	store := testStore(t)
	run(t, store)
	for _, test := range []struct{ at, want int }{{Newest, 2}, {1, 1}} {
		target := filepath.Join(t.TempDir(), "deep", "policy")
		done, err := ExportPolicy(t.Context(), store, "r", test.at, target)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Exported{Run: "r", Seq: test.want, Policy: tinyDigest, Files: 4, Bytes: 3979, Directory: target}); done != want {
			t.Errorf("got %+v, want %+v", done, want)
		}
		sameFiles(t, tiny, target)
	}
	target := t.TempDir()
	if _, err := ExportPolicy(t.Context(), store, "r", Newest, target); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("a directory that is there: %v", err)
	}
	_, err := ExportPolicy(t.Context(), store, "r", 3, target+"/x")
	if t1.KindOf(err) != t1.KindNotFound || !strings.Contains(err.Error(), "there are those after 1, 2") {
		t.Errorf("a policy that was collected: %v", err)
	}
	if _, err := ExportPolicy(t.Context(), store, "r", 4, target+"/x"); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("no record: %v", err)
	}
	if _, err := ExportPolicy(t.Context(), store, "none", Newest, target+"/x"); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("no run: %v", err)
	}
}

// Damage is found, and leaves nothing behind: a byte of a file, and weights
// that are another policy's though every file is whole.
func TestExportDamage(t *testing.T) {
	root := t.TempDir()
	store, err := dir.New(root)
	if err != nil {
		t.Fatal(err)
	}
	run(t, store)
	path := filepath.Join(root, filepath.FromSlash(t1.PolicyKey("r", tinyDigest)), "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := publish(t.Context(), store, "bb"); err != nil { // of record 3
		t.Fatal(err)
	}
	target := t.TempDir()
	for _, seq := range []int{2, 3} {
		if _, err := ExportPolicy(t.Context(), store, "r", seq, target+"/x"); t1.KindOf(err) != t1.KindCorrupt {
			t.Errorf("record %d: %v", seq, err)
		}
	}
	if left, err := os.ReadDir(target); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A bucket that others filled: what is a model's is taken, the rest is not.
func TestFetchSource(t *testing.T) {
	store := testStore(t)
	for _, key := range []string{"config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.json", "small.gguf"} {
		if _, err := store.Create(t.Context(), key, strings.NewReader(key)); err != nil {
			t.Fatal(err)
		}
	}
	for only, want := range map[string][]string{"": {"config.json", "model.safetensors", "small.gguf"}, "small.gguf": {"small.gguf"}} {
		target := filepath.Join(t.TempDir(), "x")
		if err := FetchSource(t.Context(), store, only, target); err != nil {
			t.Fatal(err)
		}
		if got := names(t, target); !slices.Equal(got, want) {
			t.Errorf("only %q: got %q, want %q", only, got, want)
		}
	}
	if err := FetchSource(t.Context(), store, "none.gguf", filepath.Join(t.TempDir(), "x")); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("nothing there: %v", err)
	}
}

func names(t *testing.T, directory string) []string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

func sameFiles(t *testing.T, want, got string) {
	t.Helper()
	if !reflect.DeepEqual(names(t, want), names(t, got)) {
		t.Fatalf("%s has %q, not %q", got, names(t, got), names(t, want))
	}
	for _, name := range names(t, want) {
		a, err := fs.ReadFile(os.DirFS(want), name)
		b, other := fs.ReadFile(os.DirFS(got), name)
		if err != nil || other != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", name, err, other)
		}
	}
}

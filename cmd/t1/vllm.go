package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"t1"
	"t1/infra/vllm"
)

// vllmOptions is how this machine runs a vLLM server. Without an interpreter it
// runs none, which is an error only to a run that asks for one.
func (s settings) vllmOptions() (vllm.Options, error) {
	python, err := s.vllmPython()
	if err != nil {
		return vllm.Options{}, err
	}
	if s.VLLMMemory < 0 || s.VLLMMemory > 1 {
		return vllm.Options{}, t1.Errorf(t1.KindInvalid, "T1_VLLM_MEMORY is %g; allowed is a share of a GPU's memory, above 0 and at most 1, or 0 for vLLM's own", s.VLLMMemory)
	}
	if s.VLLMSequences < 0 {
		return vllm.Options{}, t1.Errorf(t1.KindInvalid, "T1_VLLM_SEQUENCES is %d; allowed is a number of at least 1, or 0 for 64", s.VLLMSequences)
	}
	arguments := strings.Fields(s.VLLMArguments)
	if s.VLLMMemory > 0 {
		arguments = append(arguments, "--gpu-memory-utilization", strconv.FormatFloat(s.VLLMMemory, 'g', -1, 64))
	}
	return vllm.Options{Python: python, Log: s.logPath("vllm"), Sequences: s.VLLMSequences, Arguments: arguments}, nil
}

// vllmPython finds the interpreter with vLLM: as told, else where make setup-vllm
// puts it, else none.
func (s settings) vllmPython() (string, error) {
	if s.VLLMPython != "" {
		path, err := exec.LookPath(s.VLLMPython)
		if err != nil {
			return "", t1.Errorf(t1.KindNotFound, "T1_VLLM_PYTHON is %s: %w", s.VLLMPython, err).WithHint("make setup-vllm, then unset T1_VLLM_PYTHON")
		}
		return filepath.Abs(path)
	}
	engine, err := s.engineDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(engine), "infra", "vllm", "environment", ".venv", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		return "", nil
	}
	return path, nil
}

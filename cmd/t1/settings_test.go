package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"t1"
)

// What T1_VLLM_... say is what the server is started with.
func TestVLLMSettings(t *testing.T) {
	here := t.TempDir()
	python := filepath.Join(here, "python")
	if err := os.WriteFile(python, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		want        []string // arguments; nil where it is refused
	}{
		{"T1_VLLM_MEMORY", "0.5", []string{"--enforce-eager", "--gpu-memory-utilization", "0.5"}},
		{"T1_VLLM_MEMORY", "1.5", nil},
		{"T1_VLLM_SEQUENCES", "-1", nil},
		{"T1_VLLM_PYTHON", filepath.Join(here, "none"), nil},
		{"T1_VLLM_SEQUENCES", "7", []string{"--enforce-eager"}},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Setenv("T1_VLLM_PYTHON", python)
			t.Setenv("T1_VLLM_ARGUMENTS", " --enforce-eager ")
			t.Setenv(c.name, c.value)
			tool := &tool{}
			if err := tool.readSettings(); err != nil {
				t.Fatal(err)
			}
			options, err := tool.settings.vllmOptions()
			if c.want == nil {
				if kind := t1.KindOf(err); kind != t1.KindInvalid && kind != t1.KindNotFound || !strings.Contains(err.Error(), c.name+" is "+c.value) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || options.Python != python || !slices.Equal(options.Arguments, c.want) {
				t.Errorf("got %+v, %v", options, err)
			}
			if want := tool.settings.VLLMSequences; options.Sequences != want || c.name == "T1_VLLM_SEQUENCES" && want != 7 {
				t.Errorf("%d sequences, want %d", options.Sequences, want)
			}
		})
	}
}

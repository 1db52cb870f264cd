package vllm

import (
	"crypto/rand"
	_ "embed" // of the worker's extension
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"t1"
)

// modelName is what requests call the policy; which one it is, proof says.
const modelName = "policy"

// socketName is the server's socket in its private directory.
const socketName = "http.sock"

// extension is a Python module for the server's workers: it stands beside the
// socket, where the server's modules are looked for first.
//
//go:embed t1_worker.py
var extension []byte

const extensionName = "t1_worker"

// command is the server's process, not started. Its key stands in the
// environment: arguments are for every user of the machine to see.
func command(o Options, directory, key string) (*exec.Cmd, error) {
	python, err := exec.LookPath(o.Python)
	if err != nil {
		return nil, t1.Errorf(t1.KindNotFound, "no Python interpreter at %q: %w", o.Python, err).WithHint(install)
	}
	if python, err = filepath.Abs(python); err != nil {
		return nil, t1.Errorf(t1.KindInternal, "path of the interpreter: %w", err)
	}
	if err := os.WriteFile(filepath.Join(directory, extensionName+".py"), extension, 0o600); err != nil {
		return nil, onDisk("extension of the vLLM server", err)
	}
	c := exec.Command(python, append([]string{"-m", "vllm.entrypoints.openai.api_server"}, arguments(o, directory)...)...)
	c.Dir = directory // holds our module, and none of the names of others
	c.Env = append(append(os.Environ(), o.Environment...), environment(directory, key)...)
	return c, nil
}

const install = "install vLLM: `make setup-vllm`"

// arguments puts ours last: the last one counts.
func arguments(o Options, directory string) []string {
	args := o.Arguments
	if o.DataType != "" {
		args = append(args, "--dtype", o.DataType)
	}
	if o.Length > 0 {
		args = append(args, "--max-model-len", strconv.Itoa(o.Length))
	}
	return append(
		args,
		"--uds", filepath.Join(directory, socketName),
		"--model", o.model(), "--served-model-name", modelName,
		"--load-format", "safetensors", // never a pickle
		"--max-num-seqs", strconv.Itoa(o.Sequences),
		"--worker-extension-cls", extensionName+".Reload",
		// Before temperature and top-p: what the trainer computes. Processed ones would be after.
		"--logprobs-mode", "raw_logprobs",
		"--generation-config", "vllm", // or the model's directory would change temperature and top-p where a request is silent
		"--skip-tokenizer-init", "--return-tokens-as-token-ids", // token ids in, token ids out
		"--disable-uvicorn-access-log", "--disable-fastapi-docs",
	)
}

func environment(directory, key string) []string {
	return []string{
		"VLLM_API_KEY=" + key,
		"VLLM_SERVER_DEV_MODE=1", // pause, reload_weights, reset_prefix_cache
		"VLLM_ALLOW_INSECURE_SERIALIZATION=0",
		"VLLM_HOST_IP=127.0.0.1", "VLLM_LOOPBACK_IP=127.0.0.1", // for what its processes say to one another
		"VLLM_RPC_BASE_PATH=" + directory,
		"VLLM_NO_USAGE_STATS=1", "DO_NOT_TRACK=1", "HF_HUB_OFFLINE=1", "TRANSFORMERS_OFFLINE=1",
		"PYTHONUNBUFFERED=1",
	}
}

func newKey() string { return rand.Text() }

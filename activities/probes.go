package activities

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"

	"t1"
	"t1/infra/vllm"
)

// probesName is the file beside a policy's weights that says what the trainer's
// copy answers: what a server must answer that claims to serve the policy.
const probesName = "probes.json"

// Probes are made of a run's first prompts, of each at most so many tokens: what
// they ask need make no sense, it must only reach every weight.
const (
	probeCount  = 3
	probeLength = 512
)

// probing gives the prompts of a run's probes. They are the same for all of its
// policies, which lets a server that keeps its weights be told from one that
// takes new ones.
func (h *Host) probing(ctx context.Context, run string) ([][]int32, error) {
	return h.probed.get(run, func() ([][]int32, error) {
		data, err := h.data(ctx, run)
		if err != nil {
			return nil, err
		}
		rows, err := ReadRows[t1.Problem](ctx, h.Store, data.Train)
		if err != nil {
			return nil, err
		}
		var prompts [][]int32
		for _, row := range rows[:min(probeCount, len(rows))] {
			prompts = append(prompts, row.Tokens[:min(probeLength, len(row.Tokens))])
		}
		return prompts, nil
	})
}

// firstProbes puts the probes that an attempt before this one stored in the place
// of ours. They are of the same policy; another machine may have rounded otherwise.
func (h *Host) firstProbes(ctx context.Context, key, directory string) error {
	data, err := readNamed(ctx, h.Store, path.Join(key, probesName))
	if t1.KindOf(err) == t1.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return onDisk(os.WriteFile(filepath.Join(directory, probesName), data, 0o600))
}

// probesFile is the content of probes.json, as the engine writes it.
type probesFile struct {
	Schema int `json:"schema"` // 1
	Probes []struct {
		Prompt   []int32   `json:"prompt"`
		Tokens   []int32   `json:"tokens"`
		LogProbs []float32 `json:"logprobs"`
	} `json:"probes"`
}

// readProbes reads the probes of a policy's directory.
func readProbes(directory, key string) ([]vllm.Probe, error) {
	data, err := os.ReadFile(filepath.Join(directory, probesName))
	if os.IsNotExist(err) {
		return nil, t1.Errorf(t1.KindNotFound, "%s has no %s: a t1 from before there were any published it, and no vLLM server can prove that it serves it", key, probesName).
			WithHint("start the run under another name: every policy that it publishes has probes")
	}
	if err != nil {
		return nil, err
	}
	var file probesFile
	if err := json.Unmarshal(data, &file); err != nil || file.Schema != 1 {
		return nil, t1.Errorf(t1.KindCorrupt, "%s/%s is no list of probes of schema 1: %v", key, probesName, err)
	}
	probes := make([]vllm.Probe, len(file.Probes))
	for i, p := range file.Probes {
		probes[i] = vllm.Probe{Prompt: p.Prompt, Tokens: p.Tokens, LogProbs: p.LogProbs}
	}
	return probes, nil
}

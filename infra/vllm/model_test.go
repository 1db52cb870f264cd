package vllm

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"t1"
)

// toy is the fake server's model: what comes next is a function of its weights'
// bytes and of the last tokens. It is the trainer of its tests, too.
type toy [32]byte

const (
	toyVocabulary = 24
	toyEnd        = 1
)

func loadToy(dir string) (toy, error) {
	weights, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	return sha256.Sum256(weights), err
}

// next gives the log-probabilities of every token after some.
func (m toy) next(context []int32) []float64 {
	state := sha256.New()
	state.Write(m[:])
	for _, token := range context[max(0, len(context)-3):] {
		_ = binary.Write(state, binary.LittleEndian, token)
	}
	sum := state.Sum(nil)
	source := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum), 0))
	logits := make([]float64, toyVocabulary)
	var total float64
	for i := range logits {
		logits[i] = 3 * source.NormFloat64()
		total += math.Exp(logits[i])
	}
	for i := range logits {
		logits[i] -= math.Log(total)
	}
	return logits
}

// generate samples a response; a temperature of 0 is greedy.
func (m toy) generate(prompt []int32, most int, temperature, topP float64, seed int64, stop []int32) (tokens []int32, logprobs []float32, finish string) {
	noise := rand.New(rand.NewPCG(uint64(seed), 1))
	context := slices.Clone(prompt)
	for len(tokens) < most {
		logp := m.next(context)
		token := int32(pick(logp, temperature, topP, noise))
		context, tokens, logprobs = append(context, token), append(tokens, token), append(logprobs, float32(logp[token]))
		if slices.Contains(stop, token) {
			return tokens, logprobs, t1.FinishStop
		}
	}
	return tokens, logprobs, t1.FinishLength
}

// pick draws from the nucleus at a temperature, by Gumbel noise.
func pick(logp []float64, temperature, topP float64, noise *rand.Rand) int {
	order := make([]int, len(logp))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return logp[order[a]] > logp[order[b]] })
	if temperature == 0 {
		return order[0]
	}
	var total, mass float64
	for _, l := range logp {
		total += math.Exp(l / temperature)
	}
	best, bestScore := 0, math.Inf(-1)
	for _, i := range order {
		if mass < topP {
			if score := logp[i]/temperature - math.Log(noise.ExpFloat64()); score > bestScore {
				best, bestScore = i, score
			}
		}
		mass += math.Exp(logp[i]/temperature) / total
	}
	return best
}

// score gives the log-probabilities of given tokens after a prompt.
func (m toy) score(prompt, tokens []int32) []float32 {
	context, logprobs := slices.Clone(prompt), []float32{}
	for _, token := range tokens {
		logprobs = append(logprobs, float32(m.next(context)[token]))
		context = append(context, token)
	}
	return logprobs
}

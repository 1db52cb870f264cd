package report

import (
	"fmt"
	"strings"

	"t1"
)

// headline is what a reader takes away who reads nothing else.
type headline struct {
	Run, About string
	Sentence   string
	Progress   string // empty for a run that is complete
	Tiles      []tile
	Notes      []string
}

// tile is one figure.
type tile struct{ Label, Value, Sub, Class string }

func newHeadline(in Input) headline {
	all := checkpoints(in)
	return headline{
		Run: in.Run, About: about(in), Sentence: outcome(in, all), Progress: progress(in), Tiles: tiles(in, all),
		Notes: append(notes(in), in.Notes...),
	}
}

// about says what was trained: task, model, size.
func about(in Input) string {
	task := in.Spec.Task.Name
	if task == "countdown" {
		task = fmt.Sprintf("countdown with %s numbers", join(in.Spec.Task.Countdown.Numbers, " or "))
	}
	s := in.Spec.Model.Scratch
	parts := []string{task}
	if s.Layers > 0 {
		parts = append(parts, fmt.Sprintf("Llama decoder built from scratch, %d layers of width %d", s.Layers, s.HiddenSize))
	}
	if n := parameters(s, vocabulary(in.Records)); n > 0 {
		parts = append(parts, large(float64(n))+" parameters")
	}
	return strings.Join(parts, " · ")
}

func vocabulary(log []t1.Record) int {
	for _, r := range log {
		if r.Init != nil {
			return len(r.Init.Vocabulary)
		}
	}
	return 0
}

// parameters counts the weights of a Llama decoder; 0 where a shape is unknown.
func parameters(s t1.ScratchSpec, vocabulary int) int {
	if vocabulary == 0 || s.Heads == 0 {
		return 0
	}
	keys := s.HiddenSize / s.Heads * s.KVHeads
	attention := 2*s.HiddenSize*s.HiddenSize + 2*s.HiddenSize*keys
	layer := attention + 3*s.HiddenSize*s.IntermediateSize + 2*s.HiddenSize
	embeddings := vocabulary * s.HiddenSize
	if !s.TieEmbeddings {
		embeddings *= 2
	}
	return embeddings + s.Layers*layer + s.HiddenSize
}

// outcome is the one sentence.
func outcome(in Input, all []checkpoint) string {
	sft, rl := ends(all)
	switch {
	case sft == nil && rl == nil:
		return "Nothing has been evaluated yet."
	case sft == nil:
		return fmt.Sprintf("After %s the policy answers %s of %s right; the fine-tuned policy was not evaluated, so nothing says what reinforcement learning changed.",
			plural(rl.Iteration, "iteration", "iterations"), shareInterval(rl.Sampled), problems(in, rl.Problems))
	case rl == nil:
		return fmt.Sprintf("The fine-tuned policy answers %s of %s right; no policy has been evaluated after reinforcement learning.",
			shareInterval(sft.Sampled), problems(in, sft.Problems))
	}
	return verdict(in, *sft, *rl)
}

// verdict says what reinforcement learning changed, and how sure that is.
func verdict(in Input, sft, rl checkpoint) string {
	from := fmt.Sprintf("from %s to %s", percent(sft.Sampled.Mean), percent(rl.Sampled.Mean))
	d := t1.PairedBootstrap(rl.PerProblem, sft.PerProblem, t1.BootstrapSeed)
	if d.N < 2 {
		return fmt.Sprintf("Sampled accuracy went %s on %s; the evaluations share no problems to pair, so there is no interval.", from, problems(in, rl.Problems))
	}
	gain := fmt.Sprintf("(%s points, 95%s%% interval %s)", points(d.Mean), thin, bounds(d, points))
	where := "on " + problems(in, d.N)
	switch {
	case d.Low == d.High:
		return fmt.Sprintf("%sSampled accuracy went %s %s, by the same %s points on each one: too alike for an interval.", soFar(in, rl), from, where, points(d.Mean))
	case d.Low > 0:
		return fmt.Sprintf("%sRL raised sampled accuracy %s %s %s.", soFar(in, rl), from, gain, where)
	case d.High < 0:
		return fmt.Sprintf("%sRL lowered sampled accuracy %s %s %s.", soFar(in, rl), from, gain, where)
	}
	return fmt.Sprintf("%sRL made no difference to sampled accuracy that %s can show: %s %s.", soFar(in, rl), problems(in, d.N), from, gain)
}

// soFar begins a sentence about a policy from the middle of a run.
func soFar(in Input, rl checkpoint) string {
	if rl.Iteration >= in.Spec.RL.Iterations {
		return ""
	}
	return fmt.Sprintf("After %s of %s: ", count(rl.Iteration), plural(in.Spec.RL.Iterations, "iteration", "iterations"))
}

func problems(in Input, n int) string {
	if in.Spec.Task.Name == "countdown" {
		return plural(n, "held-out game", "held-out games")
	}
	return plural(n, "held-out problem", "held-out problems")
}

// tiles are the four figures below the sentence; those unknown are left out.
func tiles(in Input, all []checkpoint) []tile {
	var out []tile
	sft, rl := ends(all)
	if sft != nil {
		out = append(out, tile{"SFT, sampled accuracy", percent(sft.Sampled.Mean), "95" + thin + "% " + shareBounds(sft.Sampled), "c-sft"})
	}
	if rl != nil {
		out = append(out, tile{"After RL, sampled accuracy", percent(rl.Sampled.Mean), "95" + thin + "% " + shareBounds(rl.Sampled), "c-rl5"})
	}
	if sft != nil && rl != nil {
		out = append(out, tile{"Response length", number(sft.Length.Mean) + " → " + number(rl.Length.Mean), "tokens, mean of the samples", ""})
	}
	if total := newTiming(in).Total; total > 0 {
		out = append(out, tile{"Time", duration(total), plural(len(in.Records), "record", "records") + " in the log", ""})
	}
	return out
}

func join(values []int, between string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = count(v)
	}
	return strings.Join(parts, between)
}

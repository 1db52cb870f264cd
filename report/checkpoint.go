package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"t1"
)

// labelSFT is the label of the fine-tuned policy's evaluation.
const labelSFT = "sft"

// checkpoint is one evaluated policy.
type checkpoint struct {
	t1.Result
	Iteration int     // 0 is the fine-tuned policy
	Share     float64 // of the RL iterations asked for
}

// checkpoints are the evaluations in the order of training, one an iteration.
// Results with a label that is neither "sft" nor a number are left out.
func checkpoints(in Input) []checkpoint {
	byIteration := map[int]checkpoint{}
	for _, r := range in.Results {
		iteration, err := strconv.Atoi(r.Label)
		if r.Label == labelSFT {
			iteration, err = 0, nil
		}
		if err == nil {
			byIteration[iteration] = checkpoint{r, iteration, share(iteration, in.Spec.RL.Iterations)}
		}
	}
	out := make([]checkpoint, 0, len(byIteration))
	for _, c := range byIteration {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b checkpoint) int { return cmp.Compare(a.Iteration, b.Iteration) })
	return out
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// ends are the fine-tuned policy and the newest one after it; nil where there is none.
func ends(all []checkpoint) (sft, rl *checkpoint) {
	for i := range all {
		if all[i].Iteration == 0 {
			sft = &all[i]
		} else {
			rl = &all[i]
		}
	}
	return sft, rl
}

// name is a checkpoint in a legend: "SFT", "RL 30 %".
func (c checkpoint) name() string {
	if c.Iteration == 0 {
		return "SFT"
	}
	if c.Share > 0 {
		return fmt.Sprintf("RL %.0f%s%%", c.Share*100, thin)
	}
	return fmt.Sprintf("RL %d", c.Iteration)
}

// curves is how many checkpoints one chart can show apart.
const curves = 6

// shown picks the checkpoints for a chart: all of few, else the ones nearest to
// the shares that the recipe asks for, the first and the last.
func shown(all []checkpoint, at []float64) []checkpoint {
	if len(all) <= curves {
		return all
	}
	keep := map[int]bool{0: true, len(all) - 1: true}
	for _, share := range at[:min(len(at), curves-2)] {
		keep[nearest(all, share)] = true
	}
	var out []checkpoint
	for i, c := range all {
		if keep[i] {
			out = append(out, c)
		}
	}
	return out
}

func nearest(all []checkpoint, share float64) int {
	best := 0
	for i, c := range all {
		if math.Abs(c.Share-share) < math.Abs(all[best].Share-share) {
			best = i
		}
	}
	return best
}

// rampClass colours a policy by how far it was trained.
func rampClass(i, n int, c checkpoint) string {
	if c.Iteration == 0 {
		return "c-sft"
	}
	return fmt.Sprintf("c-rl%d", max(1, 5-(n-1-i)))
}

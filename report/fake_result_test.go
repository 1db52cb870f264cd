package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"t1"
)

// evaluate adds the evaluation of the newest policy.
func (f *faker) evaluate(iteration int, done float64) {
	label := labelSFT
	if iteration > 0 {
		label = strconv.Itoa(iteration)
	}
	last := f.in.Records[len(f.in.Records)-1]
	n, grown := f.in.Spec.Evaluation.Problems, 1-math.Exp(-2.5*done)
	r := t1.Result{
		Schema: 1, Run: f.in.Run, Label: label, Seq: last.Seq, Policy: last.Policy, Suite: "heldout", Problems: n, Samples: 4, Temperature: 1, Seconds: 14.5,
		PerProblem: make([]float64, n), Penalties: map[string]t1.Interval{},
	}
	for i := range r.PerProblem {
		hard := math.Mod(float64(i)*0.618, 1)
		for range 4 {
			if f.rand.Float64() < min(1, 0.1+0.55*hard+0.36*grown) {
				r.PerProblem[i] += 0.25
			}
		}
	}
	r.Sampled = t1.ShareInterval(r.PerProblem)
	r.Greedy = t1.Proportion(int(float64(n)*(r.Sampled.Mean+0.03)), n)
	r.PassAt = map[int]t1.Interval{1: r.Sampled, 2: shift(r.Sampled, 0.11), 4: shift(r.Sampled, 0.19)}
	r.MajorityAt = map[int]t1.Interval{4: shift(r.Sampled, 0.05)}
	r.Length = t1.Interval{Mean: 58 + 24*grown, Low: 56 + 24*grown, High: 60 + 24*grown, N: n}
	r.OverLength = t1.Proportion(int(20*(1-grown)), n)
	for i, reason := range t1.PenaltyReasons() {
		r.Penalties[reason] = t1.Proportion(int(float64(4+i)*(1-grown)), n)
	}
	f.cuts(&r, n, grown)
	f.now = f.now.Add(15 * time.Second)
	f.in.Results = append(f.in.Results, r)
}

func shift(i t1.Interval, by float64) t1.Interval {
	return t1.Interval{Mean: i.Mean + by, Low: i.Low + by, High: i.High + by, N: i.N}
}

func (f *faker) cuts(r *t1.Result, n int, grown float64) {
	thinking := r.Length.Mean - 8
	at := func(kept float64) t1.CutPoint {
		accuracy := 0.08 + (r.Sampled.Mean-0.08)*(1-math.Exp(-kept/(22+10*grown)))*1.05 + f.noise(0.006)
		return t1.CutPoint{Kept: t1.Interval{Mean: kept, Low: kept - 1, High: kept + 1, N: n}, Accuracy: t1.Proportion(int(float64(n)*accuracy), n)}
	}
	for i := 1; i <= 10; i++ {
		p := at(thinking * float64(i) / 10)
		p.Fraction = float64(i) / 10
		r.Fractions = append(r.Fractions, p)
	}
	for _, limit := range f.in.Spec.Evaluation.Scaling.Caps {
		p := at(min(float64(limit), thinking*0.93))
		p.Cap = limit
		r.Caps = append(r.Caps, p)
	}
	none := t1.CutPoint{Accuracy: t1.Proportion(42, n)}
	r.NoThinking = &none
}

func fakeExamples(iteration int) []Example {
	prompt := "make 6 from 9 6 8 :"
	tries := "try 8 * 9 = 72 - 6 = 66 no try 6 + 9 = 15 + 8 = 23 no try 8 * 6 = 48 - 9 = 39 no "
	right := "try 9 - 8 = 1 * 6 = 6 yes check 9 - 8 = 1 * 6 = 6 ok "
	return []Example{
		{Why: "Right, and long", Iteration: iteration, Problem: "cd-9,6,8->6", Sample: 11, Prompt: prompt, Text: strings.Repeat(tries, 3) + right + "answer ( 9 - 8 ) * 6", Tokens: 148,
			Finish: "stop", Answer: "(9-8)*6", Correct: true, Reward: 1, Trained: true, D: 3.412, Advantage: 0.4667},
		{Why: "Penalised", Iteration: iteration, Problem: "cd-9,6,8->6", Sample: 2, Prompt: prompt, Text: strings.Repeat(tries, 4), Tokens: 160, Finish: "length",
			Penalties: []string{"repetition", "over_length"}, Reward: -1, Trained: true, D: 9.82, Advantage: -1.533},
		{Why: "Wrong", Iteration: iteration, Problem: "cd-9,3,5->48", Sample: 5, Prompt: "make 48 from 9 3 5 :", Text: "try 9 * 5 = 45 - 3 = 42 yes check 9 * 5 = 45 - 3 = 42 ok answer ( 9 * 5 ) - 3",
			Tokens: 52, Finish: "stop", Answer: "(9*5)-3", Trained: true, D: -0.31, Advantage: -0.5333},
		{Why: "Before reinforcement learning", Problem: "cd-9,6,8->6", Prompt: prompt, Text: tries + "answer 9 - 6", Tokens: 50, Finish: "stop", Answer: "9-6"},
	}
}

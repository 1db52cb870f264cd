package report

import (
	"strings"
)

// shownExample is one response as the page shows it.
type shownExample struct {
	Why, From          string
	Verdict, Class     string // right, wrong or penalised
	Penalties          string
	Prompt             string
	Thinking           []string // lines
	Answer             string
	Length             string
	Reward, D, A       string
	Graded, Identifier string
}

func newExamples(in Input) []shownExample {
	out := make([]shownExample, 0, len(in.Examples))
	for _, e := range in.Examples {
		out = append(out, showExample(e, in.Spec.Task.Name, in.Cue))
	}
	return out
}

func showExample(e Example, task, cue string) shownExample {
	thinking, answer := parts(e.Text, cue)
	s := shownExample{
		Why: e.Why, From: "RL iteration " + count(e.Iteration), Identifier: visible(e.Problem) + ", sample " + count(e.Sample),
		Prompt: visible(middle(e.Prompt, longest)), Thinking: lines(task, visible(middle(thinking, longest))), Answer: visible(middle(answer, longest)),
		Length: plural(e.Tokens, "token", "tokens") + ", " + ending(e.Finish), Graded: visible(middle(e.Answer, 200)),
		Reward: plus(e.Reward, strings.TrimPrefix(number(e.Reward), minus)), D: "–", A: "–",
	}
	if e.Iteration == 0 {
		s.From = "SFT policy"
	}
	if e.Trained {
		s.D = number(e.D)
		s.A = plus(e.Advantage, strings.TrimPrefix(number(e.Advantage), minus))
	}
	s.Verdict, s.Class = judged(e)
	s.Penalties = words(strings.Join(e.Penalties, ", "))
	return s
}

// judged says whether a response is right; a penalised one says both.
func judged(e Example) (verdict, class string) {
	verdict, class = "✗ wrong", "wrong"
	if e.Correct {
		verdict, class = "✓ right", "right"
	}
	if len(e.Penalties) > 0 {
		return verdict + ", penalised", "penalised"
	}
	return verdict, class
}

func ending(finish string) string {
	switch finish {
	case "stop":
		return "ended by itself"
	case "length":
		return "cut off at the limit"
	case "":
		return "ending unknown"
	}
	return visible(finish)
}

package activities

import (
	"strings"
	"text/template"

	"t1"
)

// Prompts are the parsed prompt files of a synthesis.
type Prompts struct{ attempt, critique, merge, rewrite *Prompt }

// Prompt is one prompt file: a Go text/template over [promptData].
type Prompt struct {
	name string
	t    *template.Template
}

// promptData is what a prompt may use.
type promptData struct {
	Question string
	Answer   string           // the reference
	Cue      string           // the spec's answer_cue
	Attempt  *promptAttempt   // in critique
	Attempts []*promptAttempt // in merge: the wrong ones first
	Merged   string           // in rewrite
}

// promptAttempt is an attempt as a prompt may show it.
type promptAttempt struct {
	Number   int // from 1, in the order of the spec's endpoints
	Text     string
	Right    bool
	Given    string // its answer, normalised; empty where there was none
	Critique string // in merge

	endpoint string
}

// ParsePrompts checks the prompts by filling each in with a sample, so that a
// name that does not exist is KindInvalid before anything is asked.
func ParsePrompts(p t1.SynthesisPrompts) (*Prompts, error) {
	attempt := &promptAttempt{Number: 1, Text: "text", Right: true, Given: "1", Critique: "critique"}
	sample := promptData{Question: "question", Answer: "1", Cue: "Answer:", Attempt: attempt, Attempts: []*promptAttempt{attempt}, Merged: "text"}
	out := &Prompts{}
	for _, file := range []struct {
		name, text string
		into       **Prompt
	}{
		{t1.StepAttempt, p.Attempt, &out.attempt},
		{t1.StepCritique, p.Critique, &out.critique},
		{t1.StepMerge, p.Merge, &out.merge},
		{t1.StepRewrite, p.Rewrite, &out.rewrite},
	} {
		parsed, err := template.New(file.name + ".md").Option("missingkey=error").Parse(file.text)
		if err != nil {
			return nil, t1.Errorf(t1.KindInvalid, "prompt %s.md: %s", file.name, strings.TrimPrefix(err.Error(), "template: "))
		}
		*file.into = &Prompt{file.name, parsed}
		filled, err := (*file.into).text(sample)
		if err != nil {
			return nil, err
		}
		if filled == "" {
			return nil, t1.Errorf(t1.KindInvalid, "prompt %s.md is empty", file.name)
		}
	}
	return out, nil
}

func (p *Prompt) text(data promptData) (string, error) {
	var b strings.Builder
	if err := p.t.Execute(&b, data); err != nil {
		return "", t1.Errorf(t1.KindInvalid, "prompt %s.md: %s", p.name, strings.TrimPrefix(err.Error(), "template: ")).
			WithHint("docs/synthesis.md lists what a prompt may use")
	}
	return strings.TrimSpace(b.String()), nil
}

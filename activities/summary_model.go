package activities

import (
	"context"
	"slices"
	"strings"

	"t1"
	"t1/infra/engine"
	"t1/library"
	"t1/tasks"
)

// pinSummaryModel puts the digest in place of the name of a summary model.
func (h *Host) pinSummaryModel(ctx context.Context, spec *t1.ScalingSpec) error {
	name, imported := strings.CutPrefix(spec.SummaryModel, t1.SummaryModelPrefix)
	if !imported {
		return nil
	}
	model, err := library.ResolveModel(ctx, h.Store, name)
	if err != nil {
		return t1.Errorf(t1.KindOf(err), "evaluation.scaling.summary_model: %w", err)
	}
	spec.SummaryModel = t1.SummaryModelPrefix + model.Manifest.SHA256
	return nil
}

// summaryModel says where the model that answers from cut thinking is, and the
// digest of its weights.
func (h *Host) summaryModel(ctx context.Context, in t1.EvaluateInput) (place string, policy t1.Digest, err error) {
	if in.SummaryModel == "" {
		return placeOf(in), in.Summary, nil
	}
	manifest, err := readJSON[t1.Manifest](ctx, h.Store, library.ModelManifestKey(in.SummaryModel))
	return library.ModelKey(in.SummaryModel), manifest.Digest, err
}

// retold asks a summary model with another tokenizer: the thinking that is left
// is decoded, and written again behind the question as that model's chat
// template puts it, with the cue.
func (e *evaluation) retold(ctx context.Context, client *engine.Client, left []leftover, beat beat) ([]engine.Prompt, error) {
	kept, err := e.keptTexts(ctx, client, left, beat)
	if err != nil {
		return nil, err
	}
	place, summary, err := e.host.summaryModel(ctx, e.in.Evaluation)
	if err != nil {
		return nil, err
	}
	instruction, space := e.judge.task.Data.Instruction, ""
	if tasks.Worded(e.judge.task) { // a game's problem says itself what is asked
		instruction, space = "{question}", " "
	}
	chats, answers := make([][]engine.Message, len(left)), make([]string, len(left))
	for i, l := range left {
		chats[i] = chatOf(instruction, e.judge.problems[l.problem].Prompt)
		if answers[i] = kept[i] + e.cue; kept[i] != "" {
			answers[i] = kept[i] + space + e.cue
		}
	}
	prompts := make([]engine.Prompt, 0, len(left))
	err = e.host.text(ctx, client, place, summary, beat, func(text engine.Text) error {
		prompts = prompts[:0]
		for from := 0; from < len(left); from += encodeAtOnce {
			to := min(from+encodeAtOnce, len(left))
			asked, err := text.Render(ctx, chats[from:to])
			if err != nil {
				return err
			}
			begun, err := text.Encode(ctx, answers[from:to])
			if err != nil {
				return err
			}
			for i := range asked {
				prompts = append(prompts, engine.Prompt{Tokens: slices.Concat(asked[i].Tokens, begun[i]), Samples: 1})
			}
			beat(int64(to), int64(len(left)), 0)
		}
		return nil
	})
	return prompts, err
}

// keptTexts decodes the thinking that is left, with the tokenizer of the policy.
func (e *evaluation) keptTexts(ctx context.Context, client *engine.Client, left []leftover, beat beat) ([]string, error) {
	in := e.in.Evaluation
	var texts []string
	err := e.host.text(ctx, client, placeOf(in), in.Policy, beat, func(text engine.Text) error {
		texts = texts[:0]
		for len(texts) < len(left) {
			var some [][]int32
			for tokens := 0; len(texts)+len(some) < len(left) && tokens < decodeAtOnce; {
				kept := left[len(texts)+len(some)].kept
				some, tokens = append(some, kept), tokens+len(kept)
			}
			decoded, err := text.Decode(ctx, some)
			if err != nil {
				return err
			}
			texts = append(texts, decoded...)
			beat(int64(len(texts)), int64(len(left)), 0)
		}
		return nil
	})
	return texts, err
}

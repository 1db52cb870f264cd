package activities

import (
	"context"
	"slices"
	"strings"

	"t1"
	"t1/infra/engine"
	"t1/tasks"
)

// textFiles are what of a policy makes text of tokens. A model may lack some.
var textFiles = []string{"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}

// text does something with the text of a policy, which the engine need not hold,
// or may have put aside meanwhile for others: then its tokenizer is read, and no
// weights are fetched.
func (h *Host) text(ctx context.Context, client *engine.Client, place string, policy t1.Digest, beat beat, do func(engine.Text) error) error {
	const tries = 3
	for try := 1; ; try++ {
		if err := do(client.TextOf(policy)); t1.KindOf(err) != t1.KindNotFound || try == tries {
			return err
		}
		if err := h.openText(ctx, client, place, policy, beat); err != nil {
			return err
		}
	}
}

func (h *Host) openText(ctx context.Context, client *engine.Client, place string, policy t1.Digest, beat beat) error {
	directory, remove, err := h.scratch()
	if err != nil {
		return err
	}
	defer remove()
	key, err := policyKey(ctx, h.Store, place, policy)
	if err != nil {
		return err
	}
	if _, err := downloadFiles(ctx, h.Store, key, directory, func(name string) bool { return slices.Contains(textFiles, name) }, beat); err != nil {
		return err
	}
	return asking(client, beat, func() error { return client.OpenText(ctx, policy, directory) })
}

// thinking gives how many tokens of each response stand before the answer cue,
// and all of them where there is no cue.
func (e *evaluation) thinking(ctx context.Context, client *engine.Client, rollouts []t1.Rollout, beat beat) (lengths []int, err error) {
	in := e.in.Evaluation
	err = e.host.text(ctx, client, placeOf(in), in.Policy, beat, func(text engine.Text) error {
		lengths, err = thinkingLengths(rollouts, e.cue, func(tokens [][]int32) ([]string, error) {
			beat(int64(len(rollouts)), int64(len(rollouts)), 0)
			return text.Decode(ctx, tokens)
		})
		return err
	})
	return lengths, err
}

// border is a search for the token before which a place in a text lies.
type border struct {
	row       int
	at        int // bytes of the text
	low, high int // tokens: low spell less than at, high do not
	exact     bool
}

// thinkingLengths looks for the cue in the texts: merges may spell it in tokens
// other than its own. Where it begins in the middle of a token, that token is
// no thinking. All borders are searched together, by bisection: a response of n
// tokens is decoded log2(n) times, in part.
func thinkingLengths(rollouts []t1.Rollout, cue string, decode func([][]int32) ([]string, error)) ([]int, error) {
	lengths := make([]int, len(rollouts))
	var open []border
	for i, r := range rollouts {
		lengths[i] = len(t1.WithoutEnd(r.Tokens, r.Finish))
		if at := t1.CueAt(r.Text, cue); at == 0 {
			lengths[i] = 0
		} else if at > 0 {
			open = append(open, border{row: i, at: at, high: lengths[i]})
		}
	}
	for len(open) > 0 {
		if err := halve(open, rollouts, decode); err != nil {
			return nil, err
		}
		open = slices.DeleteFunc(open, func(b border) bool {
			found := b.high-b.low <= 1
			if found && b.exact {
				lengths[b.row] = b.high
			} else if found {
				lengths[b.row] = b.low
			}
			return found
		})
	}
	return lengths, nil
}

// decodeAtOnce bounds the tokens of one call to the engine.
const decodeAtOnce = 1 << 20

// halve decodes the responses up to the middle of what is left of each search.
func halve(open []border, rollouts []t1.Rollout, decode func([][]int32) ([]string, error)) error {
	for from := 0; from < len(open); {
		var prefixes [][]int32
		for tokens := 0; from+len(prefixes) < len(open) && tokens < decodeAtOnce; {
			b := open[from+len(prefixes)]
			prefixes = append(prefixes, rollouts[b.row].Tokens[:(b.low+b.high)/2])
			tokens += (b.low + b.high) / 2
		}
		texts, err := decode(prefixes)
		if err != nil {
			return err
		}
		for i, text := range texts {
			b := &open[from+i]
			if spelled := t1.Spelled(text); spelled < b.at {
				b.low = len(prefixes[i])
			} else {
				b.high, b.exact = len(prefixes[i]), spelled == b.at
			}
		}
		from += len(prefixes)
	}
	return nil
}

// leftover is what a summary model is given before the cue.
type leftover struct {
	problem string // ID
	prompt  []int32
	kept    []int32 // of the thinking
}

// tailTokens is how far before the cue tokens are looked at again.
const tailTokens = 4

// cued puts the answer cue behind each leftover, in the tokens that the model
// would read there: "$" and "\boxed{" are others together than one by one. Only
// the last token kept may be written in another way by that; where more would
// change, or the text breaks within a character, the cue's own tokens follow.
func (e *evaluation) cued(ctx context.Context, client *engine.Client, left []leftover, beat beat) ([]engine.Prompt, error) {
	if e.in.Evaluation.SummaryModel != "" {
		return e.retold(ctx, client, left, beat)
	}
	prompts := make([]engine.Prompt, len(left))
	if tasks.Worded(e.judge.task) {
		for i, l := range left {
			prompts[i] = engine.Prompt{Tokens: slices.Concat(l.prompt, l.kept, e.data.Cue), Samples: 1}
		}
		return prompts, nil
	}
	var texts []string
	var spelled [][]int32
	err := e.host.text(ctx, client, placeOf(e.in.Evaluation), e.in.Evaluation.Policy, beat, func(text engine.Text) (err error) {
		texts, spelled, err = spellCues(ctx, text, left, e.cue)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, l := range left {
		kept := len(l.kept) - len(tailOf(l.kept))
		if !respells(tailOf(l.kept), spelled[i], texts[i]) {
			kept, spelled[i] = len(l.kept), e.data.Cue
		}
		prompts[i] = engine.Prompt{Tokens: slices.Concat(l.prompt, l.kept[:kept], spelled[i]), Samples: 1}
	}
	return prompts, nil
}

// spellCues decodes the last tokens kept, and encodes them again with the cue behind.
func spellCues(ctx context.Context, text engine.Text, left []leftover, cue string) (texts []string, spelled [][]int32, err error) {
	tails := make([][]int32, len(left))
	for i, l := range left {
		tails[i] = tailOf(l.kept)
	}
	if texts, err = text.Decode(ctx, tails); err != nil {
		return nil, nil, err
	}
	whole := make([]string, len(texts))
	for i, tail := range texts {
		whole[i] = tail + cue
	}
	spelled, err = text.Encode(ctx, whole)
	return texts, spelled, err
}

func tailOf(kept []int32) []int32 { return kept[max(0, len(kept)-tailTokens):] }

// respells reports whether tokens say what a tail and the cue behind it do, and
// change at most the tail's last token.
func respells(tail, spelled []int32, text string) bool {
	same := max(0, len(tail)-1)
	return !strings.ContainsRune(text, '\uFFFD') && len(spelled) > same && slices.Equal(tail[:same], spelled[:same])
}

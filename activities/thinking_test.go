package activities

import (
	"context"
	"slices"
	"strings"
	"testing"

	"t1"
	"t1/infra/engine"
)

// smollm2Spelled is the directory of a tiny model that reads and writes as SmolLM2 does.
func smollm2Spelled(t *testing.T) string {
	t.Helper()
	return handed(t, "spelled_as_smollm2")
}

// spelling is the text of a model on a real engine.
func spelling(t *testing.T, directory string) engine.Text {
	t.Helper()
	client, err := newHost(t).Engine.Get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.OpenModel(context.Background(), directory, ""); err != nil {
		t.Fatal(err)
	}
	return client.TextOf("")
}

func responsesOf(t *testing.T, text engine.Text, texts []string) []t1.Rollout {
	t.Helper()
	tokens, err := text.Encode(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	rollouts := make([]t1.Rollout, len(texts))
	for i := range texts {
		rollouts[i] = t1.Rollout{Text: texts[i], Tokens: tokens[i], Finish: t1.FinishLength}
	}
	return rollouts
}

// SmolLM2 merges what stands around a cue with the cue: it is found all the
// same, and no cut ever shows a part of it.
func TestThinkingEndsBeforeTheCue(t *testing.T) {
	const cue = `\boxed{`
	text := spelling(t, smollm2Spelled(t))
	ctx := context.Background()
	cases := map[string]string{ // response: what is thinking
		`48+24 = 72, so \boxed{72}.`:                  `48+24 = 72, so`, // the space belongs to " \"
		`The answer is $\boxed{5}$.`:                  `The answer is`,
		"48+24 = 72.\n\\boxed{72}":                    "48+24 = 72.\n",
		`so\boxed{\frac{1}{2}}`:                       `so`, // "{\" is one token
		`\boxed{1} then \boxed{2}`:                    ``,
		`no box at all`:                               `no box at all`,
		`boxed{5} \box {6}`:                           `boxed{5} \box {6}`,
		"\U0001F9EE\U0001F9EE\\boxed{5}":              "\U0001F9EE\U0001F9EE", // characters of several tokens
		"\uFFFD\\boxed{5}":                            "\uFFFD",
		"<|im_end|>\\boxed{5}":                        "<|im_end|", // content, and ">\\" is one token
		strings.Repeat("One and ", 700) + `\boxed{5}`: strings.Repeat("One and ", 699) + "One and",
	}
	var texts []string
	for response := range cases {
		texts = append(texts, response)
	}
	slices.Sort(texts)
	rollouts := responsesOf(t, text, texts)
	calls := 0
	lengths, err := thinkingLengths(rollouts, cue, func(tokens [][]int32) ([]string, error) {
		calls++
		return text.Decode(ctx, tokens)
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls > 12 {
		t.Errorf("%d calls for responses of at most 2,100 tokens, want at most 12", calls)
	}
	alone, err := text.Encode(ctx, []string{cue})
	if err != nil {
		t.Fatal(err)
	}
	missed := 0
	for i, r := range rollouts {
		kept, err := text.Decode(ctx, [][]int32{r.Tokens[:lengths[i]]})
		if err != nil {
			t.Fatal(err)
		}
		if kept[0] != cases[r.Text] {
			t.Errorf("%.40q: kept %.60q", r.Text, kept[0])
		}
		if strings.Contains(r.Text, cue) && !containsRun(r.Tokens, alone[0]) {
			missed++
		}
	}
	if missed < 3 {
		t.Errorf("the cue's own tokens miss it in %d responses: the test shows nothing", missed)
	}
}

func containsRun(tokens, run []int32) bool {
	for i := range tokens {
		if len(tokens)-i >= len(run) && slices.Equal(tokens[i:i+len(run)], run) {
			return true
		}
	}
	return false
}

// The cue is forced in the tokens that the model would read there.
func TestTheCueIsForcedAsItIsRead(t *testing.T) {
	const cue = `\boxed{`
	text := spelling(t, smollm2Spelled(t))
	ctx := context.Background()
	texts := []string{"48+24 = 72, so", "The answer is $", "The sum is 72.\n", "x \\", "half \U0001F9EE", ""}
	kept := responsesOf(t, text, texts)
	kept[4].Tokens = kept[4].Tokens[:len(kept[4].Tokens)-1] // a broken character
	left := make([]leftover, len(kept))
	for i, r := range kept {
		left[i] = leftover{kept: r.Tokens}
	}
	tails, spelled, err := spellCues(ctx, text, left, cue)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := text.Encode(ctx, []string{"The answer is $" + cue})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range left {
		tail := tailOf(l.kept)
		if ok := respells(tail, spelled[i], tails[i]); ok == (i == 4) {
			t.Errorf("%q with %q: %v", tails[i], cue, ok)
		}
		if i == 1 && !slices.Equal(slices.Concat(l.kept[:len(l.kept)-len(tail)], spelled[i]), whole[0]) {
			t.Errorf("%q is spelled %v, want %v", texts[i]+cue, spelled[i], whole[0])
		}
	}
}

// A scratch model's words have no merges: nothing changes for them.
func TestThinkingOfWords(t *testing.T) {
	words := map[int32]string{1: "3", 2: "+", 3: "4", 4: "answer", 5: "7"}
	decode := func(all [][]int32) ([]string, error) {
		texts := make([]string, len(all))
		for i, tokens := range all {
			var spelled []string
			for _, token := range tokens {
				spelled = append(spelled, words[token])
			}
			texts[i] = strings.Join(spelled, " ")
		}
		return texts, nil
	}
	rollouts := []t1.Rollout{
		{Tokens: []int32{1, 2, 3, 4, 5, 0}, Text: "3 + 4 answer 7", Finish: t1.FinishStop},
		{Tokens: []int32{4, 1, 4, 5}, Text: "answer 3 answer 7", Finish: t1.FinishLength},
		{Tokens: []int32{1, 4}, Text: "3 answer", Finish: t1.FinishLength},
		{Tokens: []int32{1, 2, 0}, Text: "3 +", Finish: t1.FinishStop},
		{Finish: t1.FinishLength},
	}
	got, err := thinkingLengths(rollouts, "answer", decode)
	if want := []int{3, 0, 1, 2, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

package report

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"t1"
)

func TestRecipeListsEveryFieldOfASpecOnce(t *testing.T) {
	fields, err := flatten(t1.DefaultSpec())
	require.NoError(t, err)
	var listed []string
	for _, s := range settings {
		listed = append(listed, s.path)
	}
	slices.Sort(listed)
	assert.Equal(t, sorted(fields), listed)
}

func TestOnlyPublishedValuesArePresentedAsSuch(t *testing.T) {
	for _, s := range settings {
		assert.Contains(t, []string{"P", "C", "D"}, s.mark, s.path)
		assert.Equal(t, s.mark == "D", s.value == "", "%s: a D has no published value, a P or C has one", s.path)
	}
}

// TestDefaultSpecIsTheRecipe holds the table against the defaults: where they
// differ from what is published, it is for the demo's size.
func TestDefaultSpecIsTheRecipe(t *testing.T) {
	groups, err := newRecipe(t1.DefaultSpec())
	require.NoError(t, err)
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
		for _, r := range g.Rows {
			assert.False(t, r.Differs, "%s: %s, recipe %s", r.Path, r.Value, r.Recipe)
		}
	}
	assert.Equal(t, []string{"Supervised fine-tuning", "Prompt pool", "Reinforcement learning", "Sampler", "Evaluation", "Task", "Model", "Run"}, names)
}

func TestRecipeShowsWhatDiffers(t *testing.T) {
	spec := t1.DefaultSpec()
	spec.RL.K, spec.RL.Beta, spec.RL.Anchor.Coefficient, spec.RL.MaxTokens, spec.RL.Iterations = 8, 0.0002, -1, 160, 40
	groups, err := newRecipe(spec)
	require.NoError(t, err)
	rows := map[string]recipeRow{}
	for _, g := range groups {
		for _, r := range g.Rows {
			rows[r.Path] = r
		}
	}
	assert.Equal(t, recipeRow{Path: "rl.k", Meaning: "responses a prompt (K)", Value: "8", Recipe: "64", Mark: "P", Differs: true}, rows["rl.k"])
	assert.False(t, rows["rl.beta"].Differs, "2e-4 is 0.0002")
	assert.Equal(t, "0.925 (from −1)", rows["rl.anchor.coefficient"].Value)
	assert.True(t, rows["rl.anchor.coefficient"].Differs)
	assert.Equal(t, "160", rows["evaluation.max_tokens"].Recipe, "as in training")
	assert.Equal(t, "not published; t1: 0.001", rows["rl.alpha"].Recipe)
	assert.Equal(t, "0.3, 0.6, 0.9, 1", rows["evaluation.at"].Value)
	assert.Equal(t, "on", rows["rl.penalties.over_length"].Value)
}

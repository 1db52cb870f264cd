package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"t1"
)

func written(t *testing.T, in Input) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, in))
	return b.String()
}

// pointsIn counts the points of each series of a chart, by its place.
func pointsIn(t *testing.T, page, id string) []string {
	t.Helper()
	_, rest, found := strings.Cut(page, `id="chart-`+id+`"`)
	require.True(t, found, "no chart %s", id)
	figure, _, _ := strings.Cut(rest, "</figure>")
	var out []string
	for _, m := range regexp.MustCompile(`data-name="([^"]*)" data-points="(\d+)"`).FindAllStringSubmatch(figure, -1) {
		out = append(out, strings.TrimSpace(strings.ReplaceAll(m[1], thin, " ")+" "+m[2]))
	}
	return out
}

func TestEveryChartHasItsPoints(t *testing.T) {
	page := written(t, fakeInput(40))
	for _, test := range []struct {
		id   string
		want []string
	}{
		{"reward", []string{"40", "40"}},
		{"accuracy", []string{"40", "40"}},
		{"length", []string{"40", "40"}},
		{"penalties", []string{"repetition 40", "over length 40", "foreign script 40", "nonsense 40"}},
		{"entropy", []string{"40", "40"}},
		{"kl", []string{"40", "40"}},
		{"gradient", []string{"40", "40"}},
		{"gap", []string{"largest 40", "mean 40"}},
		{"rate", []string{"40"}},
		{"sft-loss", []string{"15"}},
		{"sft-gradient", []string{"15"}},
		{"sft-rate", []string{"15"}},
		{"scaling-fractions", []string{"SFT 10", "RL 30 % 10", "RL 60 % 10", "RL 90 % 10", "RL 100 % 10"}},
		{"scaling-caps", []string{"SFT 5", "RL 30 % 5", "RL 60 % 5", "RL 90 % 5", "RL 100 % 5"}},
		{"checkpoints", []string{"sampled 5", "greedy 5", "pass@4 5", "maj@4 5"}},
		{"checkpoint-lengths", []string{"5"}},
		{"iterations", []string{"sample 40", "score 40", "update 40", "orchestration 40"}},
	} {
		assert.Equal(t, test.want, pointsIn(t, page, test.id), test.id)
	}
	assert.Equal(t, 17, strings.Count(page, "<figure"), "no other charts")
	assert.Equal(t, 2, strings.Count(page, "control, no thinking: 8.2"+thin+"%"))
}

func TestHeadlineIsThePairedDifference(t *testing.T) {
	in := fakeInput(40)
	first, last := in.Results[0], in.Results[len(in.Results)-1]
	d := t1.PairedBootstrap(last.PerProblem, first.PerProblem, t1.BootstrapSeed)
	want := fmt.Sprintf("RL raised sampled accuracy from %.1f\u202f%% to %.1f\u202f%% (+%.1f points, 95\u202f%% interval %s) on 512 held-out games.",
		100*first.Sampled.Mean, 100*last.Sampled.Mean, 100*d.Mean, bounds(d, points)) // ends may lie half-way between two tenths
	assert.Equal(t, want, newHeadline(in).Sentence)

	in.Results[0], in.Results[4] = relabelled(last, "sft"), relabelled(first, "40")
	assert.Contains(t, newHeadline(in).Sentence, "RL lowered sampled accuracy")

	in.Results[4] = relabelled(last, "40")
	assert.Contains(t, newHeadline(in).Sentence, "by the same 0.0 points on each one")

	in.Results[4].PerProblem = slices.Clone(last.PerProblem)
	slices.Reverse(in.Results[4].PerProblem)
	assert.Contains(t, newHeadline(in).Sentence, "RL made no difference to sampled accuracy that 512 held-out games can show")

	in.Results = in.Results[:2]
	assert.Contains(t, newHeadline(in).Sentence, "After 12 of 40 iterations: ")
	in.Results[1].PerProblem = in.Results[1].PerProblem[:7]
	assert.Contains(t, newHeadline(in).Sentence, "share no problems to pair")
	in.Results = in.Results[1:]
	assert.Contains(t, newHeadline(in).Sentence, "the fine-tuned policy was not evaluated")
}

func relabelled(r t1.Result, label string) t1.Result {
	r.Label = label
	return r
}

func TestTableHasTheNumbers(t *testing.T) {
	in := fakeInput(40)
	in.Results[0].Greedy = t1.Interval{Mean: 0.40, Low: 0.35, High: 0.45, N: 512}
	in.Results[4].Greedy = t1.Interval{Mean: 0.75, Low: 0.70, High: 0.80, N: 512}
	in.Results[0].Length = t1.Interval{Mean: 58, Low: 56, High: 60, N: 512}
	in.Results[4].Length = t1.Interval{Mean: 51.5, Low: 50, High: 53, N: 512}
	in.Results[4].PassAt[8] = t1.Interval{Mean: 0.9, Low: 0.9, High: 0.9, N: 512}
	rows := map[string]compared{}
	for _, r := range newComparison(in).Rows {
		rows[r.Name] = r
	}
	assert.Equal(t, compared{"Accuracy, greedy", cell{"40.0\u202f%", "[35.0, 45.0]"}, cell{"75.0\u202f%", "[70.0, 80.0]"}, cell{"+35.0", ""}}, rows["Accuracy, greedy"])
	assert.Equal(t, cell{"−6.5", ""}, rows["Response length, tokens"].Change)
	assert.Equal(t, compared{Name: "pass@8", To: cell{"90.0\u202f%", "[90.0, 90.0]"}}, rows["pass@8"], "measured once only")
	assert.NotEmpty(t, rows["Accuracy, mean of 4 samples at temperature 1 (pass@1)"].Change.Bounds)
	assert.NotContains(t, rows, "pass@1")
	assert.Contains(t, rows, "Penalised: over length")
}

func TestPageLoadsNothing(t *testing.T) {
	page := written(t, fakeInput(40))
	for _, bad := range []string{"http://", "https://", "@import", "url(", "<script", "<link", "<iframe", "<img", " src=", "xlink:", "javascript:"} {
		assert.NotContains(t, page, bad)
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		assert.True(t, strings.HasPrefix(m[1], "#"), m[1])
		assert.Contains(t, page, `id="`+m[1][1:]+`"`, "a link without a target")
	}
	assert.Contains(t, page, `default-src 'none'`)
}

func TestPageIsSmallAndTheSameAgain(t *testing.T) {
	long := written(t, fakeInput(2000))
	assert.Less(t, len(long), 1_500_000)
	assert.Equal(t, written(t, fakeInput(40)), written(t, fakeInput(40)))
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(long, -1) {
		assert.False(t, ids[m[1]], "id %s twice", m[1])
		ids[m[1]] = true
	}
}

func TestHugeResponsesAreCut(t *testing.T) {
	in := fakeInput(2)
	for i := range in.Examples {
		in.Examples[i].Text = strings.Repeat("all work and no play ", 50_000)
	}
	page := written(t, in)
	assert.Less(t, len(page), 1_500_000)
	assert.Contains(t, page, "1,010,000 characters left out")
}

package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"t1"
)

// TestEveryMomentOfARunMakesAPage stops a run after every record.
func TestEveryMomentOfARunMakesAPage(t *testing.T) {
	whole := fakeInput(6)
	for n := range len(whole.Records) + 1 {
		in := whole
		in.Records, in.Observations = whole.Records[:n], whole.Observations[:max(0, n-1)]
		in.Results, in.Examples = whole.Results[:min(n/5, len(whole.Results))], nil
		if n < 16 {
			in.Pool = nil
		}
		page := written(t, in)
		assert.NotContains(t, page, "NaN")
		assert.NotContains(t, page, "%!")
		assert.NotContains(t, page, "ZgotmplZ")
	}
}

func TestEmptyRunSaysSo(t *testing.T) {
	page := written(t, Input{})
	for _, want := range []string{
		"Nothing has been evaluated yet.", "The log is empty.", "No evaluation yet.", "No reinforcement-learning update yet.",
		"No supervised step yet.", "No inference-scaling measurement yet.", "Nothing was measured yet.", "No response to show.",
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "<figure")
}

func TestSupervisedRunIsComplete(t *testing.T) {
	in := fakeInput(0)
	in.Spec.Evaluation.At = nil
	h := newHeadline(in)
	assert.Empty(t, h.Progress)
	assert.Contains(t, h.Sentence, "The fine-tuned policy answers ")
	page := written(t, in)
	assert.Contains(t, page, `id="chart-sft-loss"`)
	assert.NotContains(t, page, `id="chart-reward"`)
	assert.NotContains(t, page, ">Change<")
}

func TestProgressSaysWhatIsMissing(t *testing.T) {
	in := fakeInput(40)
	assert.Empty(t, progress(in))
	in.Records, in.Results, in.Phase = in.Records[:25], in.Results[:1], t1.PhaseRL
	assert.Equal(t, "This run is not complete (phase rl): 9 of 40 RL iterations, 1 of 5 evaluations. This page shows what there is so far.", progress(in))
	in.Records, in.Results, in.Phase = in.Records[:8], nil, t1.PhaseParked
	assert.Equal(t, "This run waits for a person: 175 of 375 SFT steps, 0 of 40 RL iterations, 0 of 5 evaluations. This page shows what there is so far.", progress(in))
}

func TestMissingMetricsAreNamed(t *testing.T) {
	in := fakeInput(25)
	for _, r := range in.Records {
		delete(r.Metrics, "entropy")
		if r.Update != nil {
			r.Metrics["reward"] = math.NaN()
		}
	}
	page := written(t, in)
	assert.Contains(t, page, "The log has no numbers for: Reward, Entropy.")
	assert.NotContains(t, page, `id="chart-entropy"`)
	for _, r := range in.Records {
		clear(r.Metrics)
	}
	assert.NotContains(t, written(t, in), `id="chart-accuracy"`)
}

func TestSteeringIsTold(t *testing.T) {
	in := fakeInput(40)
	assert.Equal(t, []string{"Steered before iteration 21: temperature from 1 to 1.1."}, steered(in))
	for i, r := range in.Records {
		if r.Update != nil && r.Update.Iteration >= 30 {
			in.Records[i].Update.Hyper.LearningRate = 1e-5
		}
	}
	assert.Equal(t, "Steered before iteration 30: learning rate from 3e-4 to 1e-5.", steered(in)[1])
	assert.Len(t, steered(in), 2, "the warm-up is no steering")
	limit := 0.25
	in.Records[len(in.Records)-1].Update.GapLimit = &limit
	assert.Equal(t, "Steered before iteration 40: gap limit from 0.1 to 0.25.", steered(in)[2])
}

func TestBrokenChainIsTold(t *testing.T) {
	in := fakeInput(3)
	assert.Contains(t, chain(in.Records), "unbroken")
	in.Records[4].Parent = "other"
	assert.Contains(t, chain(in.Records), "broken: record 4 does not start from the state after record 3")
	in.Records[7].Environment = map[string]string{"torch": "3"}
	assert.Contains(t, written(t, in), "2 different ones made this log")
}

func TestRecoveryIsTold(t *testing.T) {
	in := fakeInput(3)
	in.Observations[17].Replayed, in.Observations[17].Seconds["restore"] = 4, 1.5
	assert.Contains(t, newHeadline(in).Notes, "Recovery replayed 4 records from the log; none was sampled again.")
	assert.Contains(t, written(t, in), `</i>recovery</th><td>1.5`)
}

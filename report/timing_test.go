package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"t1"
)

// timed is a run of four records: preparation, SFT, and two updates with an
// evaluation of 7 s and a pool before the first.
func timed() Input {
	at := func(seq int, when string, seconds map[string]float64, tokens map[string]int64) t1.Observation {
		return t1.Observation{Seq: seq, FinishedAt: "2025-01-01T00:00:" + when + ".000Z", Seconds: seconds, Tokens: tokens}
	}
	return Input{
		Pool: &t1.Pool{},
		Records: []t1.Record{
			{Seq: 0, Kind: t1.RecordInit}, {Seq: 1, Kind: t1.RecordSFT},
			{Seq: 2, Kind: t1.RecordUpdate, Update: &t1.UpdateStep{Iteration: 1}}, {Seq: 3, Kind: t1.RecordUpdate, Update: &t1.UpdateStep{Iteration: 2}},
		},
		Observations: []t1.Observation{
			at(0, "02", map[string]float64{"activity": 2}, nil),
			at(1, "10", map[string]float64{"activity": 8, "compute": 7, "engine_compute": 6}, map[string]int64{"compute": 800}),
			at(2, "40", map[string]float64{"activity": 3, "compute": 2, "restore": 0.1, "sample": 6, "engine_sample": 5, "score": 1}, map[string]int64{"sample": 600, "compute": 300}),
			at(3, "51", map[string]float64{"compute": 2, "publish": 1, "sample": 6, "score": 1}, map[string]int64{"sample": 600}),
		},
		Results: []t1.Result{{Seq: 1, Label: "sft", Seconds: 7}},
	}
}

func TestTimeIsBookedOnce(t *testing.T) {
	got := newTiming(timed())
	seconds := map[string]float64{}
	for _, p := range got.Phases {
		seconds[p.Name] = p.Seconds
	}
	assert.Equal(t, map[string]float64{
		phasePrepare: 2, phaseSFT: 8,
		phasePool:   13, // 30 s between the records less 10 s of the iteration and 7 s of the evaluation
		phaseSample: 12, phaseScore: 2, phaseUpdate: 6, phaseEvaluate: 7,
		phaseOrchestra: 1, // 11 s between the last two records less 10 s
	}, seconds)
	assert.InDelta(t, 51, got.Total, 1e-9, "all of the wall time")
	assert.Equal(t, "51\u202fs", got.Time)
}

func TestPhasesHaveRates(t *testing.T) {
	byName := map[string]phase{}
	offset := 0
	for _, p := range newTiming(timed()).Phases {
		byName[p.Name] = p
		assert.Equal(t, offset, p.Offset, "the strip has no gaps")
		offset += p.Width
	}
	assert.Equal(t, 1000, offset)
	assert.Equal(t, "100", byName[phaseSample].Rate)
	assert.Equal(t, "5.0\u202fs", byName[phaseSample].Engine)
	assert.Equal(t, "100", byName[phaseSFT].Rate)
	assert.Equal(t, "–", byName[phaseScore].Rate)
}

func TestTimesOfAnotherClockAreNotBelieved(t *testing.T) {
	in := timed()
	in.Observations[3].FinishedAt = "2024-12-31T00:00:00Z" // before the record it follows
	in.Observations[2].FinishedAt = "yesterday"
	for _, p := range newTiming(in).Phases {
		assert.NotContains(t, []string{phasePool, phaseOrchestra}, p.Name)
	}
	in.Observations = in.Observations[1:2]
	assert.InDelta(t, 15, newTiming(in).Total, 1e-9, "most observations lost")
}

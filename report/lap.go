package report

import (
	"strings"
	"time"

	"t1"
)

// Phases of a run's time, in the order shown.
const (
	phasePrepare   = "preparation"
	phaseSFT       = "SFT"
	phasePool      = "pool"
	phaseSample    = "sample"
	phaseScore     = "score"
	phaseUpdate    = "update"
	phaseRecovery  = "recovery"
	phaseSnapshot  = "snapshot"
	phaseEvaluate  = "evaluation"
	phaseOrchestra = "orchestration"
)

var phases = []string{
	phasePrepare, phaseSFT, phasePool, phaseSample, phaseScore, phaseUpdate, phaseRecovery, phaseSnapshot, phaseEvaluate, phaseOrchestra,
}

// outside are the keys of an observation that were measured by other activities
// than the one that made the record.
var outside = map[string]string{
	"sample": phaseSample, "score": phaseScore, "pool": phasePool, "evaluate": phaseEvaluate, "evaluation": phaseEvaluate, "snapshot": phaseSnapshot,
}

// ownPhase names the work of making a record of a kind.
var ownPhase = map[string]string{t1.RecordInit: phasePrepare, t1.RecordSFT: phaseSFT, t1.RecordUpdate: phaseUpdate}

// lap is what one record took.
type lap struct {
	kind      string
	iteration int
	seconds   map[string]float64 // wall time by phase
	engine    map[string]float64 // of it, the engine's own
	tokens    map[string]int64
	finished  time.Time // zero where unknown
}

// laps are the observed records, in order.
func laps(in Input) []lap {
	observed := map[int]t1.Observation{}
	for _, o := range in.Observations {
		observed[o.Seq] = o
	}
	var out []lap
	for _, r := range in.Records {
		if o, ok := observed[r.Seq]; ok {
			out = append(out, newLap(r, o))
		}
	}
	return out
}

func newLap(r t1.Record, o t1.Observation) lap {
	own := ownPhase[r.Kind]
	l := lap{kind: r.Kind, seconds: map[string]float64{}, engine: map[string]float64{}, tokens: map[string]int64{}}
	if r.Update != nil {
		l.iteration = r.Update.Iteration
	}
	if at, err := time.Parse(time.RFC3339, o.FinishedAt); err == nil {
		l.finished = at
	}
	rest := 0.0
	for _, key := range sorted(o.Seconds) {
		seconds := o.Seconds[key]
		name, engine := strings.CutPrefix(key, "engine_")
		phase, other := outside[name]
		switch {
		case engine && other:
			l.engine[phase] += seconds
		case engine:
			l.engine[own] += seconds
		case other:
			l.seconds[phase] += seconds
		case key != "activity" && key != "restore":
			rest += seconds
		}
	}
	l.own(own, rest, o)
	for key, n := range o.Tokens {
		if phase, other := outside[key]; other {
			l.tokens[phase] += n
		} else {
			l.tokens[own] += n
		}
	}
	return l
}

// own books the record's own activity: all of it where that was measured, else
// the parts. Bringing the engine to the parent state counts as recovery only
// where records had to be replayed.
func (l *lap) own(phase string, parts float64, o t1.Observation) {
	whole, restore := o.Seconds["activity"], o.Seconds["restore"]
	if whole == 0 {
		whole = parts + restore
	}
	if o.Replayed > 0 {
		l.seconds[phaseRecovery] += restore
		whole -= restore
	}
	l.seconds[phase] += max(0, whole)
}

func (l lap) known() float64 {
	total := 0.0
	for _, key := range sorted(l.seconds) {
		total += l.seconds[key]
	}
	return total
}

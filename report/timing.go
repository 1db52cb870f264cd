package report

import (
	"cmp"
	"maps"
	"slices"

	"t1"
	"t1/report/chart"
)

// timing is where the time went.
type timing struct {
	Total  float64 // seconds
	Time   string
	Phases []phase
	Each   chart.Chart // by iteration
}

// phase is one row of the table, and one piece of the strip above it.
type phase struct {
	Name, Class   string
	Seconds       float64
	Time, Share   string
	Engine        string // the engine's own share of it
	Tokens, Rate  string
	Offset, Width int // in thousandths of the strip
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func newTiming(in Input) timing {
	all := laps(in)
	bookGaps(in, all)
	seconds, engine, tokens := map[string]float64{}, map[string]float64{}, map[string]int64{}
	for _, l := range all {
		addTo(seconds, l.seconds)
		addTo(engine, l.engine)
		addTo(tokens, l.tokens)
	}
	if seconds[phaseEvaluate] == 0 {
		for _, r := range in.Results {
			seconds[phaseEvaluate] += r.Seconds
		}
	}
	t := timing{Each: eachIteration(all)}
	for _, name := range phases {
		t.Total += seconds[name]
	}
	t.Time = duration(t.Total)
	offset := 0.0
	for _, name := range phases {
		if seconds[name] > 0 {
			t.Phases = append(t.Phases, newPhase(name, seconds[name], engine[name], tokens[name], offset, t.Total))
			offset += seconds[name]
		}
	}
	return t
}

func addTo[N int64 | float64](total, part map[string]N) {
	for k, v := range part {
		total[k] += v
	}
}

func newPhase(name string, seconds, engine float64, tokens int64, offset, total float64) phase {
	p := phase{
		Name: name, Class: phaseClass(name), Seconds: seconds, Time: duration(seconds), Share: percent(seconds / total), Engine: "–", Tokens: "–", Rate: "–",
		Offset: int(1000 * offset / total),
	}
	p.Width = int(1000*(offset+seconds)/total) - p.Offset
	if engine > 0 {
		p.Engine = duration(engine)
	}
	if tokens > 0 {
		p.Tokens, p.Rate = large(float64(tokens)), number(float64(tokens)/seconds)
	}
	return p
}

func phaseClass(name string) string { return "c-t" + string(rune('0'+slices.Index(phases, name))) }

// bookGaps books the time between two records that no activity measured: the
// pool's before the first update, what is left after evaluations otherwise.
func bookGaps(in Input, all []lap) {
	evaluated := map[int]float64{}
	for _, r := range in.Results {
		evaluated[r.Seq] += r.Seconds
	}
	observed := withObservation(in)
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if a.finished.IsZero() || b.finished.IsZero() {
			continue
		}
		gap := b.finished.Sub(a.finished).Seconds() - b.known() - evaluated[observed[i-1]]
		if gap <= 0 {
			continue
		}
		if in.Pool != nil && a.kind == t1.RecordSFT && b.kind == t1.RecordUpdate && b.seconds[phasePool] == 0 {
			b.seconds[phasePool] += gap
		} else {
			b.seconds[phaseOrchestra] += gap
		}
	}
}

// withObservation are the sequence numbers of the records that laps gives.
func withObservation(in Input) []int {
	seen := map[int]bool{}
	for _, o := range in.Observations {
		seen[o.Seq] = true
	}
	var out []int
	for _, r := range in.Records {
		if seen[r.Seq] {
			out = append(out, r.Seq)
		}
	}
	return out
}

// mostBars is how many stacks the chart by iteration has at most.
const mostBars = 60

// eachIteration stacks the phases that every iteration has.
func eachIteration(all []lap) chart.Chart {
	c := chart.Chart{
		ID: "iterations", Title: "One RL iteration", Unit: "seconds by phase", Large: true, Bars: true,
		X: chart.Axis{Label: "iteration", Format: number, Whole: true}, Y: chart.Axis{Format: number},
	}
	var updates []lap
	for _, l := range all {
		if l.kind == t1.RecordUpdate {
			updates = append(updates, l)
		}
	}
	size := max(1, (len(updates)+mostBars-1)/mostBars)
	for _, name := range []string{phaseSample, phaseScore, phaseUpdate, phaseRecovery, phaseOrchestra} {
		s := chart.Series{Name: name, Class: phaseClass(name)}
		some := false
		for i := 0; i < len(updates); i += size {
			p := stack(updates[i:min(i+size, len(updates))], name)
			s.Points = append(s.Points, p)
			some = some || p.Y > 0
		}
		if some {
			c.Series = append(c.Series, s)
		}
	}
	if size > 1 {
		c.Note = "Each bar is the mean of " + count(size) + " iterations."
	}
	return c
}

func stack(part []lap, name string) chart.Point {
	p := chart.Point{X: float64(part[len(part)-1].iteration)}
	for _, l := range part {
		p.Y += l.seconds[name] / float64(len(part))
	}
	return p
}

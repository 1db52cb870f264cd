package plan

import "t1"

// Measured is what a run told about the machine it ran on: seconds as straight
// lines over tokens.
type Measured struct {
	Run         string // its name
	Shape       Shape
	Spec        t1.Spec
	SFT         Line // seconds a step over response tokens of the step
	Sampling    Line // seconds an iteration over tokens sampled
	Update      Line // seconds an iteration over tokens trained on
	Scoring     Line // seconds an iteration over responses
	Publication Line // seconds a publication; no slope
	Evaluation  Line // seconds an evaluation over tokens answered
	Length      float64
	Prompts     float64 // tokens of a prompt there
	Answered    float64 // tokens a response of its evaluations
}

// Line is seconds = Fixed + Each x amount.
type Line struct {
	Fixed float64 // seconds
	Each  float64 // seconds for one more
	Mean  float64 // amount, mean of the points
}

// At is the seconds of an amount.
func (l Line) At(amount float64) float64 { return l.Fixed + l.Each*amount }

// Point is one measurement.
type Point struct{ Amount, Seconds float64 }

// LineOf is the least-squares line through points. Where it would have a negative
// part, or all amounts are alike, it goes through the origin and the means. No
// points: zero.
func LineOf(points []Point) Line {
	if len(points) == 0 {
		return Line{}
	}
	var amount, seconds, square, product float64
	n := float64(len(points))
	for _, p := range points {
		amount += p.Amount / n
		seconds += p.Seconds / n
	}
	for _, p := range points {
		square += (p.Amount - amount) * (p.Amount - amount)
		product += (p.Amount - amount) * (p.Seconds - seconds)
	}
	if square > 0 {
		each := product / square
		if fixed := seconds - each*amount; each >= 0 && fixed >= 0 {
			return Line{Fixed: fixed, Each: each, Mean: amount}
		}
	}
	if amount == 0 {
		return Line{Fixed: seconds}
	}
	return Line{Each: seconds / amount, Mean: amount}
}

// Measure reads what a run's records and observations tell; either may lack
// some. KindInvalid where there is no iteration that was measured.
func Measure(run string, spec t1.Spec, s Shape, records []t1.Record, observed []t1.Observation, results []t1.Result) (Measured, error) {
	m := Measured{Run: run, Shape: s, Spec: spec}
	seconds := map[int]t1.Observation{}
	for _, o := range observed {
		seconds[o.Seq] = o
	}
	var sft, sampling, update, scoring, publication, evaluation []Point
	responses := float64(spec.RL.Prompts * spec.RL.K)
	for _, r := range records {
		o, there := seconds[r.Seq]
		switch {
		case !there || o.Replayed > 0:
		case r.Kind == t1.RecordSFT:
			steps := float64(max(1, r.SFT.To-r.SFT.From))
			sft = append(sft, Point{r.Metrics["tokens"] / steps, o.Seconds["compute"] / steps})
		case r.Kind == t1.RecordUpdate:
			if tokens := float64(o.Tokens["sample"]); tokens > 0 { // 0: an attempt that found its blocks
				sampling = append(sampling, Point{tokens, o.Seconds["sample"]})
			}
			update = append(update, Point{r.Metrics["tokens"], o.Seconds["compute"]})
			scoring = append(scoring, Point{responses, o.Seconds["score"]})
			publication = append(publication, Point{0, o.Seconds["publish"]})
			m.Length += r.Metrics["tokens"] / responses
		}
	}
	if len(sampling) == 0 || len(update) == 0 {
		return m, t1.Errorf(t1.KindInvalid, "run %s has no iteration that was measured", run)
	}
	m.Length /= float64(len(update))
	for _, r := range results {
		answers := float64(r.Problems * (1 + r.Samples))
		m.Answered += r.Length.Mean / float64(len(results))
		evaluation = append(evaluation, Point{answers * r.Length.Mean, r.Seconds})
	}
	m.SFT, m.Sampling, m.Update, m.Scoring = LineOf(sft), LineOf(sampling), LineOf(update), LineOf(scoring)
	m.Publication, m.Evaluation = LineOf(publication), LineOf(evaluation)
	return m, nil
}

// Assumptions are the lengths that the run had, for a spec that may have
// another limit: lengths are taken to be the same number of tokens.
func (m Measured) Assumptions(spec t1.Spec) Assumptions {
	share := min(1, max(0.001, m.Length/float64(spec.RL.MaxTokens)))
	return Assumptions{"response_share": share}
}

// Hours predicts the phases of another run on the same machine, in hours. What
// is done for each token grows with the FLOPs of one token of the phase; the
// fixed part of sampling with the blocks and their longest response, that of an
// update with the parameters.
func (m Measured) Hours(spec t1.Spec, s Shape, work []Work, a Assumptions) map[string]float64 {
	before := map[string]Work{}
	for _, w := range NewWork(m.Spec, m.Shape, LayoutOf(m.Spec.Resources), Counts{Demonstrations: 1}, a.Over(m.Assumptions(m.Spec))) {
		before[w.Phase] = w
	}
	size := float64(s.Parameters().Total) / float64(m.Shape.Parameters().Total)
	hours := map[string]float64{}
	for _, w := range work {
		steps, ratio := float64(w.Steps), 1.0
		if was := before[w.Phase]; was.Tokens > 0 && was.FLOPs > 0 && w.Tokens > 0 {
			ratio = (w.FLOPs / w.Tokens) / (was.FLOPs / was.Tokens)
		}
		var seconds float64
		switch w.Phase {
		case SFT:
			seconds = steps*m.SFT.Fixed*size + m.SFT.Each*w.Tokens*ratio
		case Pool:
			seconds = m.rounds(w, poolBlocks(spec), spec.RL.MaxTokens, size, ratio)
		case Sampling:
			seconds = m.rounds(w, steps*float64(blocks(spec.RL)), spec.RL.MaxTokens, size, ratio)
		case Scoring:
			seconds = steps*m.Scoring.Fixed + m.Scoring.Each*steps*float64(spec.RL.Prompts*spec.RL.K)
		case Update:
			seconds = steps*m.Update.Fixed*size + m.Update.Each*w.Tokens*ratio
		case Evaluation:
			answers := float64(w.Steps*spec.Evaluation.Problems*(1+spec.Evaluation.Samples)) * a.of("response_share") * float64(spec.Evaluation.MaxTokens)
			seconds = steps*m.Evaluation.Fixed + m.Evaluation.Each*answers*ratio
		case Publication:
			seconds = float64(spec.RL.Iterations) * m.Publication.Fixed * size
		}
		hours[w.Phase] = seconds / 3600
	}
	return hours
}

// rounds is the seconds of sampling so many blocks of rollouts.
func (m Measured) rounds(w Work, count float64, longest int, size, ratio float64) float64 {
	fixed := m.Sampling.Fixed / float64(blocks(m.Spec.RL)) * float64(longest) / float64(m.Spec.RL.MaxTokens)
	return count*fixed*size + m.Sampling.Each*w.Tokens*ratio
}

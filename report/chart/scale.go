package chart

import (
	"math"
)

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// scale maps values to pixels.
type scale struct {
	low, high float64 // values
	from, to  float64 // pixels; from may be above to
	log       bool
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	return s.from + (v-low)/(high-low)*(s.to-s.from)
}

// extent is the smallest interval that holds everything added to it.
type extent struct {
	low, high float64
	some      bool
}

func (e *extent) add(v float64) {
	if !e.some {
		e.low, e.high, e.some = v, v, true
		return
	}
	e.low, e.high = min(e.low, v), max(e.high, v)
}

// xScale is the scale along the x axis: exactly as wide as the data.
func (c Chart) xScale(from, to float64) scale {
	var e extent
	for _, s := range c.Series {
		for _, p := range s.Points {
			e.add(p.X)
		}
	}
	if c.X.Zero {
		e.add(0)
	}
	if e.low == e.high && c.X.Log {
		e.low, e.high = e.low/2, e.high*2
	} else if e.low == e.high {
		e.low, e.high = e.low-1, e.high+1
	}
	return scale{low: e.low, high: e.high, from: from, to: to, log: c.X.Log}
}

// yScale is the scale along the y axis, rounded out to ticks.
func (c Chart) yScale(from, to float64) (scale, []float64) {
	e := c.yExtent()
	if c.Y.Zero || c.Bars || (e.low > 0 && e.low < 0.4*e.high) {
		e.add(0)
	}
	if size := max(math.Abs(e.low), math.Abs(e.high)); e.high-e.low <= 1e-9*size {
		e.low, e.high = e.low-size*0.1, e.high+size*0.1
	}
	if e.low == e.high { // all of it is 0
		e.high = 1
	}
	marks := ticks(e.low, e.high, 4)
	step := marks[1] - marks[0]
	if marks[0] > e.low {
		marks = append([]float64{marks[0] - step}, marks...)
	}
	if marks[len(marks)-1] < e.high {
		marks = append(marks, marks[len(marks)-1]+step)
	}
	marks = within(marks, c.Y)
	return scale{low: min(marks[0], e.low), high: max(marks[len(marks)-1], e.high), from: from, to: to}, marks
}

func (c Chart) yExtent() extent {
	if c.Bars {
		return c.stackExtent()
	}
	var e extent
	for _, s := range c.Series {
		for _, p := range s.Points {
			e.add(p.Y)
			if p.hasBand() {
				e.add(p.Low)
				e.add(p.High)
			}
		}
	}
	for _, g := range c.Guides {
		e.add(g.Y)
	}
	return e
}

// within drops the ticks beyond an axis's ends, but never the last two.
func within(marks []float64, a Axis) []float64 {
	for len(marks) > 2 && a.Floor != nil && marks[0] < *a.Floor-1e-9 {
		marks = marks[1:]
	}
	for len(marks) > 2 && a.Ceiling != nil && marks[len(marks)-1] > *a.Ceiling+1e-9 {
		marks = marks[:len(marks)-1]
	}
	return marks
}

// ticks gives about n round numbers from low to high: 1, 2, 2.5 or 5 times a
// power of ten apart, and at least two.
func ticks(low, high float64, n int) []float64 {
	if size := max(math.Abs(low), math.Abs(high)); high-low <= 1e-9*size {
		return []float64{low, low + max(1, size*1e-6)}
	}
	step := roundStep((high - low) / float64(n))
	first, last := math.Ceil(low/step-1e-9), math.Floor(high/step+1e-9)
	if last-first < 1 {
		last = first + 1
	}
	var out []float64
	for i := first; i <= last; i++ {
		out = append(out, trim(i*step, step))
	}
	return out
}

// roundStep is the smallest round number that is not below v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// trim rounds away what binary fractions leave: 0.30000000000000004 is 0.3.
func trim(v, step float64) float64 {
	digits := math.Pow(10, math.Ceil(-math.Log10(step))+2)
	if !finite(digits) || digits == 0 {
		return v
	}
	rounded := math.Round(v*digits) / digits
	if !finite(rounded) || rounded == 0 {
		return 0
	}
	return rounded
}

// xTicks are the ticks along the x axis.
func (c Chart) xTicks(s scale) []float64 {
	if c.X.Ticks != nil {
		return c.X.Ticks
	}
	if xs := c.columns(); len(xs) == 1 {
		return xs
	}
	marks := ticks(s.low, s.high, 5)
	var out []float64
	for _, v := range marks {
		if v < s.low-1e-9 || v > s.high+1e-9 || (c.X.Whole && v != math.Trunc(v)) {
			continue
		}
		out = append(out, v)
	}
	return out
}

package chart

import (
	"math"
	"strconv"
	"strings"
)

// labels are the texts of ticks: as many decimals as tell them apart, the same
// for all. Small numbers, and ticks that are not evenly spaced, are shown as
// values are.
func (a Axis) labels(marks []float64) []string {
	out := make([]string, len(marks))
	step, largest := a.step(marks), 0.0
	for i, v := range marks {
		out[i] = a.format(v)
		largest = max(largest, math.Abs(v))
	}
	if step == 0 || a.Log || a.Scientific || largest < 1e-3 {
		return out
	}
	for i, v := range marks {
		out[i] = a.label(v, step)
	}
	return out
}

// step is the distance of ticks, in the unit shown; 0 where there is none.
func (a Axis) step(marks []float64) float64 {
	if len(marks) < 2 {
		return 0
	}
	return (marks[1] - marks[0]) * a.times()
}

func (a Axis) times() float64 {
	if a.Percent {
		return 100
	}
	return 1
}

func (a Axis) label(v, step float64) string {
	v *= a.times()
	text := strconv.FormatFloat(math.Abs(v), 'f', decimals(step), 64)
	if math.Abs(v) < step/1e6 {
		text = "0"
	}
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	text = strings.TrimSuffix(whole+"."+fraction, ".")
	if v < 0 && text != "0" {
		text = "\u2212" + text
	}
	if a.Percent {
		text += "\u202f%"
	}
	return text
}

// decimals is how many digits after the point a step needs: 0.25 needs two.
func decimals(step float64) int {
	for d := range 15 {
		if scaled := step * math.Pow(10, float64(d)); math.Abs(scaled-math.Round(scaled)) < 1e-6*scaled {
			return d
		}
	}
	return 15
}

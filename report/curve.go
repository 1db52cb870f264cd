package report

import (
	"fmt"
	"math"

	"t1"
	"t1/report/chart"
)

// mostPoints is how many points one curve shows; longer logs are averaged over
// stretches of equal length.
const mostPoints = 400

// smoothFrom is how many points make a running mean worth drawing.
const smoothFrom = 20

func (m metricChart) chart(spec t1.Spec, samples []sample, x string) chart.Chart {
	c := chart.Chart{
		ID: m.id, Title: m.title, Unit: m.unit, Note: m.note,
		X: chart.Axis{Label: x, Format: number, Whole: true}, Y: chart.Axis{Format: number, Zero: m.zero},
	}
	if m.share {
		c.Y = shareAxis()
		c.Y.Zero = m.zero
	}
	if m.exact {
		c.Y.Format = scientific
	}
	for _, l := range m.metrics {
		c.Series = append(c.Series, l.series(samples, len(m.metrics) == 1 && !m.exact, c.Y.Format)...)
	}
	c.Series = withoutEmpty(c.Series)
	m.guide(spec, &c)
	return c
}

// guide adds the chart's limit where it is near enough to the values to matter.
func (m metricChart) guide(spec t1.Spec, c *chart.Chart) {
	if m.limit == nil || c.Empty() {
		return
	}
	limit, label := m.limit(spec)
	highest := 0.0
	for _, p := range c.Series[0].Points {
		highest = max(highest, p.Y)
	}
	if limit > 0 && highest > limit/3 {
		c.Guides = []chart.Guide{{Y: limit, Label: label + " " + exact(limit), Class: "c-guide"}}
	}
}

// series is a metric's line; a long smoothed one is shown faint, with its running
// mean, over an odd number of points, in front.
func (l metricLine) series(samples []sample, smoothed bool, format func(float64) string) []chart.Series {
	points := bucket(pointsOf(samples, l.key), mostPoints)
	s := chart.Series{Name: l.name, Class: l.class, Marker: l.marker, Points: points}
	if !smoothed || len(points) < smoothFrom {
		return []chart.Series{s}
	}
	mean := chart.Series{Class: l.class, Mute: true, Points: smooth(points, len(points)/12|1)}
	s.Faint = true
	for i, p := range mean.Points {
		s.Points[i].Tip = "(mean around it " + format(p.Y) + ")"
	}
	return []chart.Series{s, mean}
}

func pointsOf(samples []sample, key string) []chart.Point {
	var out []chart.Point
	for _, s := range samples {
		if v, ok := s.metrics[key]; ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, chart.Point{X: s.x, Y: v})
		}
	}
	return out
}

// bucket averages neighbours so that at most n points are left.
func bucket(points []chart.Point, n int) []chart.Point {
	size := (len(points) + n - 1) / n
	if size <= 1 {
		return points
	}
	var out []chart.Point
	for i := 0; i < len(points); i += size {
		part := points[i:min(i+size, len(points))]
		mean := chart.Point{X: part[len(part)-1].X, Tip: fmt.Sprintf("mean of %d", len(part))}
		for _, p := range part {
			mean.Y += p.Y / float64(len(part))
		}
		out = append(out, mean)
	}
	return out
}

// smooth is the mean over a window around each point, smaller at the ends.
func smooth(points []chart.Point, window int) []chart.Point {
	out := make([]chart.Point, len(points))
	for i, p := range points {
		reach := min(window/2, i, len(points)-1-i)
		total := 0.0
		for _, q := range points[i-reach : i+reach+1] {
			total += q.Y
		}
		out[i] = chart.Point{X: p.X, Y: total / float64(2*reach+1)}
	}
	return out
}

func withoutEmpty(series []chart.Series) []chart.Series {
	out := series[:0]
	for _, s := range series {
		if len(s.Points) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// shareAxis is a y axis in per cent.
func shareAxis() chart.Axis {
	floor, ceiling := 0.0, 1.0
	return chart.Axis{Format: percentTick, Floor: &floor, Ceiling: &ceiling}
}

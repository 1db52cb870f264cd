package report

import (
	"fmt"
	"math"

	"t1"
	"t1/report/chart"
)

// mostPoints is how many points a curve shows, and fewPoints one of several in a
// chart; longer logs are averaged over stretches of equal length.
const mostPoints, fewPoints = 400, 100

// smoothFrom is how many points make a trend worth drawing.
const smoothFrom = 20

func (m metricChart) chart(spec t1.Spec, samples []sample, x string) chart.Chart {
	c := chart.Chart{
		ID: m.id, Title: m.title, Unit: m.unit,
		X: chart.Axis{Label: x, Format: number, Whole: true}, Y: chart.Axis{Format: number, Zero: m.zero},
	}
	if m.share {
		c.Y = shareAxis()
		c.Y.Zero = m.zero
	}
	if m.exact {
		c.Y.Format, c.Y.Scientific = scientific, true
	}
	most := mostPoints
	if len(m.metrics) > 1 {
		most = fewPoints
	}
	if n := stretch(len(samples), most); n > 1 {
		c.Note = fmt.Sprintf("Each point is the mean of %d.", n)
	}
	for _, l := range m.metrics {
		c.Series = append(c.Series, l.series(samples, most, len(m.metrics) == 1 && !m.exact, c.Y.Format)...)
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

// series is a metric's line; a long smoothed one is shown faint, with its trend
// in front.
func (l metricLine) series(samples []sample, most int, smoothed bool, format func(float64) string) []chart.Series {
	points := bucket(pointsOf(samples, l.key), stretch(len(samples), most))
	s := chart.Series{Name: l.name, Class: l.class, Marker: l.marker, Points: points}
	if !smoothed || len(points) < smoothFrom {
		return []chart.Series{s}
	}
	trend := chart.Series{Class: l.class, Mute: true, Points: smooth(points, max(2, len(points)/20))}
	s.Faint = true
	for i, p := range trend.Points {
		s.Points[i].Tip = "(trend " + format(p.Y) + ")"
	}
	return []chart.Series{s, trend}
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

// stretch is how many samples make one point.
func stretch(samples, most int) int { return (samples + most - 1) / most }

// bucket averages so many neighbours at a time.
func bucket(points []chart.Point, size int) []chart.Point {
	if size <= 1 {
		return points
	}
	var out []chart.Point
	for i := 0; i < len(points); i += size {
		part := points[i:min(i+size, len(points))]
		mean := chart.Point{X: part[len(part)-1].X}
		for _, p := range part {
			mean.Y += p.Y / float64(len(part))
		}
		out = append(out, mean)
	}
	return out
}

// smooth fits a line to the points within reach of each one and takes its value
// there: a running mean in the middle, and no lag at the ends.
func smooth(points []chart.Point, reach int) []chart.Point {
	out := make([]chart.Point, len(points))
	for i, p := range points {
		near := points[max(0, i-reach):min(len(points), i+reach+1)]
		out[i] = chart.Point{X: p.X, Y: lineAt(near, p.X)}
	}
	return out
}

// lineAt is the value at x of the line with the least squares through points.
func lineAt(points []chart.Point, x float64) float64 {
	var meanX, meanY float64
	for _, p := range points {
		meanX += p.X / float64(len(points))
		meanY += p.Y / float64(len(points))
	}
	var xx, xy float64
	for _, p := range points {
		xx += (p.X - meanX) * (p.X - meanX)
		xy += (p.X - meanX) * (p.Y - meanY)
	}
	if xx == 0 {
		return meanY
	}
	return meanY + xy/xx*(x-meanX)
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
	return chart.Axis{Format: percentTick, Percent: true, Floor: &floor, Ceiling: &ceiling}
}

package chart

import (
	"strings"
)

// lineLayer draws a series as band, line and markers.
func lineLayer(s Series, x, y scale) layer {
	return layer{Series: s, Band: band(s.Points, x, y), Line: line(s.Points, x, y), Marks: marks(s, x, y), Swatch: shape(s.Marker, 14, 6, 3.5)}
}

func line(points []Point, x, y scale) string {
	var b strings.Builder
	for i, p := range points {
		step(&b, i, x.at(p.X), y.at(p.Y))
	}
	return b.String()
}

// band goes along the upper ends and back along the lower ones.
func band(points []Point, x, y scale) string {
	var b strings.Builder
	n := 0
	for _, p := range points {
		if p.hasBand() {
			step(&b, n, x.at(p.X), y.at(p.High))
			n++
		}
	}
	for i := len(points) - 1; i >= 0; i-- {
		if p := points[i]; p.hasBand() {
			step(&b, n, x.at(p.X), y.at(p.Low))
		}
	}
	if n < 2 {
		return whiskers(points, x, y)
	}
	return b.String() + "Z"
}

// whiskers stand in for a band that has no width.
func whiskers(points []Point, x, y scale) string {
	var b strings.Builder
	for _, p := range points {
		if p.hasBand() {
			at := x.at(p.X)
			step(&b, 0, at-1.5, y.at(p.High))
			step(&b, 1, at+1.5, y.at(p.High))
			step(&b, 1, at+1.5, y.at(p.Low))
			step(&b, 1, at-1.5, y.at(p.Low))
		}
	}
	return b.String()
}

// step adds a point to path data; the first one starts a line.
func step(b *strings.Builder, i int, x, y float64) {
	if i == 0 {
		b.WriteByte('M')
	} else {
		b.WriteByte('L')
	}
	b.WriteString(px(x).String())
	b.WriteByte(' ')
	b.WriteString(px(y).String())
}

func marks(s Series, x, y scale) string {
	marker := s.Marker
	if len(s.Points) == 1 && marker == "" {
		marker = Circle // a line of one point cannot be seen
	}
	every := 1
	if len(s.Points) > mostMarkers {
		every = len(s.Points)/fewMarkers + 1
	}
	var b strings.Builder
	for i, p := range s.Points {
		if i%every == every/2 {
			b.WriteString(shape(marker, x.at(p.X), y.at(p.Y), 3.5))
		}
	}
	return b.String()
}

// A line of more than mostMarkers points has about fewMarkers of them marked.
const mostMarkers, fewMarkers = 30, 6

// shape is a marker's path data around a point.
func shape(m Marker, x, y, r float64) string {
	switch m {
	case Circle:
		return move(x-r, y) + arc(r, 2*r) + arc(r, -2*r) + "z"
	case Square:
		return polygon(x, y, r*0.88, -1, -1, 1, -1, 1, 1, -1, 1)
	case Triangle:
		return polygon(x, y, r*1.15, 0, -1, 1, 0.8, -1, 0.8)
	case Diamond:
		return polygon(x, y, r*1.2, 0, -1, 1, 0, 0, 1, -1, 0)
	case Cross:
		return polygon(x, y, r, -1, -0.4, -0.4, -0.4, -0.4, -1, 0.4, -1, 0.4, -0.4, 1, -0.4, 1, 0.4, 0.4, 0.4, 0.4, 1, -0.4, 1, -0.4, 0.4, -1, 0.4)
	}
	return ""
}

func move(x, y float64) string { return "M" + px(x).String() + " " + px(y).String() }

func arc(r, dx float64) string {
	return "a" + px(r).String() + " " + px(r).String() + " 0 1 0 " + px(dx).String() + " 0"
}

// polygon joins corners given in units of r around a point.
func polygon(x, y, r float64, corners ...float64) string {
	var b strings.Builder
	for i := 0; i < len(corners); i += 2 {
		step(&b, i, x+corners[i]*r, y+corners[i+1]*r)
	}
	return b.String() + "z"
}

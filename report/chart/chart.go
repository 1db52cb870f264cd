// Package chart draws line charts and stacked bars as inline SVG: no script, no
// picture file, nothing to load. Colours come from the page's style sheet through
// the classes of series; values under the pointer are shown by CSS alone.
//
//	chart.go   what a chart is made of
//	scale.go   values to pixels, and round ticks
//	lines.go   lines, bands, markers and guides
//	bars.go    stacked bars
//	label.go   the texts of ticks
//	hover.go   the values under the pointer
//	picture.go the parts that the template draws
package chart

import (
	"bytes"
	_ "embed"
	"html/template"
	"strconv"
)

// Chart is one picture: lines over a common x axis, or bars stacked.
type Chart struct {
	ID     string // unique on its page; letters, digits and hyphens
	Title  string
	Unit   string // what the y axis counts, beside the title
	Note   string // one sentence below; may be empty
	Large  bool   // drawn 480 wide instead of 360
	Bars   bool   // series are stacked, in order from the bottom
	X, Y   Axis
	Series []Series
	Guides []Guide
}

// Axis says how values along one direction are shown.
type Axis struct {
	Label      string               // for x only
	Format     func(float64) string // of values under the pointer; nil: shortest decimal
	Percent    bool                 // values are shares, ticks are in per cent
	Scientific bool                 // ticks are shown as values are
	Ticks      []float64            // nil: round numbers
	Log        bool                 // equal ratios are equal distances; needs values above 0
	Zero       bool                 // the axis includes 0
	Whole      bool                 // no tick between whole numbers
	Floor      *float64             // the axis does not go below
	Ceiling    *float64             // nor above
}

// Series is one line, or one layer of bars.
type Series struct {
	Name   string // in the legend; empty: not there
	Class  string // CSS class; its --c is the colour
	Marker Marker
	Faint  bool    // a background to another series
	Mute   bool    // without values under the pointer
	Dashed bool    //
	Points []Point // x rising; points that are not finite are left out
}

// Point is one value. Low and High, where they differ, make a band.
type Point struct {
	X, Y      float64
	Low, High float64
	Tip       string // beside the value under the pointer; may be empty
}

// Guide is a level line with a name.
type Guide struct {
	Y     float64
	Label string
	Class string
}

// Marker is a shape at each point, so that series differ by more than colour.
type Marker string

// The markers; the zero value draws none.
const (
	Circle   Marker = "circle"
	Square   Marker = "square"
	Triangle Marker = "triangle"
	Diamond  Marker = "diamond"
	Cross    Marker = "cross"
)

//go:embed chart.html
var source string

var page = template.Must(template.New("chart").Parse(source))

// HTML draws the chart as a figure element. A chart without a finite point is empty.
func (c Chart) HTML() (template.HTML, error) {
	c = c.finite()
	if c.Empty() {
		return "", nil
	}
	var b bytes.Buffer
	if err := page.Execute(&b, c.picture()); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil // made by a template that escapes
}

// Empty reports whether there is nothing to draw.
func (c Chart) Empty() bool {
	for _, s := range c.Series {
		if len(s.Points) > 0 {
			return false
		}
	}
	return true
}

// finite is the chart without points that have no place on its axes.
func (c Chart) finite() Chart {
	series := make([]Series, 0, len(c.Series))
	for _, s := range c.Series {
		points := make([]Point, 0, len(s.Points))
		for _, p := range s.Points {
			if finite(p.X) && finite(p.Y) && (!c.X.Log || p.X > 0) && (!c.Y.Log || p.Y > 0) {
				points = append(points, p.banded())
			}
		}
		s.Points = points
		series = append(series, s)
	}
	c.Series = series
	return c
}

// banded is the point with a band that can be drawn, or none.
func (p Point) banded() Point {
	if !finite(p.Low) || !finite(p.High) {
		p.Low, p.High = 0, 0
	}
	return p
}

func (p Point) hasBand() bool { return p.Low != p.High }

func (a Axis) format(v float64) string {
	if a.Format != nil {
		return a.Format(v)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

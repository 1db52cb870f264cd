package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// picture is a chart laid out: what the template draws.
type picture struct {
	Chart
	Width, Height            px
	Left, Right, Top, Bottom px // of the plot
	Middle                   px
	XTicks, YTicks           []tick
	Layers                   []layer
	Levels                   []level
	Hovers                   []hover
	Legend                   []layer
	Summary                  string // for who cannot see the picture
}

type tick struct {
	At    px
	Label string
}

// layer is one series, drawn.
type layer struct {
	Series
	Band, Line string // path data
	Marks      string // path data of all markers
	Swatch     string // path data of one marker, for the legend
	Bars       []bar
}

// level is a guide, drawn.
type level struct {
	Guide
	At, LabelAt px
}

// px is a length in pixels; a tenth is precise enough.
type px float64

func (p px) String() string {
	v := math.Round(float64(p)*10) / 10
	if v == 0 {
		v = 0 // no minus zero
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// Sizes of a chart in pixels.
const (
	smallWidth, smallHeight = 360, 220
	largeWidth, largeHeight = 480, 320
	marginLeft, marginRight = 48, 14
	marginTop, marginBottom = 12, 38
)

func (c Chart) picture() picture {
	p := picture{Chart: c, Width: smallWidth, Height: smallHeight}
	if c.Large {
		p.Width, p.Height = largeWidth, largeHeight
	}
	p.Left, p.Right = marginLeft, p.Width-marginRight
	p.Top, p.Bottom = marginTop, p.Height-marginBottom
	p.Middle = (p.Left + p.Right) / 2
	inset := px(0)
	if c.Bars {
		inset = p.barInset()
	}
	x := c.xScale(float64(p.Left+inset), float64(p.Right-inset))
	y, marks := c.yScale(float64(p.Bottom), float64(p.Top))
	p.ticks(x, y, marks)
	p.draw(x, y)
	p.Hovers = p.hovers(x, y)
	p.Summary = c.summary()
	return p
}

func (p *picture) ticks(x, y scale, marks []float64) {
	at := p.xTicks(x)
	for i, label := range p.X.labels(at) {
		p.XTicks = append(p.XTicks, tick{At: px(x.at(at[i])), Label: label})
	}
	for i, label := range p.Y.labels(marks) {
		p.YTicks = append(p.YTicks, tick{At: px(y.at(marks[i])), Label: label})
	}
}

func (p *picture) draw(x, y scale) {
	if p.Bars {
		p.Layers = p.bars(x, y)
	} else {
		for _, s := range p.Series {
			p.Layers = append(p.Layers, lineLayer(s, x, y))
		}
	}
	for _, g := range p.Guides {
		if !finite(g.Y) {
			continue
		}
		at := px(y.at(g.Y))
		p.Levels = append(p.Levels, level{Guide: g, At: at, LabelAt: labelAt(at, p.Bottom)})
	}
	for _, l := range p.Layers {
		if l.Name != "" && len(l.Points) > 0 {
			p.Legend = append(p.Legend, l)
		}
	}
	if len(p.Legend) < 2 && !p.Bars {
		p.Legend = nil
	}
}

// labelAt puts a guide's label below its line, where curves that rise leave room
// at the right, or above it at the bottom.
func labelAt(line, bottom px) px {
	if bottom-line < 16 {
		return line - 4
	}
	return line + 12
}

// summary says in words what the picture shows.
func (c Chart) summary() string {
	var parts []string
	for _, s := range c.Series {
		if s.Faint || len(s.Points) == 0 {
			continue
		}
		first, last := s.Points[0], s.Points[len(s.Points)-1]
		parts = append(parts, fmt.Sprintf("%s from %s at %s to %s at %s", nameOr(s.Name, c.Title),
			c.Y.format(first.Y), c.X.format(first.X), c.Y.format(last.Y), c.X.format(last.X)))
	}
	return c.Title + ", " + c.Unit + ": " + strings.Join(parts, "; ")
}

func nameOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

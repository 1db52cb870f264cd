package chart

import "unicode/utf8"

// hover is a strip of the plot and the values shown while the pointer is in it.
type hover struct {
	X, Width px // of the strip
	At       px // of the rule
	Dots     []dot
	Head     string
	Lines    []tipLine
	Tip      box
}

type dot struct {
	X, Y  px
	Class string
}

type tipLine struct {
	Class, Text string
	Y           px
}

type box struct{ X, Y, Width, Height, TextX px }

// most is the largest number of strips; more are thinner than a finger and cost
// only bytes.
const most = 120

// hovers makes a strip for every x value, or for every n-th of very many.
func (p *picture) hovers(x, y scale) []hover {
	xs := p.hoverColumns()
	every := (len(xs) + most - 1) / most
	var kept []float64
	for i, v := range xs {
		if i%max(1, every) == 0 || i == len(xs)-1 {
			kept = append(kept, v)
		}
	}
	var out []hover
	for i, v := range kept {
		h := hover{At: px(x.at(v)), Head: p.X.format(v)}
		if p.X.Label != "" {
			h.Head = p.X.Label + " " + h.Head
		}
		h.X, h.Width = p.strip(kept, i, x)
		p.values(&h, v, y)
		p.place(&h)
		out = append(out, h)
	}
	return out
}

func (p *picture) hoverColumns() []float64 {
	c := Chart{}
	for _, s := range p.Series {
		if !s.Mute {
			c.Series = append(c.Series, s)
		}
	}
	return c.columns()
}

// strip reaches half way to the neighbours.
func (p *picture) strip(xs []float64, i int, x scale) (from, width px) {
	from, to := p.Left, p.Right
	if i > 0 {
		from = px(x.at(xs[i-1])+x.at(xs[i])) / 2
	}
	if i < len(xs)-1 {
		to = px(x.at(xs[i])+x.at(xs[i+1])) / 2
	}
	return from, to - from
}

// values lists what the series are at one x.
func (p *picture) values(h *hover, at float64, y scale) {
	for _, s := range p.Series {
		for _, point := range s.Points {
			if s.Mute || point.X != at {
				continue
			}
			text := p.Y.format(point.Y)
			if s.Name != "" {
				text = s.Name + ": " + text
			}
			if point.Tip != "" {
				text += " " + point.Tip
			}
			h.Lines = append(h.Lines, tipLine{Class: s.Class, Text: text})
			if !p.Bars {
				h.Dots = append(h.Dots, dot{X: h.At, Y: px(y.at(point.Y)), Class: s.Class})
			}
			break
		}
	}
}

// place puts the box beside the rule, on the side where there is more room.
func (p *picture) place(h *hover) {
	longest := utf8.RuneCountInString(h.Head)
	for _, l := range h.Lines {
		longest = max(longest, utf8.RuneCountInString(l.Text)+2)
	}
	h.Tip = box{Y: p.Top + 2, Width: px(longest)*6.1 + 18, Height: px(len(h.Lines)+1)*15 + 9}
	h.Tip.X = h.At + 8
	if h.At > p.Middle {
		h.Tip.X = h.At - 8 - h.Tip.Width
	}
	h.Tip.X = max(2, min(h.Tip.X, p.Width-2-h.Tip.Width))
	h.Tip.TextX = h.Tip.X + 20
	for i := range h.Lines {
		h.Lines[i].Y = h.Tip.Y + px(i+2)*15
	}
}

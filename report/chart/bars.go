package chart

import "slices"

// bar is one part of a stack.
type bar struct {
	X, Y, Width, Height px
}

// columns are the x values of a bar chart, rising.
func (c Chart) columns() []float64 {
	var xs []float64
	for _, s := range c.Series {
		for _, p := range s.Points {
			xs = append(xs, p.X)
		}
	}
	slices.Sort(xs)
	return slices.Compact(xs)
}

// pitch is the room a bar has; columns are taken to be evenly spaced.
func (p *picture) pitch() px {
	return (p.Right - p.Left) / px(max(1, len(p.columns())))
}

func (p *picture) barInset() px { return p.pitch() / 2 }

// bars stacks the series, in order from the bottom. Values below 0 count as 0.
func (p *picture) bars(x, y scale) []layer {
	width := max(1, min(28, p.pitch()*0.8))
	top := map[float64]float64{}
	var layers []layer
	for _, s := range p.Series {
		l := layer{Series: s, Swatch: shape(Square, 14, 6, 5)}
		for _, point := range s.Points {
			from := top[point.X]
			top[point.X] = from + max(0, point.Y)
			high := px(y.at(top[point.X]))
			l.Bars = append(l.Bars, bar{X: px(x.at(point.X)) - width/2, Y: high, Width: width, Height: px(y.at(from)) - high})
		}
		layers = append(layers, l)
	}
	return layers
}

func (c Chart) stackExtent() extent {
	sums := map[float64]float64{}
	for _, s := range c.Series {
		for _, p := range s.Points {
			sums[p.X] += max(0, p.Y)
		}
	}
	e := extent{some: true}
	for _, sum := range sums {
		e.add(sum)
	}
	return e
}

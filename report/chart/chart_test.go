package chart

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func lines(ys ...float64) Chart {
	c := Chart{ID: "x", Title: "Loss", Unit: "nats", X: Axis{Label: "step"}, Series: []Series{{Name: "a", Class: "c-1", Marker: Circle}}}
	for i, y := range ys {
		c.Series[0].Points = append(c.Series[0].Points, Point{X: float64(i), Y: y})
	}
	return c
}

func drawn(t *testing.T, c Chart) string {
	t.Helper()
	html, err := c.HTML()
	require.NoError(t, err)
	assert.NotContains(t, html, "NaN")
	assert.NotContains(t, html, "Inf")
	return string(html)
}

func TestTicksAreRoundRisingAndInside(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      []float64
	}{
		{0, 1, []float64{0, 0.25, 0.5, 0.75, 1}},
		{0, 100, []float64{0, 25, 50, 75, 100}},
		{0.24, 0.31, []float64{0.24, 0.26, 0.28, 0.3}},
		{-1, 1, []float64{-1, -0.5, 0, 0.5, 1}},
		{0, 3e-4, []float64{0, 1e-4, 2e-4, 3e-4}},
	} {
		assert.InDeltaSlice(t, test.want, ticks(test.low, test.high, 4), 1e-12, "%v to %v", test.low, test.high)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		low := random.NormFloat64() * math.Pow(10, float64(random.IntN(16)-8))
		marks := ticks(low, low+math.Abs(random.NormFloat64())*math.Pow(10, float64(random.IntN(16)-8))+1e-12, 4)
		assert.GreaterOrEqual(t, len(marks), 2)
		assert.LessOrEqual(t, len(marks), 12)
		for i := 1; i < len(marks); i++ {
			assert.Greater(t, marks[i], marks[i-1])
		}
	}
	assert.Len(t, ticks(3, 3, 4), 2, "no extent")
}

func TestScaleMapsEndsToEnds(t *testing.T) {
	linear := scale{low: 2, high: 4, from: 100, to: 0}
	assert.InDelta(t, 100, linear.at(2), 1e-9)
	assert.InDelta(t, 50, linear.at(3), 1e-9)
	logarithmic := scale{low: 8, high: 128, from: 0, to: 400, log: true}
	assert.InDelta(t, 200, logarithmic.at(32), 1e-9)
}

func TestAxisIsNeverBeyondItsEnds(t *testing.T) {
	zero, one := 0.0, 1.0
	c := lines(0.9, 1)
	c.Y.Floor, c.Y.Ceiling = &zero, &one
	_, marks := c.yScale(100, 0)
	assert.LessOrEqual(t, marks[len(marks)-1], 1.0)
	_, marks = lines(0, 0).yScale(100, 0)
	assert.Equal(t, []float64{0, 0.25, 0.5, 0.75, 1}, marks)
	c = lines(0.3, 1)
	_, marks = c.yScale(100, 0)
	assert.Zero(t, marks[0], "values far from each other start at 0")
}

func TestChartDrawsEveryPoint(t *testing.T) {
	html := drawn(t, lines(3, 2, 1.5, 1.25))
	assert.Contains(t, html, `data-name="a" data-points="4"`)
	path := regexp.MustCompile(`class="line" d="([^"]*)"`).FindStringSubmatch(html)
	require.NotNil(t, path)
	assert.Equal(t, 4, strings.Count(path[1], "M")+strings.Count(path[1], "L"))
	assert.Equal(t, 4, strings.Count(html, `class="hit"`))
	assert.Contains(t, html, `aria-label="Loss, nats: a from 3 at 0 to 1.25 at 3"`)
}

func TestChartSurvivesAnything(t *testing.T) {
	for name, c := range map[string]Chart{
		"one point":      lines(1),
		"all the same":   lines(2, 2, 2),
		"all zero":       lines(0, 0),
		"negative":       lines(-3, -1),
		"tiny":           lines(1e-300, 2e-300),
		"huge":           lines(1e300, -1e300),
		"not finite":     lines(1, math.NaN(), math.Inf(1), 2),
		"log without 0":  {X: Axis{Log: true}, Series: []Series{{Points: []Point{{X: 0, Y: 1}, {X: 8, Y: 1}}}}},
		"bars":           {Bars: true, Series: []Series{{Name: "a", Points: []Point{{X: 1, Y: 2}}}, {Name: "b", Points: []Point{{X: 1, Y: -1}}}}},
		"band not there": {Series: []Series{{Points: []Point{{X: 1, Y: 2, Low: math.NaN(), High: 3}, {X: 2, Y: 2}}}}},
	} {
		assert.NotEmpty(t, drawn(t, c), name)
	}
	assert.Empty(t, drawn(t, Chart{}), "nothing to draw")
	assert.Empty(t, drawn(t, lines(math.NaN())), "nothing finite")
}

func TestChartEscapesNames(t *testing.T) {
	c := lines(1, 2)
	c.Title, c.Series[0].Name, c.Series[0].Points[0].Tip = `<script>a`, `"><img src=x>`, `</text><b>`
	html := drawn(t, c)
	for _, bad := range []string{"<script", "<img", "<b>", `""`} {
		assert.NotContains(t, html[strings.Index(html, "<svg"):], bad)
	}
	assert.NotContains(t, html, "<script")
}

func TestBandGoesUpAndComesBack(t *testing.T) {
	c := lines(1, 2, 3)
	for i := range c.Series[0].Points {
		c.Series[0].Points[i].Low, c.Series[0].Points[i].High = c.Series[0].Points[i].Y-1, c.Series[0].Points[i].Y+1
	}
	d := regexp.MustCompile(`class="band" d="([^"]*)"`).FindStringSubmatch(drawn(t, c))
	require.NotNil(t, d)
	assert.Equal(t, 1, strings.Count(d[1], "M"))
	assert.Equal(t, 5, strings.Count(d[1], "L"))
	assert.True(t, strings.HasSuffix(d[1], "Z"))
}

func TestBarsStackWithoutGaps(t *testing.T) {
	c := Chart{Bars: true, Series: []Series{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	for i := range c.Series {
		c.Series[i].Points = []Point{{X: 1, Y: float64(i + 1)}, {X: 2, Y: 1}}
	}
	p := c.finite().picture()
	for column := range 2 {
		bottom := p.Bottom
		for _, l := range p.Layers {
			b := l.Bars[column]
			assert.InDelta(t, float64(bottom), float64(b.Y+b.Height), 1e-9)
			bottom = b.Y
		}
	}
	assert.InDelta(t, 2, float64(p.Layers[1].Bars[0].Height/p.Layers[0].Bars[0].Height), 1e-9)
}

func TestManyPointsHaveFewStrips(t *testing.T) {
	html := drawn(t, lines(make([]float64, 1000)...))
	assert.LessOrEqual(t, strings.Count(html, `class="hit"`), most+1)
	assert.Contains(t, html, `data-points="1000"`)
}

func TestTickLabelsTellTicksApart(t *testing.T) {
	for _, test := range []struct {
		axis  Axis
		marks []float64
		want  []string
	}{
		{Axis{}, []float64{0, 0.5, 1}, []string{"0", "0.5", "1.0"}},
		{Axis{}, []float64{3.855, 3.86, 3.865}, []string{"3.855", "3.860", "3.865"}},
		{Axis{}, []float64{-250, 0, 250}, []string{"\u2212250", "0", "250"}},
		{Axis{}, []float64{0, 2500}, []string{"0", "2,500"}},
		{Axis{}, []float64{1e6, 1.5e6}, []string{"1,000,000", "1,500,000"}},
		{Axis{Percent: true}, []float64{0, 0.025, 0.05}, []string{"0\u202f%", "2.5\u202f%", "5.0\u202f%"}},
		{Axis{Percent: true}, []float64{0.3, 0.4}, []string{"30\u202f%", "40\u202f%"}},
		{Axis{}, []float64{0, 1e-4, 2e-4}, []string{"0", "0.0001", "0.0002"}},
		{Axis{Log: true}, []float64{8, 16, 1024}, []string{"8", "16", "1024"}},
		{Axis{}, []float64{7}, []string{"7"}},
		{Axis{}, nil, []string{}},
	} {
		assert.Equal(t, test.want, test.axis.labels(test.marks))
	}
	random := rand.New(rand.NewPCG(2, 2))
	for range 2000 {
		low := random.NormFloat64() * math.Pow(10, float64(random.IntN(7)-3))
		labels := Axis{}.labels(ticks(low, low+math.Pow(10, float64(random.IntN(7)-3)), 4))
		for i := 1; i < len(labels); i++ {
			assert.NotEqual(t, labels[i-1], labels[i])
		}
	}
}

package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"t1"
)

func TestNumbersReadWell(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -0.31: "−0.31", 3.14159: "3.14", 31.4159: "31.4", 314.159: "314", 20913.4: "20,913", 1234567: "1,234,567",
		0.001: "0.001", 0.00015: "1.5e-4", -2e-7: "−2e-7", 0.9999: "1", 1e12: "1,000,000,000,000",
	} {
		assert.Equal(t, want, number(v), "%v", v)
	}
	for v, want := range map[float64]string{0: "0", 1e-5: "1e-5", 1.5e-6: "1.5e-6", 2e-4: "2e-4", 0.992: "0.992", 10240: "10,240", -1: "−1", 0.05: "0.05"} {
		assert.Equal(t, want, exact(v), "%v", v)
	}
	assert.Equal(t, "NaN", number(math.NaN()))
	assert.Equal(t, "−1,234", count(-1234))
	assert.Equal(t, "2.85"+thin+"M", large(2_850_000))
	assert.Equal(t, "1"+thin+"M", large(999_999))
	assert.Equal(t, "804"+thin+"k", large(803_968))
}

func TestSharesReadWell(t *testing.T) {
	assert.Equal(t, "37.2"+thin+"%", percent(0.3716))
	assert.Equal(t, "−3.7"+thin+"%", percent(-0.0369))
	assert.Equal(t, "0.0"+thin+"%", percent(-0.0001), "no minus zero")
	assert.Equal(t, "+33.9", points(0.339))
	assert.Equal(t, "0.0", points(0.0004))
	assert.Equal(t, "63.9"+thin+"% [60.1, 67.6]", shareInterval(t1.Interval{Mean: 0.639, Low: 0.601, High: 0.676}))
}

func TestDurationsReadWell(t *testing.T) {
	for v, want := range map[float64]string{
		0.04: "0.0 s", 1.8: "1.8 s", 42.4: "42 s", 59.99: "1 min 00 s", 75.5: "1 min 16 s", 3600: "1 h 00 min", 5432: "1 h 31 min", 3599.9: "1 h 00 min",
	} {
		assert.Equal(t, want, plainSpaces(duration(v)), "%v", v)
	}
}

func plainSpaces(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r == '\u202f' {
			out[i] = ' '
		}
	}
	return string(out)
}

func TestParametersAreCounted(t *testing.T) {
	s := t1.ScratchSpec{HiddenSize: 4, IntermediateSize: 8, Layers: 2, Heads: 2, KVHeads: 1, TieEmbeddings: true}
	// Embeddings 10 x 4; a layer 2 x 4 x 4 + 2 x 4 x 2 + 3 x 4 x 8 + 2 x 4; a last norm.
	assert.Equal(t, 40+2*(32+16+96+8)+4, parameters(s, 10))
	s.TieEmbeddings = false
	assert.Equal(t, 80+2*(32+16+96+8)+4, parameters(s, 10))
	assert.Zero(t, parameters(t1.ScratchSpec{}, 10))
}

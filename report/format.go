package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"t1"
)

const (
	minus = "\u2212"
	thin  = "\u202f" // narrow no-break space
)

// number shows about three significant digits, and thousands apart.
func number(v float64) string {
	size := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64)
	case size >= 1000:
		return signed(thousands(strconv.FormatFloat(size, 'f', 0, 64)), v)
	case size >= 1e-3:
		digits := max(0, 2-int(math.Floor(math.Log10(size))))
		return signed(shorten(strconv.FormatFloat(size, 'f', digits, 64)), v)
	}
	return signed(exponent(strconv.FormatFloat(size, 'e', 2, 64)), v)
}

// scientific shows a small number as 1.5e-3, whatever its size.
func scientific(v float64) string {
	if v == 0 {
		return "0"
	}
	return signed(exponent(strconv.FormatFloat(math.Abs(v), 'e', 2, 64)), v)
}

// exact shows every digit a setting was given with.
func exact(v float64) string {
	if size := math.Abs(v); size >= 1e-3 || v == 0 {
		text := strconv.FormatFloat(size, 'f', -1, 64)
		if size >= 1000 && size == math.Trunc(size) {
			text = thousands(text)
		}
		return signed(text, v)
	}
	return signed(exponent(strconv.FormatFloat(math.Abs(v), 'e', -1, 64)), v)
}

func signed(text string, v float64) string {
	if v < 0 {
		return minus + text
	}
	return text
}

// shorten drops zeros at the end of a fraction.
func shorten(s string) string {
	if strings.Contains(s, ".") {
		return strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// exponent writes 1.50e-06 as 1.5e-6.
func exponent(s string) string {
	mantissa, power, found := strings.Cut(s, "e")
	if !found {
		return s
	}
	return shorten(mantissa) + "e" + strings.Replace(strings.Replace(power, "-0", "-", 1), "+0", "+", 1)
}

func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func count[N int | int64](n N) string {
	return signed(thousands(strconv.FormatInt(max(int64(n), -int64(n)), 10)), float64(n))
}

// percent shows a share with one decimal.
func percent(share float64) string {
	return signed(strconv.FormatFloat(math.Abs(round1(share*100)), 'f', 1, 64)+thin+"%", round1(share*100))
}

// percentTick shows a share at an axis, without decimals it does not need.
func percentTick(share float64) string { return number(round1(share*100)) + thin + "%" }

func round1(v float64) float64 { return math.Round(v*10) / 10 }

// points shows a difference of two shares.
func points(difference float64) string {
	return plus(round1(difference*100), strconv.FormatFloat(math.Abs(round1(difference*100)), 'f', 1, 64))
}

func plus(v float64, text string) string {
	if v > 0 {
		return "+" + text
	}
	return signed(text, v)
}

// shareInterval shows a share and its interval: 63.9 % [60.1, 67.6].
func shareInterval(i t1.Interval) string {
	return percent(i.Mean) + " " + shareBounds(i)
}

func shareBounds(i t1.Interval) string {
	return bounds(i, func(v float64) string { return strconv.FormatFloat(v*100, 'f', 1, 64) })
}

func bounds(i t1.Interval, format func(float64) string) string {
	return "[" + strings.ReplaceAll(format(i.Low), "-", minus) + ", " + strings.ReplaceAll(format(i.High), "-", minus) + "]"
}

// duration shows seconds as a person would say them.
func duration(seconds float64) string {
	if seconds < 9.95 {
		return fmt.Sprintf("%.1f%ss", seconds, thin)
	}
	switch d := time.Duration(math.Round(seconds)) * time.Second; {
	case d < time.Minute:
		return fmt.Sprintf("%.0f%ss", d.Seconds(), thin)
	case d < time.Hour:
		return fmt.Sprintf("%d%smin %02d%ss", d/time.Minute, thin, d%time.Minute/time.Second, thin)
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d%sh %02d%smin", d/time.Hour, thin, d%time.Hour/time.Minute, thin)
	}
}

// large shows a count of parameters or tokens: 1.1 M.
func large(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= unit.size*0.9995 {
			return number(n/unit.size) + thin + unit.name
		}
	}
	return number(n)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

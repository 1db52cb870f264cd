package countdown

import (
	"slices"
	"strconv"
	"strings"
)

// chain works from left to right: numbers[0] ops[0] numbers[1] = ops[1] numbers[2] ...
// Each step's result is the left side of the next step.
type chain struct {
	numbers []int
	ops     []byte // '+', '-' or '*'; one fewer than the numbers
	results []int  // after each op, each in [0, limit]
}

// value is what the chain comes to, from one number on.
func (c chain) value() int {
	if len(c.results) == 0 {
		return c.numbers[0]
	}
	return c.results[len(c.results)-1]
}

// walk visits every chain that uses each number exactly once and keeps each
// result in [0, limit], in a fixed order, none of them twice. There are games
// that only a tree reaches, such as 9 - 2 * 3: chains are what a text can say
// step by step, so problems and demonstrations use chains only. Answers may be
// any expression. The chain is the visitor's until it returns.
func walk(numbers []int, limit int, visit func(chain)) {
	w := walker{numbers: numbers, limit: limit, used: make([]bool, len(numbers)), visit: visit}
	w.extend()
}

type walker struct {
	numbers []int
	limit   int
	used    []bool
	at      chain
	visit   func(chain)
}

// extend goes on with each unused number.
func (w *walker) extend() {
	if len(w.at.numbers) == len(w.numbers) {
		w.visit(w.at)
		return
	}
	for i, n := range w.numbers {
		if w.used[i] || twin(w.numbers, w.used, i) {
			continue
		}
		w.used[i] = true
		w.step(n)
		w.used[i] = false
	}
}

// twin reports whether an equal number before i is unused: to take i instead
// would make the same again.
func twin(numbers []int, used []bool, i int) bool {
	for j := range i {
		if !used[j] && numbers[j] == numbers[i] {
			return true
		}
	}
	return false
}

// step adds a number, with each operator whose result is allowed, and takes it
// back.
func (w *walker) step(n int) {
	before := w.at
	w.at.numbers = append(before.numbers, n)
	if len(before.numbers) == 0 {
		w.extend()
	} else {
		left := before.value()
		for _, op := range [...]byte{'+', '-', '*'} {
			if result := apply(op, left, n); result >= 0 && result <= w.limit {
				w.at.ops, w.at.results = append(before.ops, op), append(before.results, result)
				w.extend()
			}
		}
	}
	w.at = before
}

// chains lists what walk visits.
func chains(numbers []int, limit int) []chain {
	var all []chain
	walk(numbers, limit, func(c chain) {
		all = append(all, chain{slices.Clone(c.numbers), slices.Clone(c.ops), slices.Clone(c.results)})
	})
	return all
}

func apply(op byte, a, b int) int {
	switch op {
	case '+':
		return a + b
	case '-':
		return a - b
	}
	return a * b
}

// steps is the chain as a demonstration works it out: "5 + 8 = 13 + 1 = 14".
func (c chain) steps() string {
	words := []string{strconv.Itoa(c.numbers[0])}
	for i, op := range c.ops {
		words = append(words, string(op), strconv.Itoa(c.numbers[i+1]), "=", strconv.Itoa(c.results[i]))
	}
	return strings.Join(words, " ")
}

// expression is the chain as an answer: "( 5 + 8 ) + 1". Every step but the last
// stands in brackets, needed or not.
func (c chain) expression() string {
	text := strconv.Itoa(c.numbers[0])
	for i, op := range c.ops {
		if i > 0 {
			text = "( " + text + " )"
		}
		text += " " + string(op) + " " + strconv.Itoa(c.numbers[i+1])
	}
	return text
}

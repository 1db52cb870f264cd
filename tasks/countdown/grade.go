package countdown

import (
	"slices"
	"strconv"
	"strings"

	"t1"
)

// Grade implements [t1.Task]. It reads what follows the last cue, up to the
// response's end, as one expression and nothing else:
//
//	sum     = product { ("+" | "-") product }    from left to right
//	product = factor { "*" factor }              before sums
//	factor  = number | "(" sum ")"
//
// Each symbol is one word; numbers are decimal, without sign or leading zeros.
// The response is right where the expression uses exactly the problem's numbers,
// each as often as dealt, and comes to the target; values on the way may be
// anything. Answer is the expression with its sums and products flattened and
// sorted, so "( 8 + 5 ) + 1" and "1 + 5 + 8" are the same; it is given for wrong
// expressions too, and empty where there is none.
func (t *Task) Grade(p t1.Problem, response string) t1.Grade {
	words := strings.Fields(response)
	at := len(words) - 1
	for at >= 0 && words[at] != Cue {
		at--
	}
	if at < 0 {
		return t1.Grade{}
	}
	e, ok := parse(words[at+1:])
	if !ok {
		return t1.Grade{}
	}
	d, ok := read(p)
	right := ok && slices.Equal(slices.Sorted(slices.Values(e.leaves())), slices.Sorted(slices.Values(d.Numbers))) && e.value() == d.Target
	return t1.Grade{Correct: right, Answer: e.canonical()}
}

// expression is a number, or an operation on two expressions.
type expression struct {
	number      int
	op          byte // '+', '-', '*', or 0 for a number
	left, right *expression
}

// longest is the most words of an answer that are read. A real one has 11, and
// brackets that say nothing need not nest without bounds.
const longest = 64

func parse(words []string) (*expression, bool) {
	if len(words) > longest {
		return nil, false
	}
	p := parser{words: words}
	e := p.sum()
	return e, e != nil && len(p.words) == 0
}

// parser takes words from the front; its methods return nil where they do not fit.
type parser struct{ words []string }

func (p *parser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *parser) skip() { p.words = p.words[1:] }

func (p *parser) sum() *expression { return p.operations((*parser).product, "+", "-") }

func (p *parser) product() *expression { return p.operations((*parser).factor, "*") }

// operations takes one operand, and more as long as one of the operators follows.
func (p *parser) operations(operand func(*parser) *expression, operators ...string) *expression {
	e := operand(p)
	for e != nil && slices.Contains(operators, p.next()) {
		op := p.next()[0]
		p.skip()
		right := operand(p)
		if right == nil {
			return nil
		}
		e = &expression{op: op, left: e, right: right}
	}
	return e
}

func (p *parser) factor() *expression {
	word := p.next()
	if word == "(" {
		p.skip()
		e := p.sum()
		if e == nil || p.next() != ")" {
			return nil
		}
		p.skip()
		return e
	}
	n, err := strconv.Atoi(word)
	if err != nil || strconv.Itoa(n) != word || n < 0 || n > largest {
		return nil
	}
	p.skip()
	return &expression{number: n}
}

// leaves lists the numbers used.
func (e *expression) leaves() []int {
	if e.op == 0 {
		return []int{e.number}
	}
	return append(e.left.leaves(), e.right.leaves()...)
}

// value is exact for as many numbers as a game has.
func (e *expression) value() int {
	if e.op == 0 {
		return e.number
	}
	return apply(e.op, e.left.value(), e.right.value())
}

// canonical writes the expression in the one form that all its reorderings share.
func (e *expression) canonical() string {
	switch e.op {
	case 0:
		return strconv.Itoa(e.number)
	case '*':
		factors := e.factors(nil)
		slices.Sort(factors)
		return strings.Join(factors, " * ")
	}
	plus, minus := e.terms(nil, nil)
	slices.Sort(plus)
	slices.Sort(minus)
	return strings.Join(append([]string{strings.Join(plus, " + ")}, minus...), " - ")
}

// factors adds what the expression multiplies, sums in brackets.
func (e *expression) factors(to []string) []string {
	switch e.op {
	case '*':
		return e.right.factors(e.left.factors(to))
	case 0:
		return append(to, e.canonical())
	}
	return append(to, "( "+e.canonical()+" )")
}

// terms adds what the expression adds and what it subtracts.
func (e *expression) terms(plus, minus []string) ([]string, []string) {
	switch e.op {
	case '+':
		plus, minus = e.left.terms(plus, minus)
		return e.right.terms(plus, minus)
	case '-':
		plus, minus = e.left.terms(plus, minus)
		minus, plus = e.right.terms(minus, plus)
		return plus, minus
	}
	return append(plus, e.canonical()), minus
}

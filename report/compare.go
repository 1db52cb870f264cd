package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"t1"
)

// comparison is the table of SFT beside RL.
type comparison struct {
	From, To string // column heads; To is empty without an RL evaluation
	Rows     []compared
	Note     string
}

// compared is one measure of both policies.
type compared struct {
	Name             string
	From, To, Change cell
}

// cell is a value and its interval; both may be empty.
type cell struct{ Value, Bounds string }

func newComparison(in Input) *comparison {
	sft, rl := ends(checkpoints(in))
	if sft == nil && rl == nil {
		return nil
	}
	c := &comparison{Note: "In brackets: 95" + thin + "% intervals over problems. Only the change of sampled accuracy has one of its own, over pairs of the same problem."}
	var a, b *t1.Result
	if sft != nil {
		c.From, a = sft.name(), &sft.Result
	}
	if rl != nil {
		c.To, b = fmt.Sprintf("%s (iteration %d)", rl.name(), rl.Iteration), &rl.Result
	}
	for _, m := range measures(a, b) {
		c.Rows = append(c.Rows, m.row(a, b))
	}
	return c
}

// measure is one number of a result.
type measure struct {
	name   string
	of     func(t1.Result) t1.Interval
	tokens bool // not a share
	paired bool
}

// measures are the rows, those of a map where either result has the key.
func measures(a, b *t1.Result) []measure {
	some := either(a, b)
	out := []measure{
		{name: "Accuracy, greedy", of: func(r t1.Result) t1.Interval { return r.Greedy }},
		{name: fmt.Sprintf("Accuracy, mean of %s at temperature %s (pass@1)", plural(some.Samples, "sample", "samples"), exact(some.Temperature)),
			of: func(r t1.Result) t1.Interval { return r.Sampled }, paired: true},
	}
	for _, k := range above1(keys(a, b, func(r t1.Result) map[int]t1.Interval { return r.PassAt })) {
		out = append(out, measure{name: fmt.Sprintf("pass@%d", k), of: func(r t1.Result) t1.Interval { return r.PassAt[k] }})
	}
	for _, k := range above1(keys(a, b, func(r t1.Result) map[int]t1.Interval { return r.MajorityAt })) {
		out = append(out, measure{name: fmt.Sprintf("maj@%d", k), of: func(r t1.Result) t1.Interval { return r.MajorityAt[k] }})
	}
	out = append(out,
		measure{name: "Response length, tokens", of: func(r t1.Result) t1.Interval { return r.Length }, tokens: true},
		measure{name: "Over length", of: func(r t1.Result) t1.Interval { return r.OverLength }})
	for _, reason := range keys(a, b, func(r t1.Result) map[string]t1.Interval { return r.Penalties }) {
		out = append(out, measure{name: "Penalised: " + words(reason), of: func(r t1.Result) t1.Interval { return r.Penalties[reason] }})
	}
	return out
}

// above1 leaves out k = 1, which is the mean of the samples again.
func above1(ks []int) []int { return slices.DeleteFunc(ks, func(k int) bool { return k <= 1 }) }

func either(a, b *t1.Result) t1.Result {
	if b != nil {
		return *b
	}
	return *a
}

// keys are the keys of either result's map, in order.
func keys[K int | string](a, b *t1.Result, of func(t1.Result) map[K]t1.Interval) []K {
	all := map[K]bool{}
	for _, r := range []*t1.Result{a, b} {
		if r != nil {
			for k := range of(*r) {
				all[k] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func (m measure) row(a, b *t1.Result) compared {
	row := compared{Name: m.name, From: m.cell(a), To: m.cell(b)}
	if a == nil || b == nil || m.of(*a).N == 0 || m.of(*b).N == 0 {
		return row
	}
	difference := m.of(*b).Mean - m.of(*a).Mean
	if m.tokens {
		row.Change.Value = plus(difference, strings.TrimPrefix(number(difference), minus))
		return row
	}
	row.Change.Value = points(difference)
	if !m.paired {
		return row
	}
	if d := t1.PairedBootstrap(b.PerProblem, a.PerProblem, t1.BootstrapSeed); d.N > 1 {
		row.Change = cell{points(d.Mean), bounds(d, points)}
	}
	return row
}

// cell is a measure of one policy; empty where it was not taken.
func (m measure) cell(r *t1.Result) cell {
	if r == nil || m.of(*r).N == 0 {
		return cell{}
	}
	if m.tokens {
		return cell{number(m.of(*r).Mean), bounds(m.of(*r), number)}
	}
	return cell{percent(m.of(*r).Mean), shareBounds(m.of(*r))}
}

// words shows a name as text: over_length is "over length".
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

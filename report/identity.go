package report

import (
	"fmt"
	"regexp"
	"strings"

	"t1"
)

// identity says which log this is, and how to check it.
type identity struct {
	Rows        []pair // of the log
	Environment []pair
	Command     string
}

type pair struct{ Name, Value string }

func newIdentity(in Input) identity {
	id := identity{Command: "t1 verify " + shellWord(in.Run)}
	if len(in.Records) == 0 {
		return id
	}
	first, last := in.Records[0], in.Records[len(in.Records)-1]
	id.Rows = []pair{
		{"Records", kinds(in.Records)},
		{"Chain", chain(in.Records)},
		{fmt.Sprintf("State after record %d", first.Seq), string(first.Result)},
		{fmt.Sprintf("State after record %d", last.Seq), string(last.Result)},
		{fmt.Sprintf("Policy after record %d", last.Seq), string(last.Policy)},
	}
	if last.Previous != "" {
		id.Rows = append(id.Rows, pair{fmt.Sprintf("SHA-256 of record %d", last.Seq-1), last.Previous})
	}
	for _, key := range sorted(last.Environment) {
		id.Environment = append(id.Environment, pair{words(key), visible(last.Environment[key])})
	}
	if n := environments(in.Records); n > 1 {
		id.Rows = append(id.Rows, pair{"Environments", fmt.Sprintf("%d different ones made this log; the newest is below. Across them replay compares within a tolerance.", n)})
	}
	return id
}

// kinds counts the records by kind.
func kinds(log []t1.Record) string {
	n := map[string]int{}
	for _, r := range log {
		n[r.Kind]++
	}
	parts := []string{}
	for _, kind := range sorted(n) {
		parts = append(parts, count(n[kind])+" "+visible(kind))
	}
	return count(len(log)) + " (" + strings.Join(parts, ", ") + ")"
}

// chain says whether each record starts where the one before it ended.
func chain(log []t1.Record) string {
	for i := 1; i < len(log); i++ {
		a, b := log[i-1], log[i]
		if b.Seq != a.Seq+1 || b.Parent != a.Result {
			return fmt.Sprintf("broken: record %d does not start from the state after record %d", b.Seq, a.Seq)
		}
	}
	return "unbroken: each record starts from the state the one before it ended in"
}

func environments(log []t1.Record) int {
	seen := map[string]bool{}
	for _, r := range log {
		seen[fmt.Sprint(r.Environment)] = true // maps print in key order
	}
	return len(seen)
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+-]+$`)

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(visible(s), "'", `'\''`) + "'"
}

package report

import (
	"t1"
)

// logTable is the updates' metrics as numbers, for who wants to read or copy them.
type logTable struct {
	Columns []string
	Rows    [][]string
	Note    string
}

// mostRows is how many updates the table shows at most.
const mostRows = 200

func newLogTable(in Input) logTable {
	var updates []t1.Record
	seen := map[string]bool{}
	for _, r := range in.Records {
		if r.Update != nil {
			updates = append(updates, r)
			for key := range r.Metrics {
				seen[key] = true
			}
		}
	}
	t := logTable{Columns: append([]string{"iteration"}, sorted(seen)...)}
	every := (len(updates) + mostRows - 1) / mostRows
	if every > 1 {
		t.Note = "Every " + count(every) + "th iteration and the last one; the log holds them all."
	}
	for i, r := range updates {
		if i%max(1, every) == 0 || i == len(updates)-1 {
			t.Rows = append(t.Rows, logRow(r, t.Columns))
		}
	}
	return t
}

func logRow(r t1.Record, columns []string) []string {
	row := []string{count(r.Update.Iteration)}
	for _, key := range columns[1:] {
		text := "–"
		if v, ok := r.Metrics[key]; ok {
			text = number(v)
		}
		row = append(row, text)
	}
	return row
}

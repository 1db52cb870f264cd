package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"t1"
	"t1/lineage"
)

// graphLine is one run as `t1 log --graph --json` prints it.
type graphLine struct {
	Run     string   `json:"run"`
	Parent  string   `json:"parent"`  // run whose records its log begins with; empty: its own
	At      int      `json:"at"`      // last record shared; -1 where none is
	Records int      `json:"records"` // in its log, shared ones included
	Set     []string `json:"set"`     // settings that differ from the parent's, "path=value"
}

// graph prints the tree of all runs, or of those that hang together with one.
func (t *tool) graph(ctx context.Context, run string, asJSON bool) error {
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	below, err := t.family(ctx, store)
	if err != nil {
		return err
	}
	root := ""
	if run != "" {
		line, err := lineage.Read(ctx, store, run)
		if err != nil {
			return err
		}
		runs := line.Runs()
		root = runs[len(runs)-1]
	}
	found := false
	for _, line := range below[""] {
		if root != "" && line.Run != root {
			continue
		}
		found = true
		if err := t.printBranch(below, line, "", "", asJSON); err != nil {
			return err
		}
	}
	if !found && root != "" {
		return t1.Errorf(t1.KindNotFound, "there is no run %s in the store", run).WithHint("t1 list")
	}
	return nil
}

// family lists the runs of the store by their parent; those without one are
// below the empty name, and so are those whose parent is gone.
func (t *tool) family(ctx context.Context, store t1.Store) (map[string][]graphLine, error) {
	runs, err := runNames(ctx, store)
	if err != nil {
		return nil, err
	}
	below := map[string][]graphLine{}
	for _, run := range runs {
		line, err := graphLineOf(ctx, store, run)
		if err != nil {
			return nil, err
		}
		parent := line.Parent
		if !slices.Contains(runs, parent) {
			parent = ""
		}
		below[parent] = append(below[parent], line)
	}
	for _, lines := range below {
		slices.SortStableFunc(lines, func(a, b graphLine) int { return a.At - b.At })
	}
	return below, nil
}

func graphLineOf(ctx context.Context, store t1.Store, run string) (graphLine, error) {
	line := graphLine{Run: run, At: -1, Set: []string{}}
	listed, err := listed(ctx, store, run)
	if err != nil {
		return line, err
	}
	line.Records = listed.Records
	fork, forked, err := lineage.ForkOf(ctx, store, run)
	if err != nil || !forked {
		return line, err
	}
	line.Parent, line.At = fork.Run, fork.At
	for _, path := range slices.Sorted(maps.Keys(fork.Set)) {
		line.Set = append(line.Set, path+"="+string(fork.Set[path]))
	}
	return line, nil
}

// printBranch prints a run and, indented, its forks.
func (t *tool) printBranch(below map[string][]graphLine, line graphLine, first, rest string, asJSON bool) error {
	var err error
	switch {
	case asJSON:
		err = printJSON(t.out, line)
	case line.Parent == "":
		_, err = fmt.Fprintf(t.out, "%s%s  records 0 to %d\n", first, line.Run, line.Records-1)
	default:
		text := fmt.Sprintf("%s%s  from record %d, to %d  %s", first, line.Run, line.At, line.Records-1, strings.Join(line.Set, " "))
		_, err = fmt.Fprintln(t.out, strings.TrimRight(text, " "))
	}
	forks := below[line.Run]
	for i, fork := range forks {
		if err != nil {
			break
		}
		branch, trunk := "├─ ", "│  "
		if i == len(forks)-1 {
			branch, trunk = "└─ ", "   "
		}
		err = t.printBranch(below, fork, rest+branch, rest+trunk, asJSON)
	}
	return err
}

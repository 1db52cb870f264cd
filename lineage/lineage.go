// Package lineage says which run made each record of a log. A run's log may
// begin with another's records, and that one's with a third's: a fork shares
// them where they are, and nothing is copied.
package lineage

import (
	"context"
	"encoding/json"
	"io"
	"math"

	"t1"
)

// Line is a run and those whose records its log begins with, the run itself
// first, the one that made record 0 last.
type Line []Part

// Part is one run of a line.
type Part struct {
	Run  string
	Last int // newest record that the log may take from it; of the run itself math.MaxInt
}

// deepest bounds a line: forks of forks in a store that is whole end long before.
const deepest = 1000

// Read follows the fork files of a run. A run without one, or that is not there,
// is a line of its own. A fork file that is no such thing is KindCorrupt.
func Read(ctx context.Context, store t1.Store, run string) (Line, error) {
	line := Line{{run, math.MaxInt}}
	for len(line) < deepest {
		newest := line[len(line)-1]
		fork, forked, err := ForkOf(ctx, store, newest.Run)
		if err != nil || !forked {
			return line, err
		}
		line = append(line, Part{fork.Run, min(newest.Last, fork.At)})
	}
	return nil, t1.Errorf(t1.KindCorrupt, "run %s is a fork of a fork, %d times over: its fork files go round", run, deepest)
}

// ForkOf reads a run's fork file; forked is false where there is none.
func ForkOf(ctx context.Context, store t1.Store, run string) (fork t1.Fork, forked bool, err error) {
	key := t1.ForkKey(run)
	r, err := store.OpenRange(ctx, key, 0, -1)
	if t1.KindOf(err) == t1.KindNotFound {
		return fork, false, nil
	}
	if err != nil {
		return fork, false, err
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	if err != nil {
		return fork, false, err
	}
	err = json.Unmarshal(data, &fork)
	switch {
	case err != nil || fork.Run == "" || fork.At < 0:
		return fork, false, t1.Errorf(t1.KindCorrupt, "%s says of which run it is a fork no more", key).WithHint("put the object back")
	case fork.Schema != 1:
		return fork, false, t1.Errorf(t1.KindInvalid, "%s has schema %d, this t1 reads schema 1", key, fork.Schema).WithHint("use the t1 release that wrote the run")
	}
	return fork, true, nil
}

// Shared is how many records of the log other runs made: 0 for a run that is no fork.
func (l Line) Shared() int {
	if len(l) < 2 {
		return 0
	}
	return l[1].Last + 1
}

// Holders are the runs that may keep what belongs to record seq, such as a
// snapshot after it: the run itself first, the one that made the record last.
func (l Line) Holders(seq int) []string {
	var runs []string
	for _, part := range l {
		if seq <= part.Last {
			runs = append(runs, part.Run)
		}
	}
	return runs
}

// Owner is the run that made record seq, or will.
func (l Line) Owner(seq int) string {
	holders := l.Holders(seq)
	return holders[len(holders)-1]
}

// Runs are all runs of the line, the run itself first.
func (l Line) Runs() []string { return l.Holders(0) }

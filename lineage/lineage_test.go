package lineage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"t1"
	"t1/infra/dir"
)

func storeOf(t *testing.T, forks map[string]string) t1.Store {
	t.Helper()
	store, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for run, text := range forks {
		if _, err := store.Create(context.Background(), t1.ForkKey(run), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func fork(run string, at int) string {
	return fmt.Sprintf(`{"schema": 1, "run": %q, "at": %d}`, run, at)
}

func TestLine(t *testing.T) {
	store := storeOf(t, map[string]string{"b": fork("a", 5), "later": fork("b", 9), "earlier": fork("b", 3)})
	for run, want := range map[string]struct {
		shared int
		owners [12]string // of records 0 to 11
	}{
		"a":       {0, [12]string{"a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a"}},
		"b":       {6, [12]string{"a", "a", "a", "a", "a", "a", "b", "b", "b", "b", "b", "b"}},
		"later":   {10, [12]string{"a", "a", "a", "a", "a", "a", "b", "b", "b", "b", "later", "later"}},
		"earlier": {4, [12]string{"a", "a", "a", "a", "earlier", "earlier", "earlier", "earlier", "earlier", "earlier", "earlier", "earlier"}},
	} {
		line, err := Read(context.Background(), store, run)
		if err != nil || line.Shared() != want.shared {
			t.Errorf("%s shares %d records, %v; want %d", run, line.Shared(), err, want.shared)
		}
		for seq, owner := range want.owners {
			if got := line.Owner(seq); got != owner {
				t.Errorf("record %d of %s is of run %s, want %s", seq, run, got, owner)
			}
		}
	}
	line, err := Read(context.Background(), store, "later")
	if got := line.Holders(4); err != nil || !slices.Equal(got, []string{"later", "b", "a"}) {
		t.Errorf("what belongs to record 4 is looked for at %v, %v", got, err)
	}
}

func TestForkFilesThatAreNone(t *testing.T) {
	store := storeOf(t, map[string]string{"torn": `{"schema": 1, "ru`, "empty": `{}`, "newer": `{"schema": 2, "run": "a"}`, "round": fork("trip", 3), "trip": fork("round", 3)})
	for run, want := range map[string]t1.Kind{"torn": t1.KindCorrupt, "empty": t1.KindCorrupt, "newer": t1.KindInvalid, "round": t1.KindCorrupt} {
		if _, err := Read(context.Background(), store, run); t1.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", run, err, want)
		}
	}
}

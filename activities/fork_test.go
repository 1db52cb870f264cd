package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"t1"
	"t1/lineage"
)

// forkOf makes a run that shares records 0 to at of another, as Train does.
func forkOf(t *testing.T, h *Host, run, parent string, at int, set string) *short {
	t.Helper()
	ctx := context.Background()
	if set == "" {
		set = "{}"
	}
	given := fmt.Sprintf(`{"fork": {"run": %q, "at": %d, "set": %s}}`, parent, at, set)
	out, err := h.fork(ctx, t1.ForkInput{Run: run, Given: json.RawMessage(given)})
	if err != nil {
		t.Fatal(err)
	}
	if out.FineTuned != "" {
		if _, err := h.adopt(ctx, t1.AdoptInput{Run: run, Seq: at, State: out.Step.State, Policy: out.Step.Policy}, unheard); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.snapshot(ctx, t1.SnapshotInput{Run: run, Seq: at, State: out.Step.State}, unheard); err != nil {
		t.Fatal(err)
	}
	return &short{Host: h, t: t, run: run, head: out.Step, pool: out.PoolSize}
}

func states(t *testing.T, h *Host, run string) []t1.Digest {
	t.Helper()
	log, err := ReadLog(context.Background(), h.Store, run)
	if err != nil {
		t.Fatal(err)
	}
	var all []t1.Digest
	for _, record := range log {
		all = append(all, record.Result)
	}
	return all
}

// complete drives what is left of a run, with 3 iterations in all.
func (s *short) complete() {
	s.t.Helper()
	for s.head.Seq < 2 {
		s.head = s.fineTune(2 * s.head.Seq)
	}
	if s.pool == 0 {
		s.choosePool()
	}
	for n := s.head.Seq - 1; n <= 3; n++ {
		s.iterate(n)
	}
}

// strip does to a run what a collection may do at worst: every snapshot and
// every policy is gone but those of its newest record.
func strip(t *testing.T, h *Host, s *short) {
	t.Helper()
	ctx := context.Background()
	if _, err := h.snapshot(ctx, t1.SnapshotInput{Run: s.run, Seq: s.head.Seq, State: s.head.State}, unheard); err != nil {
		t.Fatal(err)
	}
	if _, err := h.collect(ctx, t1.CollectInput{Run: s.run, Seq: s.head.Seq, Newest: 1}, unheard); err != nil {
		t.Fatal(err)
	}
	for seq := range s.head.Seq {
		if _, err := h.Store.Head(ctx, t1.SnapshotKey(s.run, seq)+"/"+t1.ManifestName); t1.KindOf(err) != t1.KindNotFound {
			t.Fatalf("the collection left the snapshot after record %d: %v", seq, err)
		}
	}
}

// A fork makes the states of the run it shares records with, wherever it
// begins, whatever that run has collected before or collects afterwards.
func TestAForkMakesTheSameStates(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	base := begin(t, h, "base")
	base.choosePool()
	for n := 1; n <= 3; n++ {
		base.iterate(n)
	}
	want := states(t, h, "base")
	early := forkOf(t, h, "early", "base", 3, "") // before the collection
	strip(t, h, base)
	for at := range want {
		run := fmt.Sprintf("at-%d", at)
		fork := forkOf(t, h, run, "base", at, "") // the engine holds the last state: it must go back
		fork.complete()
		if got := states(t, h, run); !slices.Equal(got, want) {
			t.Errorf("forked at %d:\n%v\nwant\n%v", at, got, want)
		}
	}
	h.Engine.Kill()
	early.complete()
	if got := states(t, h, "early"); !slices.Equal(got, want) {
		t.Errorf("forked before the collection:\n%v\nwant\n%v", got, want)
	}

	// A fork of the fork shares what the fork shares, and where it begins the
	// nearest snapshot is its parent's.
	second := forkOf(t, h, "second", "at-2", 4, `{"rl.beta": 0.5}`)
	second.complete()
	line, err := lineage.Read(ctx, h.Store, "second")
	if err != nil || !slices.Equal(line.Runs(), []string{"second", "at-2", "base"}) || line.Owner(2) != "base" || line.Owner(4) != "at-2" || line.Owner(5) != "second" {
		t.Errorf("the line of a fork of a fork: %v, %v", line, err)
	}
	verified := 0
	if err := Verify(ctx, h, "second", 0, -1, func(Verified) { verified++ }); err != nil || verified != 6 {
		t.Errorf("verified %d records, %v; want 6", verified, err)
	}
	if explained, err := Explain(ctx, h.Store, "second", 1); err != nil || len(explained) != 16 {
		t.Errorf("explain of a shared iteration: %d rollouts, %v", len(explained), err)
	}
}

// The snapshot after a run's own fine-tuning outlives its collections, so that a
// fork from there replays nothing; a fork keeps no second copy of it.
func TestAForkAfterFineTuningReplaysNothing(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	base := begin(t, h, "base")
	tuned := base.head
	snapshots := func(s *short) (left []int) {
		if _, err := h.snapshot(ctx, t1.SnapshotInput{Run: s.run, Seq: s.head.Seq, State: s.head.State}, unheard); err != nil {
			t.Fatal(err)
		}
		if _, err := h.collect(ctx, t1.CollectInput{Run: s.run, Seq: s.head.Seq, Newest: 1}, unheard); err != nil {
			t.Fatal(err)
		}
		for seq := range s.head.Seq + 1 {
			if _, err := h.Store.Head(ctx, t1.SnapshotKey(s.run, seq)+"/"+t1.ManifestName); err == nil {
				left = append(left, seq)
			}
		}
		return left
	}
	snapshots(base)
	base.choosePool()
	base.iterate(1)
	snapshots(base)
	base.iterate(2)
	if got, want := snapshots(base), []int{tuned.Seq, base.head.Seq}; !slices.Equal(got, want) {
		t.Errorf("the run keeps snapshots %v, want %v", got, want)
	}
	given := fmt.Sprintf(`{"fork": {"run": "base", "at": %d, "set": {}}}`, tuned.Seq)
	if _, err := h.fork(ctx, t1.ForkInput{Run: "fork", Given: json.RawMessage(given)}); err != nil {
		t.Fatal(err)
	}
	adopted, err := h.adopt(ctx, t1.AdoptInput{Run: "fork", Seq: tuned.Seq, State: tuned.State, Policy: tuned.Policy}, unheard)
	if err != nil || adopted.Found || adopted.Replayed != 0 {
		t.Errorf("adopted %+v, %v", adopted, err)
	}
	fork := forkOf(t, h, "fork", "base", tuned.Seq, "")
	fork.iterate(1)
	if got, want := snapshots(fork), []int{fork.head.Seq}; !slices.Equal(got, want) {
		t.Errorf("the fork keeps snapshots %v, want %v", got, want)
	}
}

// With another K what is shared stays, and everything after differs.
func TestAForkWithAnotherK(t *testing.T) {
	h := newHost(t)
	base := begin(t, h, "base")
	base.choosePool()
	base.iterate(1)
	base.iterate(2)
	fork := forkOf(t, h, "k2", "base", 3, `{"rl.k": 2}`)
	spec, err := h.spec(context.Background(), "k2")
	if err != nil || spec.RL.K != 2 {
		t.Fatalf("the fork's K is %d, %v", spec.RL.K, err)
	}
	fork.k = spec.RL.K
	fork.iterate(2)
	got, want := states(t, h, "k2"), states(t, h, "base")
	if !slices.Equal(got[:4], want[:4]) || got[4] == want[4] || len(got) != 5 {
		t.Errorf("got  %v\nbase %v", got, want)
	}
	var rows int
	log, err := ReadLog(context.Background(), h.Store, "k2")
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range log[4].Update.Rollouts {
		rollouts, err := ReadRows[t1.Rollout](context.Background(), h.Store, ref)
		if err != nil {
			t.Fatal(err)
		}
		rows += len(rollouts)
	}
	if rows != 4*2 {
		t.Errorf("%d rollouts, want 4 prompts times 2", rows)
	}
}

func TestForksThatCannotBe(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	base := begin(t, h, "base")
	base.choosePool()
	base.iterate(1)
	if _, err := h.fork(ctx, t1.ForkInput{Run: "there", Given: json.RawMessage(`{"fork": {"run": "base", "at": 2}}`)}); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]struct {
		run  string
		kind t1.Kind
		text string
	}{
		`{"run": "base", "at": 4}`:                                  {"new", t1.KindNotFound, "run base has no record 4: its records are 0 to 3"},
		`{"run": "base", "at": -1}`:                                 {"new", t1.KindInvalid, "records count from 0"},
		`{"run": "bass", "at": 1}`:                                  {"new", t1.KindNotFound, "there is no run bass with records to share"},
		`{"run": "base", "at": 2 }`:                                 {"base", t1.KindConflict, "run base exists: one that began with its own records"},
		`{"run": "base", "at": 3}`:                                  {"there", t1.KindConflict, "run there exists: a fork of run base at record 2"},
		`{"run": "base", "at": 2, "set": {"rl.k": 8}}`:              {"there", t1.KindConflict, "run there exists: a fork of run base at record 2, or with other settings"},
		`{"run": "base", "at": 2, "set": {"rl.kk": 8}}`:             {"new", t1.KindInvalid, "rl.kk: got an unknown key"},
		`{"run": "base", "at": 2, "set": {"rl.k": 1, "seed": "x"}}`: {"new", t1.KindInvalid, "seed: got \"x\", want a whole number of at least 0\nrl.k: got 1"},
		`{"run": "base", "at": 2, "set": {"sft.epochs": 2}}`:        {"new", t1.KindInvalid, "sft.epochs: got 2, want 1, as in run base: the supervised initialisation is over at record 2"},
		`{"run": "base", "at": 2, "set": {"rl.prompts": 32}}`:       {"new", t1.KindInvalid, "rl.prompts: got 32, want at most 20, the problems of the shared pool"},
	} {
		before := keys(t, h)
		_, err := h.fork(ctx, t1.ForkInput{Run: want.run, Given: json.RawMessage(`{"fork": ` + given + `}`)})
		if t1.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.text) || t1.HintOf(err) == "" && want.kind != t1.KindInvalid {
			t.Errorf("%s as %s: %v (%s), want %q", given, want.run, err, t1.HintOf(err), want.text)
		}
		if !reflect.DeepEqual(before, keys(t, h)) {
			t.Errorf("%s left something behind", given)
		}
	}
	// The same again is the same; and no spec takes over a fork's name.
	if _, err := h.fork(ctx, t1.ForkInput{Run: "there", Given: json.RawMessage(`{"fork": {"run": "base", "at": 2}}`)}); err != nil {
		t.Errorf("the same fork again: %v", err)
	}
	if _, err := h.resolveSpec(ctx, t1.ResolveInput{Run: "there", Spec: json.RawMessage(tinySpec)}); t1.KindOf(err) != t1.KindConflict {
		t.Errorf("a spec under the name of a fork: %v", err)
	}
	// A record that is not the one shared is found.
	damage(t, h, t1.RecordKey("base", 2))
	if _, err := ReadLog(ctx, h.Store, "there"); t1.KindOf(err) != t1.KindCorrupt {
		t.Errorf("a shared record with other bytes: %v", err)
	}
}

func keys(t *testing.T, h *Host) []string {
	t.Helper()
	all := map[string]bool{}
	for ref, err := range h.Store.List(context.Background(), "runs/") {
		if err != nil {
			t.Fatal(err)
		}
		all[ref.Key] = true
	}
	return slices.Sorted(maps.Keys(all))
}

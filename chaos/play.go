package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"t1"
)

// Outcome is what came of one run.
type Outcome struct {
	Run     string
	Hits    []Hit
	Took    time.Duration
	Parked  []t1.Parked     // each time, in order
	Idle    []time.Duration // after each hit, until the run had sampled or learnt something again; 0: nothing came
	Wrong   []string        // what does not hold; empty: all of it holds
	State   t1.Digest
	Records []t1.Record
}

// limit is how long a run may take.
const limit = 6 * time.Minute

// Calm runs the spec with nothing done to it.
func (w *World) Calm(ctx context.Context, run string) (Outcome, error) {
	return w.play(ctx, newPlan(run, nil), Row{}, run)
}

// Play runs the spec with a row's fault at each of its phases, and compares it
// with a run that nobody disturbed.
func (w *World) Play(ctx context.Context, row Row, run string, calm Outcome) (Outcome, error) {
	phases := row.Phases
	if phases == nil {
		phases = Phases()
	}
	p := newPlan(run, phases)
	p.deaf, p.harm, p.lasts = row.Deaf, row.Harm, row.Lasts
	p.strike = func(phase, key string) error { return row.Strike(w, run, phase, key) }
	out, err := w.play(ctx, p, row, run)
	if err != nil {
		return out, err
	}
	for _, phase := range p.due {
		out.wrong("%s: it never came", phase.Name)
	}
	out.compare(calm)
	out.Wrong = append(out.Wrong, w.sampledTwice(run)...)
	return out, nil
}

func (w *World) play(ctx context.Context, p *plan, row Row, run string) (Outcome, error) {
	w.Proxy.Use(p.hook)
	defer w.Proxy.Use(nil)
	began := time.Now()
	if _, err := w.Do("train", w.Spec, "--run", run); err != nil {
		return Outcome{}, err
	}
	out := Outcome{Run: run}
	var failed error
	err := until(ctx, limit, "end of run "+run, func() bool {
		s, ok := w.Status(run)
		if ok && s.Parked != nil {
			failed = w.goOn(&out, row, run, *s.Parked)
		}
		return failed != nil || ok && (s.Phase == t1.PhaseDone || s.Phase == t1.PhaseStopped)
	})
	if err != nil || failed != nil {
		s, _ := w.Status(run)
		return out, fmt.Errorf("run %s: %w (phase %s, %s, after %+v)", run, cmp.Or(failed, err), s.Phase, s.Step, p.hits)
	}
	out.Took, out.Hits = time.Since(began), p.hits
	if out.Records, err = w.records(run); err != nil {
		return out, err
	}
	out.State = out.Records[len(out.Records)-1].Result
	out.Idle = w.idle(run, out.Hits)
	for _, hit := range out.Hits {
		if hit.Err != nil {
			out.wrong("%s: %v", hit.Phase, hit.Err)
		}
	}
	return out, nil
}

// goOn does what a person would with a parked run.
func (w *World) goOn(out *Outcome, row Row, run string, parked t1.Parked) error {
	if !row.Parks {
		out.wrong("parked: %s: %s", parked.Step, parked.Reason)
	}
	if row.Names && !strings.Contains(parked.Reason, w.object(run)) {
		out.wrong("the reason does not name the object: %s", parked.Reason)
	}
	out.Parked = append(out.Parked, parked)
	time.Sleep(row.Lasts)
	if row.Undo != nil {
		if err := row.Undo(w, run); err != nil {
			return err
		}
	}
	_, err := w.Do("resolve", run, "retry")
	return err
}

// object is what a message must name: the damaged one, or one of the run's.
func (w *World) object(run string) string {
	if key, err := filepath.Rel(filepath.Join(w.disk, bucket), w.damaged); err == nil && w.damaged != "" {
		return filepath.ToSlash(key)
	}
	return t1.RunKey(run) + "/"
}

func (o *Outcome) wrong(format string, args ...any) {
	o.Wrong = append(o.Wrong, fmt.Sprintf(format, args...))
}

// records reads a run's log where the server keeps it.
func (w *World) records(run string) ([]t1.Record, error) {
	paths, err := filepath.Glob(filepath.Join(w.disk, bucket, t1.LogKey(run), "*.json"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("run %s has no log: %w", run, err)
	}
	slices.Sort(paths)
	var records []t1.Record
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var r t1.Record
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		records = append(records, nameless(r))
	}
	return records, nil
}

// nameless is a record without what the run's name gets into.
func nameless(r t1.Record) t1.Record {
	r.Run, r.Previous = "", ""
	if r.Update != nil {
		u := *r.Update
		u.Rollouts = slices.Clone(u.Rollouts)
		for i := range u.Rollouts {
			u.Rollouts[i].Key = ""
		}
		u.Scores.Key, u.Advantages.Key = "", ""
		r.Update = &u
	}
	return r
}

// compare looks whether the run's log is the undisturbed one's: the same states,
// learnt from the same bytes, which is to say that nothing was lost or used twice.
func (o *Outcome) compare(calm Outcome) {
	if len(o.Records) != len(calm.Records) {
		o.wrong("%d records; %d without the fault", len(o.Records), len(calm.Records))
	}
	for i := range min(len(o.Records), len(calm.Records)) {
		if !reflect.DeepEqual(o.Records[i], calm.Records[i]) {
			o.wrong("record %d differs: state %.12s; %.12s without the fault", i, o.Records[i].Result, calm.Records[i].Result)
			return
		}
	}
}

// sampledTwice looks for blocks that somebody made again though they were complete.
func (w *World) sampledTwice(run string) []string {
	complete, found := map[string]string{}, []string{} // by key, the call that made it
	for _, r := range w.Proxy.Passed(t1.RunKey(run) + "/rollouts/") {
		if r.Method != http.MethodPut || r.Create == "" {
			continue
		}
		if before, is := complete[r.Key]; is && before != r.Create {
			found = append(found, "sampled again: "+r.Key)
		}
		if r.Status/100 == 2 {
			complete[r.Key] = r.Create
		}
	}
	return found
}

// work is an object of a run that nothing but its engine's work makes.
var work = regexp.MustCompile(`^runs/[^/]+/(rollouts|advantages|eval)/.*\.parquet$`)

// idle measures how long after each hit the run had done something again.
func (w *World) idle(run string, hits []Hit) []time.Duration {
	passed := w.Proxy.Passed(t1.RunKey(run) + "/")
	idle := make([]time.Duration, len(hits))
	for i, hit := range hits {
		for _, r := range passed {
			if r.Method == http.MethodPut && r.Status/100 == 2 && r.At.After(hit.At) && work.MatchString(r.Key) && r.Key != hit.Key {
				idle[i] = r.At.Sub(hit.At)
				break
			}
		}
	}
	return idle
}

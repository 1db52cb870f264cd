package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"t1"
	"t1/ablation"
)

// A study of two seeds and two ablations, ended in the middle and started again.
func TestAblate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	study := filepath.Join(w.home, "mini.yaml")
	text := fmt.Sprintf(`spec: %s
set: {rl.iterations: 2, evaluation.at: [1], evaluation.scaling.fractions: 0, evaluation.scaling.caps: [], rl.beta: 0.5}
seeds: [3, 4]
ablations:
  - {name: k2, set: {rl.k: 2}}
  - {name: plain-kl, set: {rl.plain_kl: true}}
`, relative(t, w.home, tiny(t)))
	if err := os.WriteFile(study, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"ablate", study, "--temporal-port", w.port, "--ui-port", w.ui}
	first := w.start(args...)
	w.until("mini-s3-k2", "first record", func(s t1.Status) bool { return s.Seq >= 0 })
	w.end(first)
	if said, err := os.ReadFile(filepath.Join(w.home, "ablate.out")); err != nil || !strings.Contains(string(said), "stopped; nothing is lost") {
		t.Errorf("ended: %s, %v", said, err)
	}
	w.run("t1", args...)

	var table ablation.Table
	data, err := os.ReadFile(filepath.Join(w.home, "ablations.json"))
	if err != nil || json.Unmarshal(data, &table) != nil {
		t.Fatalf("%s, %v", data, err)
	}
	if len(table.Rows) != 3 || table.Iterations != 2 || table.Problems != 8 {
		t.Fatalf("table: %+v", table)
	}
	for i, name := range []string{"base", "k2", "plain-kl"} {
		row := table.Rows[i]
		if row.Name != name || len(row.Runs) != 2 || row.Runs[1].Seed != 4 || row.Tokens == 0 || i > 0 && (row.GainProblems.N != 16 || row.GainSeeds.N != 2) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	if table.Rows[1].Tokens >= table.Rows[0].Tokens {
		t.Errorf("K 2 was trained on %g tokens, K 4 on %g", table.Rows[1].Tokens, table.Rows[0].Tokens)
	}
	// Each ablation did something, after the record that all share.
	base := w.logged("mini-s3")
	for _, run := range []string{"mini-s3-k2", "mini-s3-plain-kl"} {
		log := w.logged(run)
		if !equal(digests(log[:3]), digests(base[:3])) || log[2].Run != "mini-s3" || log[4].Result == base[4].Result {
			t.Errorf("%s:\n%v\nbase\n%v", run, digests(log), digests(base))
		}
	}
	// Once more, nothing is trained, and nothing started.
	began := time.Now()
	if out := w.run("t1", "ablate", study, "--output", "again"); !strings.Contains(out, "| plain-kl | `rl.plain_kl=true` |") || strings.Contains(out, "started") {
		t.Errorf("again, after %s: %s", time.Since(began), out)
	}
	if page, err := os.ReadFile(filepath.Join(w.home, "again.md")); err != nil || !strings.Contains(string(page), "# Ablations: mini") {
		t.Errorf("%s, %v", page, err)
	}
	if err := os.WriteFile(study, []byte(strings.Replace(text, "rl.k: 2", "rl.k: 3", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.refused("t1", "ablate", study)
}

func relative(t *testing.T, from, to string) string {
	t.Helper()
	path, err := filepath.Rel(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// The studies that we hand out can be run.
func TestStudies(t *testing.T) {
	t.Setenv("T1_HOME", t.TempDir())
	studies, err := filepath.Glob(filepath.Join(root(t), "examples", "ablations", "*.yaml"))
	if err != nil || len(studies) == 0 {
		t.Fatalf("no studies: %v", err)
	}
	for _, path := range studies {
		tool := &tool{}
		if err := tool.readSettings(); err != nil {
			t.Fatal(err)
		}
		a, err := tool.readStudy(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		runs := len(a.study.Seeds) * (1 + len(a.study.Ablations))
		if page, err := os.ReadFile(path); err != nil || !strings.Contains(string(page), fmt.Sprintf("all %d runs", runs)) {
			t.Errorf("%s does not say that it is %d runs", path, runs)
		}
	}
}

// Command t1chaos does harm to runs and prints what came of it, as the table of
// docs/results.md. `make chaos` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"t1/chaos"
)

func main() {
	var o options
	flag.StringVar(&o.t1, "t1", ".bin/t1", "binary of t1")
	flag.StringVar(&o.gateway, "gateway", ".bin/versitygw", "binary of the S3 server")
	flag.StringVar(&o.spec, "spec", "chaos/testdata/tiny.yaml", "spec of the runs")
	flag.StringVar(&o.rows, "rows", ".", "regular expression: which faults")
	flag.IntVar(&o.kills, "kills", 200, "kills at random moments; 0: none")
	flag.Uint64Var(&o.seed, "seed", 1, "of the random moments")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	held, err := o.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "t1chaos:", err)
	}
	if err != nil || !held {
		os.Exit(1)
	}
}

type options struct {
	t1, gateway, spec, rows string
	kills                   int
	seed                    uint64
}

// run prints the table, and reports whether everything held.
func (o options) run(ctx context.Context) (bool, error) {
	which, err := regexp.Compile(o.rows)
	if err != nil {
		return false, err
	}
	var one, roles []chaos.Row
	for _, row := range chaos.Rows() {
		switch {
		case !which.MatchString(row.Fault):
		case row.Roles:
			roles = append(roles, row)
		default:
			one = append(one, row)
		}
	}
	began, held := time.Now(), true
	var lines []chaos.Line
	var calm time.Duration
	for _, group := range []struct {
		rows  []chaos.Row
		roles bool
		kills int
	}{{one, false, o.kills}, {roles, true, 0}} {
		if len(group.rows) == 0 && group.kills == 0 {
			continue
		}
		more, took, err := o.play(ctx, group.rows, group.roles, group.kills)
		lines = append(lines, more...)
		if calm == 0 {
			calm = took
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "t1chaos:", err)
			held = false
		}
	}
	for _, line := range lines {
		held = held && line.Holds()
	}
	chaos.Write(os.Stdout, calm, lines)
	tell("%d faults in %.0f s", len(lines), time.Since(began).Seconds())
	return held, ctx.Err()
}

// play opens a world, and closes it: then nothing may be left of it.
func (o options) play(ctx context.Context, rows []chaos.Row, roles bool, kills int) (lines []chaos.Line, calmTook time.Duration, err error) {
	w, err := chaos.Open(ctx, chaos.Options{T1: absolute(o.t1), Gateway: absolute(o.gateway), Spec: absolute(o.spec), Roles: roles, Tell: tell})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, leaks(w), w.Close()) }()
	calm, err := w.Calm(ctx, "calm")
	if err != nil {
		return nil, 0, err
	}
	tell("undisturbed: %d records, %.0f s, ends in %.12s", len(calm.Records), calm.Took.Seconds(), calm.State)
	for i, row := range rows {
		out, err := w.Play(ctx, row, fmt.Sprintf("row-%d", i), calm)
		line := chaos.Line{Row: row, Outcome: out, Err: err}
		lines = append(lines, line)
		tell("%s: %d hits, %.0f s, parked %d times, holds: %t", row.Fault, len(out.Hits), out.Took.Seconds(), len(out.Parked), line.Holds())
		if ctx.Err() != nil {
			return lines, calm.Took, ctx.Err()
		}
	}
	if kills == 0 {
		return lines, calm.Took, nil
	}
	killing, err := w.Kill(ctx, kills, o.seed, calm)
	fmt.Printf("%d kills at random moments (seed %d) in %d runs: every digest equal: %t; until something was sampled or learnt again %.1f s in the median, %.1f s at worst.\n\n",
		killing.Kills, o.seed, killing.Runs, len(killing.Wrong) == 0, killing.Median().Seconds(), killing.Worst().Seconds())
	for _, wrong := range killing.Wrong {
		fmt.Println("-", wrong)
	}
	if err == nil && len(killing.Wrong) > 0 {
		err = fmt.Errorf("%d things went wrong at random kills", len(killing.Wrong))
	}
	return lines, calm.Took, err
}

// leaks is an error where a key is in a file.
func leaks(w *chaos.World) error {
	found, err := w.Leaks()
	if len(found) > 0 {
		return fmt.Errorf("the S3 server's secret is in %v", found)
	}
	return err
}

func tell(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

func absolute(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return whole
}

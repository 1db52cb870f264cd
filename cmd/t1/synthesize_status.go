package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"t1"
)

// querySynthesis asks a synthesis how it is.
func querySynthesis(ctx context.Context, c client.Client, name string) (t1.SynthesisStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var status t1.SynthesisStatus
	answer, err := c.QueryWorkflow(ctx, t1.SynthesisID(name), "", t1.QueryStatus)
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return status, t1.Errorf(t1.KindNotFound, "Temporal knows no synthesis %s", name).WithHint("t1 synthesize SPEC --name %s", name)
	}
	if err != nil {
		return status, translate(err)
	}
	return status, answer.Get(&status)
}

func (t *tool) printSynthesis(s t1.SynthesisStatus, asJSON bool) error {
	if asJSON {
		return printJSON(t.out, s)
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, name+"\t"+format+"\n", args...) // a tabwriter fails in Flush
	}
	row("synthesis", "%s", s.Name)
	row("phase", "%s", synthesisLine(s))
	row("kept", "%d", s.Kept)
	for _, reason := range slices.Sorted(maps.Keys(s.Rejected)) {
		row("rejected", "%d %s", s.Rejected[reason], reason)
	}
	row("spent", "%.4g, %d replies, %d tokens in, %d out", s.Spent.Cost, s.Spent.Calls, s.Spent.TokensIn, s.Spent.TokensOut)
	if s.Budget > 0 {
		row("budget", "%.4g", s.Budget)
	}
	if s.Result != nil {
		row("data set", "%s", describeMade(s))
		row("report", "%s", s.Result.Report.Key)
	}
	if s.Parked != nil {
		row("parked", "%s: %s", s.Parked.Step, s.Parked.Reason)
		row("next", "%s", s.Parked.Command)
	}
	return w.Flush()
}

// describeMade says what a synthesis has made.
func describeMade(s t1.SynthesisStatus) string {
	if s.Result.Version == 0 {
		return "none: no demonstration is kept"
	}
	compared := "no benchmark is stored to compare with"
	if len(s.Result.Against) > 0 {
		compared = "compared with " + strings.Join(s.Result.Against, ", ")
	}
	return fmt.Sprintf("%s, version %d: %d demonstrations, %s", s.Name, s.Result.Version, s.Result.Kept, compared)
}

// synthesisLine is a synthesis on one line.
func synthesisLine(s t1.SynthesisStatus) string {
	parts := []string{fmt.Sprintf("%s, %d of %d, %d kept, cost %.4g", s.Phase, s.Done, s.Total, s.Kept, s.Spent.Cost)}
	if s.SecondsLeft > 0 && s.Phase == t1.PhaseSynthesizing {
		left := time.Duration(s.SecondsLeft * float64(time.Second)).Round(time.Minute)
		parts = append(parts, "about "+max(left, time.Minute).String()+" left")
	}
	if s.Parked != nil {
		parts = append(parts, s.Parked.Reason+"\nTry: "+s.Parked.Command)
	}
	return strings.Join(parts, ", ")
}

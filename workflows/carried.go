package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"t1"
)

// carriedSchema is the version of Carried. Fields are only added; a change that
// an older worker would misread raises it.
const carriedSchema = 1

// keptEvaluations bounds what a run carries of its evaluations: the first, of
// the fine-tuned policy, and the newest. Every result stays in the store.
const keptEvaluations = 8

// Carried is a run's whole state over continue-as-new, and the position in the
// work: what Train does next follows from it alone. Users never write one.
type Carried struct {
	Schema          int       `json:"schema"` // 1
	Status          t1.Status `json:"status"`
	Spec            t1.Spec   `json:"spec"`      // resolved; Version 0 before that
	Steps           int       `json:"steps"`     // supervised steps in all; 0 before Prepare
	Trained         int       `json:"trained"`   // of them, done
	FineTuned       t1.Digest `json:"finetuned"` // the policy after the last supervised step; empty before that
	Drawn           Drawn     `json:"drawn"`
	Snapshot        int       `json:"snapshot"`  // record the newest snapshot holds; -1 before the first
	Collected       int       `json:"collected"` // snapshot after which garbage was last collected; -1 before the first
	Evaluated       int       `json:"evaluated"` // record evaluated last, or given up; -1 before the first
	Measured        int       `json:"measured"`  // evaluations done of those due at this record: the held-out problems, then suites
	SnapshotAsked   bool      `json:"snapshot_asked"`
	EvaluationAsked bool      `json:"evaluation_asked"`
	Skippable       bool      `json:"skippable"` // the step at hand may be skipped when it parks
}

// Drawn is how the newest iteration is sampled. A retry must not mix
// temperatures: blocks that exist are not sampled again.
type Drawn struct {
	Iteration   int     `json:"iteration"`
	Temperature float64 `json:"temperature"`
	Anew        bool    `json:"anew,omitempty"` // what there is of it goes first
}

// Outcome is the result of a finished run: a Status reduced to what lasts,
// under the same JSON keys.
type Outcome struct {
	Run         string                 `json:"run"`
	Phase       string                 `json:"phase"` // t1.PhaseDone or t1.PhaseStopped
	Seq         int                    `json:"seq"`
	State       t1.Digest              `json:"state"`
	Policy      t1.Digest              `json:"policy"`
	Iteration   int                    `json:"iteration"`
	Iterations  int                    `json:"iterations"`
	Evaluations []t1.EvaluationSummary `json:"evaluations"`
}

func newCarried(ctx workflow.Context) Carried {
	status := t1.Status{Run: workflow.GetInfo(ctx).WorkflowExecution.ID, Seq: -1, StartedAt: now(ctx)}
	return Carried{Schema: carriedSchema, Status: status, Snapshot: -1, Collected: -1, Evaluated: -1}
}

func (c *Carried) outcome() Outcome {
	s := c.Status
	return Outcome{s.Run, s.Phase, s.Seq, s.State, s.Policy, s.Iteration, s.Iterations, s.Evaluations}
}

// advance takes over a new record. Every so many of them ask for a snapshot.
func (c *Carried) advance(step t1.Step) {
	c.Status.Seq, c.Status.State, c.Status.Policy, c.Status.Metrics = step.Seq, step.State, step.Policy, step.Metrics
	if step.Seq > 0 && step.Seq%max(1, c.Spec.SnapshotEvery) == 0 {
		c.SnapshotAsked = true
	}
}

func (c *Carried) remember(e t1.EvaluationSummary) {
	c.Status.Evaluations = append(c.Status.Evaluations, e)
	if len(c.Status.Evaluations) > keptEvaluations {
		c.Status.Evaluations = slices.Delete(c.Status.Evaluations, 1, 2)
	}
}

// enter begins a phase, or goes back to it.
func (c *Carried) enter(ctx workflow.Context, phase string) {
	if c.Status.Phase != phase {
		c.Status.Phase, c.Status.PhaseAt = phase, now(ctx)
		c.Status.PhaseDone = map[string]int{t1.PhaseSFT: c.Trained, t1.PhaseRL: c.Status.Iteration}[phase]
	}
	workflow.SetCurrentDetails(ctx, c.details())
}

// doing says for a person what happens right now.
func (c *Carried) doing(ctx workflow.Context, step string) {
	c.Status.Step = step
	workflow.SetCurrentDetails(ctx, c.details())
}

// details is what the web UI shows of a run, in Markdown.
func (c *Carried) details() string {
	s := c.Status
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %d of %d: %s\n", s.Phase, s.Done, s.Total, s.Step)
	if s.Parked != nil {
		fmt.Fprintf(&b, "\n%s: %s\n\n    %s\n", s.Parked.Kind, s.Parked.Reason, s.Parked.Command)
	}
	fmt.Fprintf(&b, "\nrecord %d, state `%.12s`\n", s.Seq, s.State)
	for _, name := range []string{t1.MetricReward, t1.MetricAccuracy, t1.MetricLength, t1.MetricPenalized} {
		if value, ok := s.Metrics[name]; ok {
			fmt.Fprintf(&b, "- %s %.4g\n", name, value)
		}
	}
	return b.String()
}

func now(ctx workflow.Context) string { return workflow.Now(ctx).UTC().Format(time.RFC3339) }

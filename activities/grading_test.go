package activities

import (
	"context"
	"fmt"
	"os/exec"
	"reflect"
	"sync"
	"testing"
	"time"

	"t1"
	"t1/infra/program"
)

// moody gives what the response says: a verdict, or none in every way there is.
const moody = `
import json, sys, time
for line in sys.stdin:
    item = json.loads(line)
    word = item["response"].split()[0]
    if word == "hang":
        time.sleep(600)
    if word == "exit":
        sys.exit(3)
    if word == "talk":
        print("hello", flush=True)
        continue
    answer = "" if word == "none" else word
    print(json.dumps({"id": item["id"], "correct": answer == item["answer"], "answer": answer}), flush=True)
`

func moodyJudge(t *testing.T) judge {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	problems := map[string]t1.Problem{}
	for i := range 5 {
		id := fmt.Sprint(i)
		problems[id] = t1.Problem{ID: id, Prompt: "problem " + id, Answer: id}
	}
	return judge{problems: problems, program: program.Program{Command: []string{python, "-c", moody}, Limit: 2 * time.Second}}
}

func moodyRollouts() []t1.Rollout {
	var rollouts []t1.Rollout
	for i := range 20 {
		text := fmt.Sprint(i % 7) // some right, some wrong, in an order to keep
		switch i {
		case 8:
			text = "none"
		case 9:
			text = "talk"
		case 13:
			text = "exit"
		case 17:
			text = "hang"
		}
		rollouts = append(rollouts, t1.Rollout{Problem: fmt.Sprint(i % 5), Sample: int32(i / 5), Text: text, Finish: t1.FinishStop})
	}
	return rollouts
}

// However many grade at once, the verdicts and their order are the same, and why
// there is none is counted.
func TestGradingInParallel(t *testing.T) {
	j := moodyJudge(t)
	ctx := context.Background()
	var first []t1.Score
	for _, width := range []int{1, 2, 7, 50} {
		j.width = width
		var mu sync.Mutex
		var beats []int64
		scores, why, err := j.scores(ctx, moodyRollouts(), func(done, total, _ int64) {
			mu.Lock()
			defer mu.Unlock()
			if beats = append(beats, done); total != 20 {
				t.Errorf("a beat of %d", total)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = scores
		}
		if !reflect.DeepEqual(scores, first) {
			t.Errorf("%d at once: %+v\none by one: %+v", width, scores, first)
		}
		if len(beats) != 20 || beats[19] != 20 {
			t.Errorf("beats %v", beats)
		}
		for i, want := range map[int]string{0: "", 8: t1.ReasonNoAnswer, 9: t1.ReasonNoVerdict, 13: t1.ReasonCrashed, 17: t1.ReasonTimedOut} {
			if why[i] != want {
				t.Errorf("%d at once, response %d: %q, want %q", width, i, why[i], want)
			}
		}
		m := scoreMetrics(moodyRollouts(), scores, why)
		for _, reason := range t1.GraderReasons() {
			if m[t1.MetricGraderOf+reason] != 0.05 {
				t.Errorf("%s: %g of the rollouts, want 1 of 20", reason, m[t1.MetricGraderOf+reason])
			}
		}
	}
	if !first[1].Correct || first[7].Correct || first[7].Answer != "0" {
		t.Errorf("verdicts %+v", first)
	}
}

// A program that is broken is said to be so, and the other programs end.
func TestABrokenProgramEndsTheGrading(t *testing.T) {
	j := moodyJudge(t)
	j.program.Command = []string{"false"}
	for _, width := range []int{1, 4} {
		j.width = width
		if _, _, err := j.scores(context.Background(), moodyRollouts(), unheard); t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("%d at once: %v", width, err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(t1.Errorf(t1.KindPreempted, "stopping"))
	if _, _, err := moodyJudge(t).scores(ctx, moodyRollouts(), unheard); t1.KindOf(err) != t1.KindPreempted {
		t.Errorf("after the end: %v", err)
	}
}

// The reasons of an evaluation's samples are in its result.
func TestReasonsOfAnEvaluation(t *testing.T) {
	rows := []t1.Evaluated{
		{Rollout: t1.Rollout{Problem: "a"}, Mode: modeGreedy, Reason: t1.ReasonCrashed},
		{Rollout: t1.Rollout{Problem: "a"}, Mode: modeSample, Reason: t1.ReasonNoAnswer},
		{Rollout: t1.Rollout{Problem: "a", Sample: 1}, Mode: modeSample, Correct: true, Answer: "1"},
	}
	result := resultOf(t1.EvaluateInput{Spec: t1.EvaluationSpec{Samples: 2}}, rows, nil)
	if r := result.Reasons; r[t1.ReasonNoAnswer].Mean != 0.5 || r[t1.ReasonCrashed].Mean != 0 || len(r) != len(t1.GraderReasons()) {
		t.Errorf("reasons %+v", r)
	}
}

package activities

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"t1"
	"t1/infra/program"
)

// mathVerify is the program that grades mathematics.
func mathVerify(t *testing.T) program.Program {
	t.Helper()
	python, err := filepath.Abs("../engine/.venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	return program.Program{Command: []string{python, "-m", "t1_engine.verify"}, Environment: []string{"PYTHONPATH=" + filepath.Join(filepath.Dir(python), "..", "..")}}
}

// What only math-verify knows to be right is right where the spec says math,
// wrong where it does not; its programs end with the problem.
func TestSynthesisOfMathematics(t *testing.T) {
	for _, c := range []struct {
		grader string
		right  bool
	}{{"math", true}, {"number", false}} {
		l := newLesson(t, 1, func(s *t1.SynthesisSpec) { s.Grader = c.grader })
		l.room.replies = func(step, _ string) (string, int) {
			if step == "ATTEMPT" {
				return `\boxed{2\sqrt{2}}`, http.StatusOK
			}
			return "", 0
		}
		l.host.Verifier = mathVerify(t)
		l.math = newVerifiers(l.host.Verifier)
		job, err := l.job(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		job.problems[0].Answer = `\sqrt{8}`
		l.must(0)
		attempts := l.outcome(0).Attempts
		if got := slices.IndexFunc(attempts, func(a t1.SynthesisAttempt) bool { return a.Correct }) >= 0; got != c.right {
			t.Errorf("%s: attempts %+v", c.grader, attempts)
		}
		if l.math.users != 0 || len(l.math.idle) != 0 {
			t.Errorf("%s: %d users, %d programs left", c.grader, l.math.users, len(l.math.idle))
		}
	}
}

// A grader that is broken rejects nothing: the problem is tried again.
func TestSynthesisWithABrokenGrader(t *testing.T) {
	l := newLesson(t, 1, func(s *t1.SynthesisSpec) { s.Grader = "math" })
	l.math = newVerifiers(program.Program{Command: []string{"false"}})
	if _, err := l.problem(0); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "grading program") {
		t.Errorf("got %v", err)
	}
	if _, err := readJSON[t1.SynthesisOutcome](t.Context(), l.store, t1.SynthesisOutcomeKey("s", "set/000")); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("an outcome was kept: %v", err)
	}
}

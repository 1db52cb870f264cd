package program

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"t1"
)

// mathVerify is the engine's grader of mathematics, as this checkout has it;
// `make setup` installs it.
func mathVerify(t *testing.T) Program {
	t.Helper()
	dir, err := filepath.Abs("../../engine")
	if err != nil {
		t.Fatal(err)
	}
	interpreter := filepath.Join(dir, ".venv", "bin", "python")
	if _, err := os.Stat(interpreter); err != nil {
		t.Fatalf("no engine environment: run `make setup` first (%v)", err)
	}
	return Program{
		Command: []string{interpreter, "-m", "t1_engine.verify"}, Environment: []string{"PYTHONPATH=" + dir, "PYTHONHASHSEED=0"},
		Limit: 5 * time.Second, Startup: 2 * time.Minute, Memory: 2 << 30,
	}
}

// A term that cannot be evaluated costs its own verdict only.
func TestMathVerify(t *testing.T) {
	g := begin(t, mathVerify(t))
	items := batch(`so \boxed{4.0}`, `\boxed{\sum_{k=1}^{10^8} \frac{1}{k}}`, `\boxed{100000000!}`, `\boxed{\frac{8}{2}}`, `\boxed{5}`)
	verdicts := grade(t, g, items)
	for i, want := range []Verdict{{Correct: true, Answer: "4"}, {}, {}, {Correct: true, Answer: "4"}, {Answer: "5"}} {
		got := verdicts[i]
		if got.Correct != want.Correct || got.Answer != want.Answer && want.Answer != "" {
			t.Errorf("%s: got %+v, want %+v", items[i].Response, got, want)
		}
		if hangs := want.Answer == ""; hangs != (got.Reason == TimedOut) {
			t.Errorf("%s: reason %q %s", items[i].Response, got.Reason, got.Detail)
		}
	}
}

func TestMathVerifyNotFound(t *testing.T) {
	p := mathVerify(t)
	p.Environment = nil // so that it is not found
	_, err := begin(t, p).Grade(t.Context(), batch("4"), nil)
	if t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("got %v", err)
	}
}

package countdown

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"t1"
)

func TestDemonstrations(t *testing.T) {
	for name, spec := range shapes {
		t.Run(name, func(t *testing.T) {
			task := newTask(t, spec)
			train, _ := makeProblems(t, task, 1)
			all := task.Demonstrations(1, train)
			if len(all) != spec.Traces {
				t.Fatalf("got %d demonstrations, want %d", len(all), spec.Traces)
			}
			for i, d := range all {
				if d.Problem != i%len(train) {
					t.Fatalf("demonstration %d is for problem %d", i, d.Problem)
				}
				whole := strings.TrimPrefix(d.Given+" "+d.Response, " ")
				if !task.Grade(train[d.Problem], whole).Correct {
					t.Fatalf("%s: %q is graded wrong", train[d.Problem].ID, whole)
				}
				if (d.Given != "") != (i%summaryEvery == 0) {
					t.Fatalf("demonstration %d is given %q", i, d.Given)
				}
				if d.Given == "" {
					checkDemonstration(t, task, train[d.Problem], d.Response)
				}
			}
		})
	}
}

// checkDemonstration checks that sums are right, that every attempt but a last,
// checked one misses, that none is made twice, and that patience ends at MaxTries.
func checkDemonstration(t *testing.T, task *Task, p t1.Problem, response string) {
	t.Helper()
	d, _ := read(p)
	missed, checked := attemptsOf(response)
	if tried := len(missed) + min(1, len(checked)); tried > task.spec.MaxTries {
		t.Fatalf("%q has %d attempts", response, tried)
	}
	seen := map[string]bool{checked: true}
	for i, steps := range missed {
		if seen[steps] {
			t.Fatalf("%q tries %q again", response, steps)
		}
		seen[steps] = true
		if reached := workThrough(t, steps, task.spec.MaxTarget); reached == d.Target {
			t.Fatalf("%q: attempt %d hits", response, i)
		}
	}
	if checked != "" && workThrough(t, checked, task.spec.MaxTarget) != d.Target {
		t.Fatalf("%q checks what does not hit", response)
	}
}

// attemptsOf cuts a response into the attempts that missed and the one that was
// checked; it is empty of an unverified answer.
func attemptsOf(response string) (missed []string, checked string) {
	thinking, _, _ := strings.Cut(" "+response, " "+Cue+" ")
	for _, part := range strings.Split(thinking, " try ")[1:] {
		if steps, verified, hit := strings.Cut(part, " yes check "); hit && verified == steps+" ok" {
			return missed, steps
		}
		missed = append(missed, strings.TrimSuffix(part, " no"))
	}
	return missed, ""
}

// workThrough redoes "5 + 8 = 13 + 1 = 14" and returns what it comes to.
func workThrough(t *testing.T, steps string, limit int) int {
	t.Helper()
	words := strings.Split(steps, " ")
	number := func(at int) int {
		n, err := strconv.Atoi(words[at])
		if err != nil {
			t.Fatalf("%q: %v", steps, err)
		}
		return n
	}
	at := number(0)
	for i := 1; i < len(words); i += 4 {
		result := apply(words[i][0], at, number(i+1))
		if words[i+2] != "=" || result != number(i+3) || result < 0 || result > limit {
			t.Fatalf("%q is wrong at word %d", steps, i)
		}
		at = result
	}
	return at
}

// A hasty hand answers at once, a patient one when it has found what hits or when
// MaxTries attempts have missed.
func TestShareOfTheHasty(t *testing.T) {
	task := newTask(t, t1.DefaultSpec().Task.Countdown)
	train, _ := makeProblems(t, task, 1)
	hasty, all := 0, 0
	for _, d := range task.Demonstrations(1, train) {
		if d.Given != "" {
			continue
		}
		all++
		missed, checked := attemptsOf(d.Response)
		if checked == "" && len(missed) == 0 {
			hasty++
		} else if checked == "" && len(missed) < task.spec.MaxTries {
			t.Fatalf("%q answers unverified after %d misses", d.Response, len(missed))
		}
	}
	if share := float64(hasty) / float64(all); share < task.spec.Hasty-0.02 || share > task.spec.Hasty+0.02 {
		t.Errorf("%.3f of the demonstrations answer at once, want %g", share, task.spec.Hasty)
	}
}

func TestDemonstrationsOfOtherProblems(t *testing.T) {
	task := newTask(t, shape(nil))
	foreign := []t1.Problem{{ID: "a", Data: "{}"}, {ID: "b", Data: `{"numbers":[1,1,1],"target":99}`}}
	if got := task.Demonstrations(1, foreign); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if got := task.Demonstrations(1, nil); len(got) != 0 {
		t.Errorf("no problems: got %v", got)
	}
}

// What seed 1 makes must never change: runs name their data by what it was made
// from. To accept another generator on purpose, delete the file and run again.
func TestGolden(t *testing.T) {
	var text strings.Builder
	for _, name := range []string{"default", "four numbers", "mixed"} {
		task := newTask(t, shapes[name])
		train, heldOut := makeProblems(t, task, 1)
		text.WriteString("# " + name + "\n")
		for _, p := range append(train[:4:4], heldOut[:4]...) {
			text.WriteString(strings.Join([]string{p.ID, p.Prompt, p.Answer, p.Data}, " | ") + "\n")
		}
		for _, d := range task.Demonstrations(1, train)[:6] {
			text.WriteString(strconv.Itoa(d.Problem) + " | " + d.Given + " | " + d.Response + "\n")
		}
	}
	path := filepath.Join("testdata", "seed1.txt")
	want, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("wrote %s anew; run again", path)
	} else if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

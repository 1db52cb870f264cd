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
				if !task.Grade(train[d.Problem], d.Response).Correct {
					t.Fatalf("%s: %q is graded wrong", train[d.Problem].ID, d.Response)
				}
				checkDemonstration(t, task, train[d.Problem], d.Response)
			}
		})
	}
}

// checkDemonstration checks that sums are right, wrong tries wrong, all
// different, and the right one checked and answered.
func checkDemonstration(t *testing.T, task *Task, p t1.Problem, response string) {
	t.Helper()
	d, _ := read(p)
	_, wrong := task.solve(p)
	thinking, _, _ := strings.Cut(response, " "+Cue+" ")
	attempts := strings.Split(strings.TrimPrefix(thinking, "try "), " try ")
	tries := len(attempts) - 1
	if tries < min(task.spec.MinTries, len(wrong)) || tries > task.spec.MaxTries {
		t.Fatalf("%q has %d wrong tries", response, tries)
	}
	seen := map[string]bool{}
	for i, attempt := range attempts {
		steps, verdict := strings.TrimSuffix(attempt, " no"), "no"
		if i == tries {
			steps, verdict, _ = strings.Cut(attempt, " yes check ")
			if verdict != steps+" ok" {
				t.Fatalf("%q checks %q", response, verdict)
			}
		}
		if seen[steps] {
			t.Fatalf("%q tries %q twice", response, steps)
		}
		seen[steps] = true
		if reached := workThrough(t, steps, task.spec.MaxTarget); (reached == d.Target) != (i == tries) {
			t.Fatalf("%q: attempt %d reaches %d", response, i, reached)
		}
	}
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

// Each number of wrong tries is about as frequent as the others.
func TestTriesAreUniform(t *testing.T) {
	task := newTask(t, t1.DefaultSpec().Task.Countdown)
	train, _ := makeProblems(t, task, 1)
	counts := make([]int, 8)
	for _, d := range task.Demonstrations(1, train) {
		counts[strings.Count(d.Response, " no")]++
	}
	for tries, count := range counts {
		if count < 1800 || count > 2200 {
			t.Errorf("%d wrong tries in %d of 16000 demonstrations, want about 2000", tries, count)
		}
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
			text.WriteString(strconv.Itoa(d.Problem) + " | " + d.Response + "\n")
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

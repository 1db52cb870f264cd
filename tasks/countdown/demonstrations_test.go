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

// checkDemonstration checks that sums are right, wrong attempts wrong, careful
// ones near the target and not made before, and the right one checked and answered.
func checkDemonstration(t *testing.T, task *Task, p t1.Problem, response string) {
	t.Helper()
	d, _ := read(p)
	thinking, _, _ := strings.Cut(response, " "+Cue+" ")
	attempts := attemptsOf(thinking)
	if missed := len(attempts) - 1; missed > task.spec.MaxTries {
		t.Fatalf("%q has %d wrong attempts", response, missed)
	}
	seen := map[string]bool{}
	for i, a := range attempts {
		last := i == len(attempts)-1
		steps := strings.TrimSuffix(a.text, " no")
		if last {
			var checked string
			steps, checked, _ = strings.Cut(a.text, " yes check ")
			if checked != steps+" ok" {
				t.Fatalf("%q checks %q", response, checked)
			}
		}
		if a.careful && seen[steps] {
			t.Fatalf("%q tries %q again", response, steps)
		}
		seen[steps] = true
		reached := workThrough(t, steps, task.spec.MaxTarget)
		if (reached == d.Target) != last {
			t.Fatalf("%q: attempt %d reaches %d", response, i, reached)
		}
		if a.careful && abs(reached-d.Target) > task.spec.Near {
			t.Fatalf("%q: careful attempt %d reaches %d", response, i, reached)
		}
	}
}

// told is an attempt as a demonstration tells it.
type told struct {
	careful bool
	text    string
}

// attemptsOf cuts thinking at the words that begin an attempt.
func attemptsOf(thinking string) []told {
	var all []told
	for _, word := range strings.Split(thinking, " ") {
		if word == "try" || word == "guess" {
			all = append(all, told{careful: word == "try"})
			continue
		}
		last := &all[len(all)-1]
		last.text = strings.TrimPrefix(last.text+" "+word, " ")
	}
	return all
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

// The careless searcher has its share of the wrong attempts, or a little more:
// it hits less often.
func TestShareOfGuesses(t *testing.T) {
	task := newTask(t, t1.DefaultSpec().Task.Countdown)
	train, _ := makeProblems(t, task, 1)
	missed, guesses := 0, 0
	for _, d := range task.Demonstrations(1, train) {
		if d.Given != "" {
			continue
		}
		thinking, _, _ := strings.Cut(d.Response, " yes ")
		for _, a := range attemptsOf(thinking) {
			if strings.HasSuffix(a.text, " no") {
				missed++
				guesses += count(!a.careful)
			}
		}
	}
	careless := task.spec.Careless
	if share := float64(guesses) / float64(missed); share < careless || share > careless+0.25 {
		t.Errorf("%.3f of the wrong attempts are guesses, want %g or somewhat more", share, careless)
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// What is learnt from demonstrations alone must not be all that is practised.
func TestSomeGamesGetNoDemonstration(t *testing.T) {
	spec := t1.DefaultSpec().Task.Countdown
	spec.Train, spec.Demonstrated, spec.Traces = 100, 30, 90
	task := newTask(t, spec)
	train, _ := makeProblems(t, task, 1)
	of := map[int]int{}
	for _, d := range task.Demonstrations(1, train) {
		of[d.Problem]++
		if !task.Grade(train[d.Problem], strings.TrimPrefix(d.Given+" "+d.Response, " ")).Correct {
			t.Fatalf("%q is no solution of %s", d.Response, train[d.Problem].ID)
		}
	}
	for at := range train {
		want := 0
		if at >= 70 {
			want = 3
		}
		if of[at] != want {
			t.Errorf("problem %d has %d demonstrations, want %d", at, of[at], want)
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

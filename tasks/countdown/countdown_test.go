package countdown

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"t1"
)

func shape(change func(*t1.CountdownSpec)) t1.CountdownSpec {
	spec := t1.DefaultSpec().Task.Countdown
	spec.Train, spec.HeldOut, spec.Traces = 300, 60, 900
	if change != nil {
		change(&spec)
	}
	return spec
}

// shapes are the settings that the properties below must hold for.
var shapes = map[string]t1.CountdownSpec{
	"default":       t1.DefaultSpec().Task.Countdown,
	"four numbers":  shape(func(s *t1.CountdownSpec) { s.Numbers, s.MaxNumber = []int{4}, 12 }),
	"mixed":         shape(func(s *t1.CountdownSpec) { s.Numbers, s.Train, s.HeldOut = []int{3, 4}, 301, 61 }),
	"few tries":     shape(func(s *t1.CountdownSpec) { s.MaxTries = 2 }),
	"never hasty":   shape(func(s *t1.CountdownSpec) { s.Hasty, s.MaxTries = 0, 1000 }),
	"always hasty":  shape(func(s *t1.CountdownSpec) { s.Hasty = 1 }),
	"small targets": shape(func(s *t1.CountdownSpec) { s.MaxTarget, s.Train, s.HeldOut = 10, 200, 20 }),
	"fewer traces":  shape(func(s *t1.CountdownSpec) { s.Traces = 7 }),
}

func newTask(t testing.TB, spec t1.CountdownSpec) *Task {
	t.Helper()
	task, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func makeProblems(t testing.TB, task *Task, seed int64) (train, heldOut []t1.Problem) {
	t.Helper()
	train, heldOut, err := task.Problems(seed)
	if err != nil {
		t.Fatal(err)
	}
	return train, heldOut
}

// sameGame is equal for problems that differ in the order of their numbers only.
func sameGame(t *testing.T, p t1.Problem) string {
	t.Helper()
	d, ok := read(p)
	if !ok {
		t.Fatalf("%s: no game in %s", p.ID, p.Data)
	}
	return fmt.Sprint(slices.Sorted(slices.Values(d.Numbers)), d.Target)
}

func TestProblems(t *testing.T) {
	for name, spec := range shapes {
		t.Run(name, func(t *testing.T) {
			task := newTask(t, spec)
			train, heldOut := makeProblems(t, task, 1)
			if len(train) != spec.Train || len(heldOut) != spec.HeldOut {
				t.Fatalf("got %d and %d problems, want %d and %d", len(train), len(heldOut), spec.Train, spec.HeldOut)
			}
			ids, kept := map[string]bool{}, map[string]bool{}
			for _, p := range heldOut {
				if kept[sameGame(t, p)] {
					t.Errorf("%s is held out twice", p.ID)
				}
				kept[sameGame(t, p)] = true
			}
			for i, p := range slices.Concat(train, heldOut) {
				if ids[p.ID] {
					t.Errorf("%s stands twice", p.ID)
				}
				ids[p.ID] = true
				if i < len(train) && kept[sameGame(t, p)] {
					t.Errorf("%s is held out and trained on", p.ID)
				}
				if !task.Grade(p, "answer "+p.Answer).Correct {
					t.Errorf("%s: its own answer %q is wrong", p.ID, p.Answer)
				}
			}
			checkShape(t, spec, train)
			checkShape(t, spec, heldOut)
		})
	}
}

// checkShape checks that problems keep to the limits and that sizes take turns.
func checkShape(t *testing.T, spec t1.CountdownSpec, problems []t1.Problem) {
	t.Helper()
	for i, p := range problems {
		d, _ := read(p)
		if len(d.Numbers) != spec.Numbers[i%len(spec.Numbers)] {
			t.Errorf("problem %d, %s, has the wrong size", i, p.ID)
		}
		if slices.Min(d.Numbers) < 1 || slices.Max(d.Numbers) > spec.MaxNumber || d.Target < smallestTarget || d.Target > spec.MaxTarget {
			t.Errorf("%s is out of range", p.ID)
		}
	}
}

// Games come back only when all have been dealt as often, as far as their
// numbers have orders left.
func TestGamesAreDealtEvenly(t *testing.T) {
	task := newTask(t, t1.DefaultSpec().Task.Countdown)
	train, _ := makeProblems(t, task, 1)
	first := map[string]bool{}
	for _, p := range train {
		if first[sameGame(t, p)] {
			break
		}
		first[sameGame(t, p)] = true
	}
	if got, want := len(first), len(task.games(3))-512; got != want {
		t.Errorf("the first round deals %d games, want all %d", got, want)
	}
}

func TestHeldOutDoesNotDependOnTrain(t *testing.T) {
	_, few := makeProblems(t, newTask(t, shape(nil)), 3)
	train, many := makeProblems(t, newTask(t, shape(func(s *t1.CountdownSpec) { s.Train = 900 })), 3)
	if !reflect.DeepEqual(few, many) {
		t.Error("more training problems hold out other games")
	}
	if other, _ := makeProblems(t, newTask(t, shape(nil)), 4); other[0].ID == train[0].ID && other[1].ID == train[1].ID {
		t.Error("seeds 3 and 4 make the same problems")
	}
}

func TestTooFewGames(t *testing.T) {
	for name, change := range map[string]func(*t1.CountdownSpec){
		"held out": func(s *t1.CountdownSpec) { s.HeldOut = 100000 },
		"train":    func(s *t1.CountdownSpec) { s.Train = 100000 },
	} {
		_, _, err := newTask(t, shape(change)).Problems(1)
		if t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "got 100000 games of 3 numbers") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNewRejects(t *testing.T) {
	for name, change := range map[string]func(*t1.CountdownSpec){
		"no sizes":       func(s *t1.CountdownSpec) { s.Numbers = nil },
		"one number":     func(s *t1.CountdownSpec) { s.Numbers = []int{1} },
		"five numbers":   func(s *t1.CountdownSpec) { s.Numbers = []int{3, 5} },
		"large numbers":  func(s *t1.CountdownSpec) { s.MaxNumber = 1000 },
		"no targets":     func(s *t1.CountdownSpec) { s.MaxTarget = 4 },
		"negative tries": func(s *t1.CountdownSpec) { s.MaxTries = -1 },
		"hasty":          func(s *t1.CountdownSpec) { s.Hasty = 1.5 },
		"negative train": func(s *t1.CountdownSpec) { s.Train = -1 },
	} {
		if _, err := New(shape(change)); t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Every word of every text is one word of the vocabulary.
func TestVocabularyCoversEverything(t *testing.T) {
	for name, spec := range shapes {
		t.Run(name, func(t *testing.T) {
			task := newTask(t, spec)
			known := map[string]bool{}
			for _, word := range task.Vocabulary() {
				if known[word] {
					t.Errorf("%q stands twice", word)
				}
				known[word] = true
			}
			train, heldOut := makeProblems(t, task, 1)
			var texts []string
			for _, p := range slices.Concat(train, heldOut) {
				texts = append(texts, p.Prompt, p.Answer)
			}
			for _, d := range task.Demonstrations(1, train) {
				texts = append(texts, d.Response)
			}
			for _, text := range texts {
				for word := range strings.SplitSeq(text, " ") {
					if !known[word] {
						t.Fatalf("%q has the word %q", text, word)
					}
				}
			}
		})
	}
}

func TestVocabulary(t *testing.T) {
	got := newTask(t, shape(func(s *t1.CountdownSpec) { s.MaxNumber, s.MaxTarget = 9, 10 })).Vocabulary()
	want := strings.Fields("make from : try no yes check ok answer = + - * ( ) 0 1 2 3 4 5 6 7 8 9 10")
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

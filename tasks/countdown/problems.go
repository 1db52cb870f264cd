package countdown

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"t1"
)

// Problems implements [t1.Task]. The sizes in CountdownSpec.Numbers take turns.
// Every problem has a solution that works from left to right with results from 0
// to MaxTarget. No two held-out problems are the same game, and none is a
// training game: a game is its numbers, in whatever order, and its target.
// Training repeats a game, its numbers in another order, only when every
// training game has been dealt as often. The held-out problems do not depend on
// Train. More problems than there are games for are KindInvalid.
func (t *Task) Problems(seed int64) (train, heldOut []t1.Problem, err error) {
	sizes := len(t.spec.Numbers)
	trains, heldOuts := make([][]t1.Problem, sizes), make([][]t1.Problem, sizes)
	for i, size := range t.spec.Numbers {
		trains[i], heldOuts[i], err = t.problemsOf(seed, size, turns(t.spec.Train, sizes, i), turns(t.spec.HeldOut, sizes, i))
		if err != nil {
			return nil, nil, err
		}
	}
	return takeTurns(trains), takeTurns(heldOuts), nil
}

// turns is how many of n items fall to i where some take turns, 0 first.
func turns(n, some, i int) int { return (n + some - 1 - i) / some }

// takeTurns merges lists whose lengths are those that turns gives.
func takeTurns(lists [][]t1.Problem) []t1.Problem {
	var merged []t1.Problem
	for i := 0; i/len(lists) < len(lists[i%len(lists)]); i++ {
		merged = append(merged, lists[i%len(lists)][i/len(lists)])
	}
	return merged
}

// problemsOf makes the problems with so many numbers each.
func (t *Task) problemsOf(seed int64, size, train, heldOut int) (trains, heldOuts []t1.Problem, err error) {
	games := t.games(size)
	drawn := t1.Choose(t1.NewSource(seed, "countdown/games", size), games, min(train+heldOut, len(games)))
	if heldOut > len(drawn) {
		return nil, nil, t1.Errorf(t1.KindInvalid, "task.countdown.held_out: got %d games of %d numbers, want at most %d, all there are", heldOut, size, len(games))
	}
	for _, g := range drawn[:heldOut] {
		heldOuts = append(heldOuts, t.problem(orders(seed, g)[0], g.target))
	}
	trains = t.deal(seed, drawn[heldOut:], train)
	if len(trains) < train {
		return nil, nil, t1.Errorf(t1.KindInvalid, "task.countdown.train: got %d games of %d numbers, want at most %d, all there are beside %d held out", train, size, len(trains), heldOut)
	}
	return trains, heldOuts, nil
}

// deal makes n problems of the games, every game once in a round; fewer where
// the orders of the numbers run out.
func (t *Task) deal(seed int64, games []game, n int) []t1.Problem {
	var problems []t1.Problem
	for round, dealt := 0, true; dealt; round++ {
		dealt = false
		for _, g := range games {
			if len(problems) == n {
				return problems
			}
			if of := orders(seed, g); round < len(of) {
				problems, dealt = append(problems, t.problem(of[round], g.target)), true
			}
		}
	}
	return problems
}

// game is numbers, rising, and a target.
type game struct {
	numbers []int
	target  int
}

// games lists every game of a size that a chain solves, in a fixed order.
func (t *Task) games(size int) []game {
	var games []game
	var hand func(numbers []int, from int)
	hand = func(numbers []int, from int) {
		if len(numbers) == size {
			numbers = slices.Clone(numbers)
			for target, reached := range t.reachable(numbers) {
				if reached && target >= smallestTarget {
					games = append(games, game{numbers, target})
				}
			}
			return
		}
		for n := from; n <= t.spec.MaxNumber; n++ {
			hand(append(numbers, n), n)
		}
	}
	hand(nil, 1)
	return games
}

// reachable marks the targets that chains of the numbers reach.
func (t *Task) reachable(numbers []int) []bool {
	reached := make([]bool, t.spec.MaxTarget+1)
	walk(numbers, t.spec.MaxTarget, func(c chain) { reached[c.value()] = true })
	return reached
}

// orders lists the different orders of a game's numbers, in a random order that
// depends on the seed and the game only.
func orders(seed int64, g game) [][]int {
	var all [][]int
	used := make([]bool, len(g.numbers))
	var order func(numbers []int)
	order = func(numbers []int) {
		if len(numbers) == len(g.numbers) {
			all = append(all, slices.Clone(numbers))
		}
		for i, n := range g.numbers {
			if !used[i] && !twin(g.numbers, used, i) {
				used[i] = true
				order(append(numbers, n))
				used[i] = false
			}
		}
	}
	order(nil)
	return t1.Choose(t1.NewSource(seed, "countdown/order", g.numbers, g.target), all, len(all))
}

// problem deals numbers in an order. Its reference answer is the first solution
// that walk finds.
func (t *Task) problem(numbers []int, target int) t1.Problem {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	p := t1.Problem{
		ID:     fmt.Sprintf("cd-%s->%d", strings.Join(texts, ","), target),
		Prompt: fmt.Sprintf("make %d from %s :", target, strings.Join(texts, " ")),
		Data:   fmt.Sprintf(`{"numbers":[%s],"target":%d}`, strings.Join(texts, ","), target),
	}
	walk(numbers, t.spec.MaxTarget, func(c chain) {
		if p.Answer == "" && c.value() == target {
			p.Answer = c.expression()
		}
	})
	return p
}

// dealt is what a problem's Data holds.
type dealt struct {
	Numbers []int `json:"numbers"` // in the order of the prompt
	Target  int   `json:"target"`
}

// read takes a problem's Data; ok is false where it is no game.
func read(p t1.Problem) (d dealt, ok bool) {
	if json.Unmarshal([]byte(p.Data), &d) != nil || len(d.Numbers) < fewest || len(d.Numbers) > most {
		return dealt{}, false
	}
	return d, slices.Min(d.Numbers) >= 0 && slices.Max(d.Numbers) <= largest
}

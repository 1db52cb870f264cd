package library

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// sift looks for what makes a row unfit. It keeps some 150 bytes a row read, to
// know it again.
type sift struct {
	kind       Kind
	unit       string // what Row counts, for a person
	benchmarks *Benchmarks
	actions    map[Reason]Action
	seen       map[mark]earlier // by question; for demonstrations by question and response
	ids        map[mark]int64   // of problems: the row that has it
}

type mark [16]byte // of a digest: enough for 10^15 rows

type earlier struct {
	row    int64
	answer mark
}

type finding struct {
	Example
	Action Action
}

func newSift(o ImportOptions, unit string, benchmarks *Benchmarks) *sift {
	return &sift{kind: o.Kind, unit: unit, benchmarks: benchmarks, seen: map[mark]earlier{}, ids: map[mark]int64{}, actions: map[Reason]Action{
		EmptyQuestion: o.Empty, EmptyAnswer: o.Empty,
		RepeatedID: o.Duplicates, Duplicate: o.Duplicates, OtherAnswer: o.Duplicates,
		BenchmarkOverlap: o.Overlap,
	}}
}

// look gives the first reason that holds for a row; the zero finding where none does.
func (s *sift) look(row item) finding {
	reason, detail := s.reason(row)
	return finding{Example{reason, row.number, row.id, detail}, s.actions[reason]}
}

func (s *sift) reason(row item) (Reason, string) {
	switch {
	case row.question == "":
		return EmptyQuestion, "the question is empty"
	case row.result == "" && s.kind == Demonstrations:
		return EmptyAnswer, "the response is empty"
	case row.result == "":
		return EmptyAnswer, "the answer is empty"
	}
	question := tokens(row.question)
	if reason, detail := s.repeats(row, strings.Join(question, " ")); reason != "" {
		return reason, detail
	}
	switch shared, ok := s.benchmarks.find(question); {
	case ok && shared.Shared == "":
		return BenchmarkOverlap, fmt.Sprintf("asks the same as %s of %s", shared.Problem, shared.Benchmark)
	case ok:
		return BenchmarkOverlap, fmt.Sprintf("shares with %s of %s: %s", shared.Problem, shared.Benchmark, shared.Shared)
	}
	return "", ""
}

// repeats compares a row, whose question is given folded, with those before it,
// and remembers it.
func (s *sift) repeats(row item, question string) (Reason, string) {
	answer := markOf(Fold(row.result))
	key := markOf(question)
	if s.kind == Demonstrations { // a problem may be solved in several ways
		key = markOf(question + "\x00" + string(answer[:]))
	}
	before, there := s.seen[key]
	switch {
	case there && before.answer == answer:
		return Duplicate, fmt.Sprintf("the same as %s %d", s.unit, before.row)
	case there:
		return OtherAnswer, fmt.Sprintf("asks the same as %s %d and answers %.40q", s.unit, before.row, row.result)
	}
	if s.kind == Problems {
		name := markOf(row.id)
		if first, there := s.ids[name]; there {
			return RepeatedID, fmt.Sprintf("%s %d has this id as well", s.unit, first)
		}
		s.ids[name] = row.number
	}
	s.seen[key] = earlier{row.number, answer}
	return "", ""
}

func markOf(text string) mark {
	sum := sha256.Sum256([]byte(text))
	return mark(sum[:16])
}

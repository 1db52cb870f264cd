package library

import (
	"slices"
	"strings"

	"t1"
)

// RunWords is how many words in a row a question must share with a benchmark's
// to count as seen: the n-gram length that GPT-3's authors chose (Brown et al.
// 2020, appendix C) and most of the field uses.
const RunWords = 13

// Overlap says what a question has in common with a benchmark.
type Overlap struct {
	Benchmark string // name of the set
	Problem   string // ID of the row
	Shared    string // the first shared run, folded; empty where the questions are equal
}

// Benchmarks finds questions that a model must not learn from. The zero value
// is empty. Add and Find must not run at the same time; many Finds may.
type Benchmarks struct {
	questions []benchmarkQuestion
	runs      map[uint64]position // hash of a run to its first place
	equal     map[string]int      // folded question to its index
}

type benchmarkQuestion struct {
	set, id string
	words   []string
}

// position is where a run begins.
type position struct{ question, word int32 }

// Add takes the questions of a benchmark in.
func (b *Benchmarks) Add(set string, problems []t1.Problem) {
	if b.runs == nil {
		b.runs, b.equal = map[uint64]position{}, map[string]int{}
	}
	for _, p := range problems {
		index := len(b.questions)
		all := tokens(p.Prompt)
		question := benchmarkQuestion{set: set, id: p.ID, words: words(all)}
		b.questions = append(b.questions, question)
		if len(all) > 0 {
			addFirst(b.equal, strings.Join(all, " "), index)
		}
		hashRuns(question.words, func(at int, hash uint64) bool {
			addFirst(b.runs, hash, position{int32(index), int32(at)})
			return true
		})
	}
}

func addFirst[K comparable, V any](m map[K]V, key K, value V) {
	if _, there := m[key]; !there {
		m[key] = value
	}
}

// Find answers whether a question is equal to one of a benchmark, whatever its
// length, or shares RunWords words in a row with one.
func (b *Benchmarks) Find(question string) (Overlap, bool) {
	return b.find(tokens(question))
}

func (b *Benchmarks) find(all []string) (Overlap, bool) {
	if len(b.questions) == 0 {
		return Overlap{}, false
	}
	folded := strings.Join(all, " ")
	if index, ok := b.equal[folded]; ok {
		return b.overlap(index, ""), true
	}
	own, found := words(all), Overlap{}
	hashRuns(own, func(at int, hash uint64) bool {
		place, ok := b.runs[hash]
		if !ok {
			return true
		}
		theirs := b.questions[place.question].words[place.word : place.word+RunWords]
		if !slices.Equal(theirs, own[at:at+RunWords]) {
			return true // two runs of one hash
		}
		found = b.overlap(int(place.question), strings.Join(theirs, " "))
		return false
	})
	return found, found.Shared != ""
}

func (b *Benchmarks) overlap(index int, shared string) Overlap {
	q := b.questions[index]
	return Overlap{Benchmark: q.set, Problem: q.id, Shared: shared}
}

// hashRuns hands each run of RunWords words to visit, which ends it by false.
// The hash rolls: one multiplication a word, however long a run is.
func hashRuns(words []string, visit func(at int, hash uint64) bool) {
	const base = 0x9e3779b97f4a7c15 // odd, so that multiplying loses nothing
	leading := uint64(1)            // base to the power RunWords
	for range RunWords {
		leading *= base
	}
	hash, hashes := uint64(0), make([]uint64, len(words))
	for i, word := range words {
		hashes[i] = hashWord(word)
		hash = hash*base + hashes[i]
		if i >= RunWords {
			hash -= leading * hashes[i-RunWords]
		}
		if i >= RunWords-1 && !visit(i-RunWords+1, hash) {
			return
		}
	}
}

// hashWord is FNV-1a.
func hashWord(word string) uint64 {
	hash := uint64(14695981039346656037)
	for i := range len(word) {
		hash = (hash ^ uint64(word[i])) * 1099511628211
	}
	return hash
}

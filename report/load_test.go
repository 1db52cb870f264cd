package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"t1"
)

// memory is a store of JSON objects, enough for Load.
type memory map[string][]byte

func (m memory) put(t *testing.T, key string, v any) t1.Ref {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	m[key] = data
	ref, err := m.Head(t.Context(), key)
	require.NoError(t, err)
	return ref
}

func (m memory) Head(_ context.Context, key string) (t1.Ref, error) {
	data, ok := m[key]
	if !ok {
		return t1.Ref{}, t1.Errorf(t1.KindNotFound, "no object %s", key)
	}
	sum := sha256.Sum256(data)
	return t1.Ref{Key: key, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(data))}, nil
}

func (m memory) Open(ctx context.Context, ref t1.Ref) (io.ReadCloser, error) {
	if there, err := m.Head(ctx, ref.Key); err != nil || there != ref {
		return nil, t1.Errorf(t1.KindCorrupt, "%s is not what %v names: %v", ref.Key, ref, err)
	}
	return io.NopCloser(bytes.NewReader(m[ref.Key])), nil
}

func (m memory) OpenRange(_ context.Context, key string, _, _ int64) (io.ReadCloser, error) {
	data, ok := m[key]
	if !ok {
		return nil, t1.Errorf(t1.KindNotFound, "no object %s", key)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m memory) List(_ context.Context, prefix string) iter.Seq2[t1.Ref, error] {
	return func(yield func(t1.Ref, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if strings.HasPrefix(key, prefix) && !yield(t1.Ref{Key: key, Bytes: int64(len(m[key]))}, nil) {
				return
			}
		}
	}
}

func (m memory) Create(context.Context, string, io.Reader) (t1.Ref, error) {
	return t1.Ref{}, fmt.Errorf("a report writes nothing")
}
func (m memory) Delete(context.Context, string) error { return fmt.Errorf("a report deletes nothing") }

func rows[T any](ctx context.Context, store t1.Store, ref t1.Ref) ([]T, error) {
	r, err := store.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	var out []T
	return out, json.NewDecoder(r).Decode(&out)
}

var jsonReaders = Readers{
	Problems: rows[t1.Problem], Rollouts: rows[t1.Rollout], Scores: rows[t1.Score], Advantages: rows[t1.Advantage], Evaluated: rows[t1.Evaluated],
}

// stored keeps a fake run of three iterations; the second has a penalised
// response, the third, the newest, has none.
func stored(t *testing.T) memory {
	t.Helper()
	m, in := memory{}, fakeInput(3)
	m.put(t, t1.SpecKey("r"), in.Spec)
	m.put(t, t1.PoolKey("r"), in.Pool)
	problems := []t1.Problem{{ID: "p", Prompt: "make 6 from 9 6 8 :"}}
	m.put(t, t1.DataKey("r"), t1.Data{Train: m.put(t, "datasets/a", problems), HeldOut: m.put(t, "datasets/b", []t1.Problem{})})
	for i, r := range in.Records {
		if r.Update != nil {
			store(t, m, &r)
		}
		m.put(t, t1.RecordKey("r", i), r)
		m.put(t, t1.ObservedKey("r", i), in.Observations[i])
	}
	for i := range in.Results {
		r := in.Results[i]
		r.Run = "r"
		m.put(t, t1.EvalKey("r", r.Policy, r.Suite)+"/result.json", r)
		m.put(t, t1.EvalKey("r", r.Policy, r.Suite)+"/cuts-000.parquet", "not asked for")
		m.put(t, t1.EvalKey("r", r.Policy, r.Suite)+"/shard-000.parquet", []t1.Evaluated{
			{Rollout: t1.Rollout{Problem: "p", Text: "greedy", Tokens: make([]int32, 9)}, Mode: "greedy", Correct: true},
			{Rollout: t1.Rollout{Problem: "p", Text: "from sft", Tokens: make([]int32, 5)}, Mode: "sample", Correct: true},
		})
	}
	return m
}

// store keeps the rollouts of an update, two blocks of two, and what became of them.
func store(t *testing.T, m memory, r *t1.Record) {
	t.Helper()
	n := r.Update.Iteration
	rollout := func(sample, length int) t1.Rollout {
		return t1.Rollout{Problem: "p", Sample: int32(sample), Text: fmt.Sprintf("%d/%d", n, sample), Tokens: make([]int32, length), Finish: t1.FinishStop}
	}
	scores := []t1.Score{{Correct: true, Reward: 1}, {}, {Correct: true, Reward: 1}, {}}
	r.Metrics[t1.MetricPenalized] = 0
	if n == 2 {
		r.Metrics[t1.MetricPenalized] = 0.25
		scores[3] = t1.Score{Correct: true, Reward: -1, Penalties: []string{t1.PenaltyOverLength}}
	}
	r.Update.Rollouts = []t1.Ref{
		m.put(t, t1.BlockKey("r", n, 0, 0), []t1.Rollout{rollout(0, 10), rollout(1, 20)}),
		m.put(t, t1.BlockKey("r", n, 0, 1), []t1.Rollout{rollout(2, 30), rollout(3, 20)}),
	}
	r.Update.Scores = m.put(t, t1.ScoresKey("r", n), scores)
	r.Update.Advantages = m.put(t, t1.AdvantagesKey("r", n), []t1.Advantage{{Advantage: 1}, {Advantage: 2}, {Advantage: 3, KL: 0.5}, {Advantage: 4}})
}

func TestLoadGathersARun(t *testing.T) {
	in, err := Load(t.Context(), stored(t), "r", jsonReaders)
	require.NoError(t, err)
	assert.Len(t, in.Records, 19)
	assert.Len(t, in.Observations, 19)
	assert.Equal(t, []string{"sft", "1", "2", "3"}, []string{in.Results[0].Label, in.Results[1].Label, in.Results[2].Label, in.Results[3].Label})
	assert.Len(t, in.Pool.Problems, 713)
	assert.Empty(t, in.Notes)
	require.Len(t, in.Examples, 4)
	assert.Equal(t, Example{
		Why: "Right, and long", Iteration: 3, Problem: "p", Sample: 2, Prompt: "make 6 from 9 6 8 :", Text: "3/2", Tokens: 30, Finish: "stop",
		Correct: true, Reward: 1, Trained: true, D: 0.5, Advantage: 3,
	}, in.Examples[0])
	assert.Equal(t, "Penalised, though right", in.Examples[1].Why)
	assert.Equal(t, "2/3", in.Examples[1].Text, "the newest iteration that has one")
	assert.Equal(t, "3/1", in.Examples[2].Text)
	assert.Equal(t, "from sft", in.Examples[3].Text, "not the greedy one")
	assert.Contains(t, written(t, in), "from sft")
}

func TestLoadOfARunThatIsGoingOn(t *testing.T) {
	m := stored(t)
	maps.DeleteFunc(m, func(key string, _ []byte) bool {
		return strings.Contains(key, "/eval/") || strings.Contains(key, "pool.json") || strings.Contains(key, "observed") || key > t1.RecordKey("r", 7) && strings.HasPrefix(key, t1.LogKey("r"))
	})
	in, err := Load(t.Context(), m, "r", jsonReaders)
	require.NoError(t, err)
	assert.Len(t, in.Records, 8)
	assert.Empty(t, in.Examples)
	assert.Empty(t, in.Notes)
	assert.Contains(t, written(t, in), "175 of 375 SFT steps")

	_, err = Load(t.Context(), m, "other")
	assert.Equal(t, t1.KindNotFound, t1.KindOf(err))
}

func TestLoadNamesWhatIsDamaged(t *testing.T) {
	m := stored(t)
	delete(m, t1.ScoresKey("r", 3))
	m[t1.ObservedKey("r", 18)] = []byte("{")
	in, err := Load(t.Context(), m, "r", jsonReaders)
	require.NoError(t, err)
	require.Len(t, in.Notes, 2)
	assert.Contains(t, in.Notes[0], t1.ObservedKey("r", 18))
	assert.Contains(t, in.Notes[1], t1.ScoresKey("r", 3))
	assert.Len(t, in.Observations, 18)
	assert.Len(t, in.Examples, 1, "the one of the fine-tuned policy")

	m[t1.RecordKey("r", 3)] = []byte("half a rec")
	_, err = Load(t.Context(), m, "r")
	assert.Equal(t, t1.KindCorrupt, t1.KindOf(err))
	assert.ErrorContains(t, err, t1.RecordKey("r", 3))
}

func TestLoadNeverMixesSuites(t *testing.T) {
	m := stored(t)
	m.put(t, "runs/r/eval/x/zzz/result.json", t1.Result{Label: "3", Suite: "zzz", Seq: 99})
	in, err := Load(t.Context(), m, "r")
	require.NoError(t, err)
	assert.Len(t, in.Results, 4)
	assert.Equal(t, []string{"1 evaluation on other suites than heldout not shown."}, in.Notes)
}

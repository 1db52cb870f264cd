package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"t1"
)

func rollouts(n int) []t1.Rollout {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]t1.Rollout, n)
	for i := range rows {
		tokens := make([]int32, 1+random.IntN(40))
		logprobs := make([]float32, len(tokens))
		for j := range tokens {
			tokens[j], logprobs[j] = random.Int32N(50_000), -random.Float32()
		}
		rows[i] = t1.Rollout{
			Problem: fmt.Sprint("p", i/4), Sample: int32(i % 4), Prompt: []int32{1, 2, 3}, Tokens: tokens, LogProbs: logprobs,
			Finish: t1.FinishStop, Text: "größer ⟂ x", Policy: "abc",
		}
	}
	return rows
}

func encode[T any](t testing.TB, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read[T any](data []byte) ([]T, error) { return Read[T](bytes.NewReader(data), int64(len(data))) }

func roundTrip[T any](t *testing.T, rows []T) {
	t.Helper()
	data := encode(t, rows)
	got, err := read[T](data)
	if err != nil || len(got) != len(rows) || len(rows) > 0 && !reflect.DeepEqual(got, rows) {
		t.Errorf("%T: %d rows of %d, %v", rows, len(got), len(rows), err)
	}
	if !bytes.Equal(encode(t, rows), data) {
		t.Errorf("%T: the same rows give other bytes", rows)
	}
}

func TestRoundTrip(t *testing.T) {
	roundTrip(t, rollouts(3000))
	roundTrip(t, []t1.Rollout{})
	roundTrip(t, []t1.Score{
		{Problem: "p", Sample: 3, Correct: true, Reward: -1, Penalties: []string{"repetition", "foreign script"}, Answer: "7"},
		{Problem: "q", Penalties: []string{""}},
	})
	roundTrip(t, []t1.Advantage{{Problem: "p", Sample: 1, KL: math.Pi, Advantage: -1e-300, MeanLogProb: math.SmallestNonzeroFloat64}})
	roundTrip(t, []t1.Problem{{ID: "i", Prompt: "p", Answer: "a", Data: `{"x":1}`, Tokens: []int32{0, math.MaxInt32}}})
	roundTrip(t, []t1.Trace{{Problem: "p", Prompt: []int32{1}, Response: []int32{2, 3}}})
}

func TestEmptyLists(t *testing.T) {
	data := encode(t, []t1.Score{{Problem: "a"}, {Problem: "b", Penalties: []string{}}, {Problem: "c", Penalties: []string{"x"}}})
	got, err := read[t1.Score](data)
	if err != nil || len(got) != 3 || len(got[0].Penalties) != 0 || len(got[1].Penalties) != 0 || got[2].Penalties[0] != "x" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOtherColumns(t *testing.T) {
	type other struct {
		Problem string `parquet:"problem"`
		Sample  string `parquet:"sample"`
	}
	_, err := read[t1.Trace](encode(t, []t1.Advantage{{}}))
	if t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "no column prompt") {
		t.Errorf("a missing column: %v", err)
	}
	_, err = read[t1.Advantage](encode(t, []other{{}}))
	if t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), "column sample") {
		t.Errorf("a column of another type: %v", err)
	}
}

func TestDamage(t *testing.T) {
	whole := encode(t, rollouts(300))
	for cut := 0; cut < len(whole); cut += 1 + len(whole)/200 {
		if _, err := read[t1.Rollout](whole[:cut]); t1.KindOf(err) != t1.KindCorrupt {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(whole), err)
		}
	}
	for at := 0; at < len(whole); at += 1 + len(whole)/500 {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x55
		// What the format's own checks cannot see is for the object's digest to find.
		if _, err := read[t1.Rollout](flipped); err != nil && t1.KindOf(err) != t1.KindCorrupt && t1.KindOf(err) != t1.KindInvalid {
			t.Errorf("byte %d flipped: %v", at, err)
		}
	}
	if _, err := read[t1.Rollout]([]byte("PAR1 is not enough PAR1")); t1.KindOf(err) != t1.KindCorrupt {
		t.Errorf("no Parquet: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	whole := encode(f, rollouts(20))
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(append(bytes.Clone(whole[:40]), whole[60:]...))
	f.Add(encode(f, []t1.Rollout{}))
	f.Add([]byte("PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := read[t1.Rollout](data)
		if kind := t1.KindOf(err); err != nil && kind != t1.KindCorrupt && kind != t1.KindInvalid {
			t.Errorf("%s: %v", kind, err)
		}
	})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteFails(t *testing.T) {
	if err := Write(full{}, rollouts(10)); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

// The engine reads with pyarrow: lists must be lists of plain values, nothing may be nullable in fact.
func TestPythonReads(t *testing.T) {
	python, err := filepath.Abs("../../engine/.venv/bin/python")
	if err == nil {
		_, err = os.Stat(python)
	}
	if err != nil {
		t.Fatal("no engine environment: run `make setup`")
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"rollouts": encode(t, rollouts(2)), "traces": encode(t, []t1.Trace{{Prompt: []int32{1, 2}, Response: []int32{3}}, {Prompt: []int32{}}}),
		"scores":     encode(t, []t1.Score{{Problem: "p", Reward: 0.5, Penalties: []string{"a", "b"}}, {Problem: "q"}}),
		"advantages": encode(t, []t1.Advantage{{Problem: "p", KL: 0.25}}), "problems": encode(t, []t1.Problem{{ID: "i", Tokens: []int32{7}}}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const script = `
import sys, pyarrow.parquet as pq
for name in ("rollouts", "scores", "advantages", "problems", "traces"):
    table = pq.read_table(f"{sys.argv[1]}/{name}", page_checksum_verification=True)
    print(name, *(f"{f.name}:{f.type}{'?' if f.nullable else ''}" for f in table.schema))
    print(table.select([n for n in table.column_names if n in ("reward", "penalties", "d", "prompt", "response") and name != "rollouts"]).to_pylist())
`
	out, err := exec.Command(python, "-c", script, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := `rollouts problem:string sample:int32 prompt:list<element: int32 not null> tokens:list<element: int32 not null> logprobs:list<element: float not null> finish:string text:string policy:string
[{}, {}]
scores problem:string sample:int32 correct:bool reward:double penalties:list<element: string not null> answer:string
[{'reward': 0.5, 'penalties': ['a', 'b']}, {'reward': 0.0, 'penalties': []}]
advantages problem:string sample:int32 d:double advantage:double mean_logprob:double
[{'d': 0.25}]
problems id:string prompt:string answer:string data:string tokens:list<element: int32 not null>
[{'prompt': ''}]
traces problem:string prompt:list<element: int32 not null> response:list<element: int32 not null>
[{'prompt': [1, 2], 'response': [3]}, {'prompt': [], 'response': []}]
`
	if string(out) != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

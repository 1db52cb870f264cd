package plan

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"t1"
)

// qwen is Qwen2.5-32B, whose parameters its authors count.
func qwen(t *testing.T) Shape {
	t.Helper()
	config, err := os.ReadFile("../cmd/t1/testdata/models/qwen2.5-32b.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseShape(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The counts are those of real checkpoints: Qwen2.5-32B's index file says
// 65,527,752,704 bytes of bfloat16, SmolLM2-135M is the engine's own test's, and
// the demo's model says so in record 0.
func TestParameters(t *testing.T) {
	smol := Shape{Vocabulary: 49152, Hidden: 576, Intermediate: 1536, Layers: 30, Heads: 9, KVHeads: 3, HeadDim: 64, Tied: true}
	demo := ScratchShape(t1.DefaultSpec().Model.Scratch, 76)
	for name, test := range map[string]struct {
		shape Shape
		want  int64
	}{"Qwen2.5-32B": {qwen(t), 32763876352}, "SmolLM2-135M": {smol, 134515008}, "demo": {demo, 797696}} {
		p := test.shape.Parameters()
		if p.Total != test.want || p.Embedding+p.Attention+p.MLP+p.Norms+p.Head != test.want {
			t.Errorf("%s: %+v, want %d", name, p, test.want)
		}
		if got := test.shape.multiplied(); test.shape.Tied && got > float64(test.want) || got < float64(test.want)*0.75 {
			t.Errorf("%s: %g parameters are multiplied of %d", name, got, test.want)
		}
	}
}

func TestParseShapeRefuses(t *testing.T) {
	for config, want := range map[string]string{
		`[]`:                                     "config.json",
		`{"model_type":"gpt2"}`:                  `model_type is "gpt2"`,
		`{"model_type":"llama","vocab_size":10}`: "hidden_size is 0",
		`{"model_type":"llama","vocab_size":10,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":0}`:                                          "num_key_value_heads is 0",
		`{"model_type":"llama","vocab_size":10,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":3}`:                                          "does not divide",
		`{"model_type":"llama","vocab_size":10,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":9999999}`:                                                                                    "num_hidden_layers is 9999999",
		`{"model_type":"llama","vocab_size":10,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":-2,"tie_word_embeddings":true}`: "head_dim is -2",
	} {
		if _, err := ParseShape([]byte(config)); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}

func defaults(t *testing.T, given Assumptions) Assumptions {
	t.Helper()
	a, err := given.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A parameter takes 4 bytes as weight, 4 as gradient, 8 as moments and 4 as
// anchor, and trainers divide them; one trainer in bfloat16 has a copy of 2 more;
// offload and no anchor take away what they say.
func TestTrainerMemoryByPart(t *testing.T) {
	s, a := qwen(t), defaults(t, nil)
	n := float64(s.Parameters().Total)
	eight := Layout{Trainers: 8, Precision: BFloat16}
	m := newTrainer(s, eight, true, true, 1000, a)
	for name, part := range map[string][2]float64{
		"weights": {m.Weights, 4}, "gradients": {m.Gradients, 4}, "moments": {m.Moments, 8}, "anchor": {m.Anchor, 4}, "copy": {m.Copy, 0},
	} {
		if part[0] != part[1]*n/8 {
			t.Errorf("%s: %g bytes, want %g a parameter over 8", name, part[0], part[1])
		}
	}
	one := newTrainer(s, Layout{Trainers: 1, Precision: Float32, Offload: true}, true, false, 1000, a)
	if one.Copy+one.Reference+one.Anchor+one.Gathered != 0 || one.Weights != 4*n || one.resident() != one.Process+4*n {
		t.Errorf("float32 by one trainer, offloaded, no anchor: %+v", one)
	}
	if one.Kept/m.Kept != 2 || one.Recomputed/m.Recomputed != 2 {
		t.Errorf("activations in float32 are not twice those in bfloat16: %+v, %+v", one, m)
	}
	rounded := newTrainer(s, Layout{Trainers: 1, Precision: BFloat16}, true, true, 1000, a)
	if got := rounded.Copy - 2*float64(s.Vocabulary*s.Hidden); got != 2*n {
		t.Errorf("one trainer in bfloat16 has a copy of %g bytes, want %g", got, 2*n)
	}
	// By hand, for one token more of one layer of L, all in bfloat16.
	more := newTrainer(s, eight, true, true, 1001, a)
	want := 2 * (64*(4*5120+3*48*128+4*27648+40+2) + 2*5120.0)
	if got := more.Kept - m.Kept; math.Abs(got-want) > 1 {
		t.Errorf("one more token: %g bytes of activations, want %g", got, want)
	}
	if got, want := more.Recomputed-m.Recomputed, 2*(64*5120+(4*5120+3*48*128+4*27648+40+2)+2*5120.0); math.Abs(got-want) > 1 {
		t.Errorf("one more token, recomputed: %g bytes of activations, want %g", got, want)
	}
}

// The peak is a moment's: with many tokens a pass, with few and an anchor that
// comes back the anchor's pass, with offloaded moments the optimizer's step. By
// several trainers no more than a unit of the policy is asked what is published.
func TestTrainerPeak(t *testing.T) {
	s, a := qwen(t), defaults(t, nil)
	n, m := float64(s.Parameters().Total), s.multiplied()
	for _, test := range []struct {
		layout   Layout
		anchored bool
		tokens   float64
		most     string
		want     float64 // bytes of weights and what goes with them
	}{
		{Layout{Trainers: 1, Precision: Float32}, true, 1e6, "activations", 20 * n},
		{Layout{Trainers: 1, Precision: Float32, Offload: true}, false, 1, "moments", 16 * n},
		{Layout{Trainers: 1, Precision: BFloat16, Offload: true}, true, 1e6, "activations", 8*n + 2*(n+float64(s.Vocabulary*s.Hidden))},
		{Layout{Trainers: 8, Precision: BFloat16}, true, 1e6, "activations", 20*n/8 + 2*(2*float64(s.layer())+s.ends())},
	} {
		got := newTrainer(s, test.layout, true, test.anchored, test.tokens, a)
		want := test.want + got.Process
		if test.most == "activations" {
			want += got.Activations + got.Allocator + got.Logits
		}
		if got.most != test.most || math.Abs(got.Total/want-1) > 1e-9 {
			t.Errorf("%+v: most is %s, total %g; want %s, %g", test.layout, got.most, got.Total, test.most, want)
		}
	}
	layer, head := 4*float64(s.layer()), 4*float64(s.Vocabulary*s.Hidden)
	one, eight := newTrainer(s, Layout{Trainers: 1}, true, true, 1, a), newTrainer(s, Layout{Trainers: 8}, true, true, 1, a)
	if one.Publication != 4*m || eight.Publication != max(layer, head) || eight.Publication > n/8 {
		t.Errorf("a publication takes %g bytes of one trainer, %g of several; want %g, and the larger of %g and %g", one.Publication, eight.Publication, 4*m, layer, head)
	}
	// The engine's own sampler does take a whole copy of a policy that is divided.
	if one, eight := s.sampling(Layout{Trainers: 1}), s.sampling(Layout{Trainers: 8}); one != 4*m || eight != 4*m+4*n {
		t.Errorf("the sampler's weights take %g bytes beside one trainer, %g beside several; want %g, %g", one, eight, 4*m, 4*m+4*n)
	}
	// On a CPU offloaded moments have nowhere to go, and the anchor's copy is made all the same.
	load := Load{Micro: 1, Anchored: true}
	kept := NewHostMemory(s, Layout{Trainers: 1, Precision: Float32}, load, a)
	away := NewHostMemory(s, Layout{Trainers: 1, Precision: Float32, Offload: true}, load, a)
	if away.State != kept.State || kept.State != 16*n || away.Update < 8*n || kept.Update > 5*n {
		t.Errorf("on a CPU: offloaded %+v, otherwise %+v", away, kept)
	}
	// Beside GPUs the state before is kept in host memory while they are fine-tuned on.
	load.Supervised = 1
	beside := besideGPUs(s, Layout{Trainers: 8, Precision: BFloat16, Offload: true}, load, a)
	if want := beside.Process + 20*n + 4*float64(s.Vocabulary*s.Hidden); beside.FineTune != 12*n || beside.Peak != want {
		t.Errorf("beside GPUs: %+v, want 12 bytes a parameter kept and a peak of %g", beside, want)
	}
}

// A prompt that is longer than the limit is cut; one response is the least.
func TestMicroTokens(t *testing.T) {
	rl := t1.DefaultSpec().RL // 32 prompts, 64 responses, 10,240 tokens
	a := defaults(t, Assumptions{"prompt_tokens": 100})
	for limit, want := range map[int]float64{4096: 10340, 20000: 20000, 1e9: 32 * 64 * 10340} {
		if got := (Layout{MicroTokens: limit}).microTokens(rl, a); got != want {
			t.Errorf("limit %d: %g tokens, want %g", limit, got, want)
		}
	}
}

// FLOPs of training are 6 a multiplied weight and token, 8 with the anchor, 2
// more with recompute, where attention is small beside them.
func TestWork(t *testing.T) {
	s, spec := qwen(t), t1.DefaultSpec()
	spec.RL.MaxTokens = 100
	a := defaults(t, Assumptions{"response_share": 1, "prompt_tokens": 1, "demonstration_tokens": 99})
	flops := func() float64 { // a micro-batch has one token less than 64 responses of 101
		return NewWork(spec, s, Layout{MicroTokens: 6463}, Counts{}, a)[4].FLOPs
	}
	cut := flops()
	spec.RL.Beta = 0
	needless := flops()
	spec.RL.Beta = 1
	for recompute, passes := range map[bool]float64{false: 3, true: 4} {
		work := NewWork(spec, s, Layout{Recompute: recompute, MicroTokens: 6464}, Counts{Demonstrations: 256}, a)
		if ratio := cut / work[4].FLOPs; !recompute && (math.Abs(ratio-1.25) > 1e-9 || needless != work[4].FLOPs) {
			t.Errorf("cut prompts take %g times the FLOPs, want five passes for four, and four with beta 0: %g, %g", ratio, needless, work[4].FLOPs)
		}
		sft, update := work[0], work[4]
		if sft.Steps != 2*3 || sft.Tokens != 3*256*99 || update.Tokens != 100*32*64*100 || sft.Phase != SFT || update.Phase != Update {
			t.Fatalf("%+v, %+v", sft, update)
		}
		for _, got := range []float64{sft.FLOPs / (3 * 256 * 100) / s.multiplied() / passes, update.FLOPs / (100 * 32 * 64 * 101) / s.multiplied() / (passes + 1)} {
			if got < 2 || got > 2.01 {
				t.Errorf("recompute %v: %g FLOPs a weight, token and pass, want a little over 2", recompute, got)
			}
		}
	}
	spec.Evaluation.At, spec.Evaluation.Every = []float64{0.3, 0.301, 1}, 50
	if got := Evaluations(spec); got != 4 { // sft, 30, 50, 100
		t.Errorf("%d evaluations, want 4", got)
	}
}

// The smallest change: on a machine whose memory is just enough for it, each
// change in turn is what is proposed, what is proposed fits, and a spec that has
// what the flags say fits as it is.
func TestChange(t *testing.T) {
	s, spec := small(), t1.DefaultSpec()
	spec.Sampler.Kind = t1.SamplerVLLM
	seen := map[string]bool{}
	m := Instance{Name: "x", GPUs: 2, Bandwidth: 1e12, FLOPS: 1e15, Interconnect: 1e11, Network: 1e11, HostMemory: 1e14, Disk: 1e14}
	best := func(spec t1.Spec) Fit {
		r := run{spec: spec, shape: s, assumed: defaults(t, Assumptions{"device_bytes": 0}), anchored: true}
		r.work = NewWork(spec, s, LayoutOf(spec.Resources), Counts{}, r.assumed)
		r.storage = NewStorage(spec, s, Counts{}, r.work, r.assumed)
		return r.best(m, Input{Spec: spec})
	}
	spec.Resources.MicroTokens = 20000
	for memory := 1e12; memory > 1e9; memory *= 0.97 {
		m.Memory = memory
		f := best(spec)
		key := strings.Join(f.Change, " ")
		seen[key] = true
		if f.Fits != (len(f.Lacks) == 0) || f.Fits && key != "" || f.Total == 0 != (!f.Fits && key == "") {
			t.Fatalf("%g bytes: %+v", memory, f)
		}
	}
	for _, want := range []string{"", "--micro-tokens 10440", "--recompute", "--recompute --offload", "--trainers 2 --recompute --offload", "--trainers 2 --micro-tokens 10440 --recompute --offload"} {
		if !seen[want] {
			t.Errorf("never proposed: %q; were: %v", want, seen)
		}
	}
	m.Memory = 1e12
	spec.Resources.Trainers = 4
	if f := best(spec); len(f.Lacks) != 1 || f.Lacks[0].Part != GPUs || f.Lacks[0].Need != 4 || f.Lacks[0].Has != 2 || !slices.Equal(f.Change, []string{"--trainers 2"}) || f.Trainers != 2 {
		t.Errorf("four trainers on two GPUs: %+v", f)
	}
}

// small is Qwen2.5-1.5B.
func small() Shape {
	return Shape{Vocabulary: 151936, Hidden: 1536, Intermediate: 8960, Layers: 28, Heads: 12, KVHeads: 2, HeadDim: 128, QKVBias: true, Tied: true}
}

// More bandwidth, more FLOPS and more devices never take longer, and decoding is
// bound by memory where few sequences are decoded.
func TestHours(t *testing.T) {
	s, spec, a := qwen(t), t1.DefaultSpec(), defaults(t, nil)
	base := Instance{Name: "x", GPUs: 8, Memory: 141e9, Bandwidth: 4e12, FLOPS: 1e15, Interconnect: 4e11, Network: 4e11, HostMemory: 2e12, Disk: 1e13}
	l := Layout{Trainers: 8, Precision: BFloat16, MicroTokens: 16384}
	w := Work{Phase: Sampling, Steps: 10, Sequences: 80, Tokens: 80 * 100}
	one := machine{base, l}.decoded(s, w, replica{devices: 8, concurrent: 1, element: 2}, 1, 100, 100, a)
	want := 10 * 8 * 100 * 2 * s.multiplied() / (8 * 4e12 * a.of("bandwidth_utilisation"))
	if one < want || one > 1.05*want {
		t.Errorf("one sequence at once: %g s, want the time to read the weights, %g s", one, want)
	}
	work := NewWork(spec, s, l, Counts{Demonstrations: 1000}, a)
	st := NewStorage(spec, s, Counts{}, work, a)
	slow := machine{base, l}.hours(spec, s, work, st, replica{8, 64, 2}, 16384, a)
	faster := base
	faster.Bandwidth, faster.FLOPS = 2*base.Bandwidth, 2*base.FLOPS
	fast := machine{faster, l}.hours(spec, s, work, st, replica{8, 64, 2}, 16384, a)
	for _, phase := range []string{SFT, Pool, Sampling, Update, Evaluation} {
		if !(fast[phase] < slow[phase]) {
			t.Errorf("%s: %g h on twice the machine, %g h before", phase, fast[phase], slow[phase])
		}
	}
}

func TestLineOf(t *testing.T) {
	for name, test := range map[string]struct {
		points []Point
		want   Line
	}{
		"none":         {nil, Line{}},
		"a line":       {[]Point{{1, 3}, {2, 5}, {3, 7}}, Line{Fixed: 1, Each: 2, Mean: 2}},
		"alike":        {[]Point{{2, 3}, {2, 5}}, Line{Each: 2, Mean: 2}},
		"falling":      {[]Point{{1, 5}, {3, 1}}, Line{Each: 1.5, Mean: 2}},
		"no amount":    {[]Point{{0, 3}, {0, 5}}, Line{Fixed: 4}},
		"below origin": {[]Point{{1, 1}, {2, 3}}, Line{Each: 4.0 / 3, Mean: 1.5}},
	} {
		got := LineOf(test.points)
		if math.Abs(got.Fixed-test.want.Fixed)+math.Abs(got.Each-test.want.Each)+math.Abs(got.Mean-test.want.Mean) > 1e-9 {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// A run's own measurements predict itself: the sums of its seconds.
func TestMeasuredPredictsItself(t *testing.T) {
	spec := t1.DefaultSpec()
	spec.RL.Iterations, spec.RL.Prompts, spec.RL.K, spec.RL.MaxTokens = 2, 2, 2, 100
	s := ScratchShape(spec.Model.Scratch, 76)
	records := []t1.Record{
		{Seq: 1, Kind: t1.RecordSFT, SFT: &t1.SFTStep{From: 0, To: 4}, Metrics: map[string]float64{"tokens": 4000}},
		{Seq: 2, Kind: t1.RecordUpdate, Metrics: map[string]float64{"tokens": 100}},
		{Seq: 3, Kind: t1.RecordUpdate, Metrics: map[string]float64{"tokens": 300}},
	}
	observed := []t1.Observation{
		{Seq: 1, Seconds: map[string]float64{"compute": 8}},
		{Seq: 2, Seconds: map[string]float64{"compute": 2, "sample": 5, "score": 0.5, "publish": 1}, Tokens: map[string]int64{"sample": 100}},
		{Seq: 3, Seconds: map[string]float64{"compute": 3, "sample": 9, "score": 0.5, "publish": 1}, Tokens: map[string]int64{"sample": 300}},
	}
	m, err := Measure("r", spec, s, records, observed, nil)
	if err != nil || m.Length != 50 {
		t.Fatalf("%+v, %v", m, err)
	}
	a := defaults(t, m.Assumptions(spec).Over(Assumptions{"demonstration_tokens": 1000}))
	l := LayoutOf(spec.Resources)
	work := NewWork(spec, s, l, Counts{Demonstrations: 512}, a) // 12 steps
	hours := m.Hours(spec, s, work, a)
	for phase, want := range map[string]float64{Sampling: 14, Update: 5, Scoring: 1, Publication: 2, SFT: 3 * 512 * 2} {
		if got := hours[phase] * 3600; math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: %g s, want %g", phase, got, want)
		}
	}
	if _, err := Measure("r", spec, s, records[:1], observed, nil); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("a run without iterations: %v", err)
	}
}

func TestDecodeTableAndAssumptionsRefuse(t *testing.T) {
	good := `{"name":"a","memory_bandwidth":1,"flops":1,"network":1,"host_memory":1,"disk":1}`
	if table, err := DecodeTable([]byte(`{"instances":[` + good + `]}`)); err != nil || len(table.Instances) != 1 {
		t.Fatalf("%+v, %v", table, err)
	}
	for text, want := range map[string]string{
		`{}`:                           "no instances",
		`{"instances":[{"nam":"a"}]}`:  `unknown field "nam"`,
		`{"instances":[{}]}`:           "name: empty",
		`{"instances":[{"name":"a"}]}`: "memory_bandwidth is 0",
		`{"instances":[` + good + `,` + good + `]}`:                               "stands twice",
		`{"instances":[` + strings.Replace(good, `"a"`, `"a","gpus":2`, 1) + `]}`: "gpu_memory is 0",
		`{"assumptions":{"luck":1},"instances":[` + good + `]}`:                   "no assumption luck",
		`{"assumptions":{"response_share":2},"instances":[` + good + `]}`:         "response_share is 2; allowed are 0.001 to 1",
	} {
		if _, err := DecodeTable([]byte(text)); t1.KindOf(err) != t1.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := (Assumptions{"response_share": math.NaN()}).Resolve(); t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("NaN: %v", err)
	}
	table := Table{Instances: []Instance{{Name: "a"}, {Name: "b"}}}
	if got, err := table.Choose([]string{"b"}); err != nil || len(got) != 1 || got[0].Name != "b" {
		t.Errorf("chosen %+v, %v", got, err)
	}
	if _, err := table.Choose([]string{"c"}); t1.KindOf(err) != t1.KindNotFound {
		t.Errorf("chosen c: %v", err)
	}
}

// Every phase has hours, and every assumption is used.
func TestEveryAssumptionCounts(t *testing.T) {
	s, spec := qwen(t), t1.DefaultSpec()
	m := Instance{Name: "x", GPUs: 8, Memory: 400e9, Bandwidth: 4e12, FLOPS: 1e15, Interconnect: 4e8, Network: 4e11, HostMemory: 2e12, Disk: 1e13}
	host := Instance{Name: "y", Bandwidth: 1e10, FLOPS: 1e12, Network: 1e9, HostMemory: 1e15, Disk: 1e13}
	small := host
	small.Name, small.HostMemory = "small", 1e9
	spec.Sampler = t1.SamplerSpec{Kind: t1.SamplerVLLM, VLLM: t1.VLLMSpec{DataType: BFloat16, TensorParallel: 8}}
	spec.Resources.Trainers, spec.Resources.Precision = 8, BFloat16
	whole := func(change Assumptions) Plan {
		all := Plan{}
		for _, of := range []struct {
			task  string
			limit int
		}{{"countdown", 4096}, {"math", 1 << 30}} { // all tokens of a step are below the second
			for _, interconnect := range []float64{4e8, 4e11} {
				m.Interconnect = interconnect
				spec.Task.Name, spec.Resources.MicroTokens = of.task, of.limit
				made, err := New(Input{Spec: spec, Shape: s, Counts: Counts{1000}, Assumptions: change, Instances: []Instance{m, host, small}})
				if err != nil {
					t.Fatal(err)
				}
				made.Assumptions = nil
				all.Instances, all.Work, all.Storage = append(all.Instances, made.Instances...), made.Work, made.Storage
			}
		}
		return all
	}
	before := whole(nil)
	for _, f := range before.Instances {
		if f.Instance == "small" {
			continue
		}
		if len(f.Hours) != len(Phases) || slices.ContainsFunc(Phases, func(p string) bool { return !(f.Hours[p] > 0) }) {
			t.Errorf("%s: %v", f.Instance, f.Hours)
		}
	}
	for _, known := range assumptions {
		if known.Name == "demonstrations" {
			continue // the command counts them
		}
		if other := whole(Assumptions{known.Name: min(known.High, known.Default*0.9+0.01*known.Low)}); same(before, other) {
			t.Errorf("%s changes nothing", known.Name)
		}
	}
}

func same(a, b Plan) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

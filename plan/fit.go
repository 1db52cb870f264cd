package plan

import (
	"fmt"
	"math"

	"t1"
)

// Fit is whether a run fits one instance type, how long it takes and what it
// costs.
type Fit struct {
	Instance string             `json:"instance"`
	Trainers int                `json:"trainers"` // with the change, where one is needed
	Fits     bool               `json:"fits"`
	Lacks    []Lack             `json:"lacks"`   // what does not fit; empty where all does
	Change   []string           `json:"change"`  // the smallest change that makes it fit, as flags of t1 plan; empty where it fits, or none does
	Trainer  TrainerMemory      `json:"trainer"` // of the first device; of a CPU all 0
	Sampler  SamplerMemory      `json:"sampler"` // of one device; of a CPU all 0
	Host     HostMemory         `json:"host"`    // of a CPU engine; beside GPUs only process, state, fine_tune and peak
	Traffic  float64            `json:"traffic"` // bytes between devices that one receives, over the run
	Hours    map[string]float64 `json:"hours"`   // by phase; with the change, where one is needed; 0 where none helps
	Total    float64            `json:"total_hours"`
	OnDemand float64            `json:"on_demand"` // money, of all instances
	Spot     float64            `json:"spot"`      // money; 0: no offer
}

// GPUs is the part of a [Lack] that is a count, not bytes.
const GPUs = "GPUs"

// Lack is one thing that does not fit.
type Lack struct {
	Part string  `json:"part"` // "trainer", "sampler", "GPUs", "host memory" or "disk"
	Most string  `json:"most"` // the largest part of it
	Need float64 `json:"need"` // bytes; GPUs
	Has  float64 `json:"has"`  // bytes that may be planned for; GPUs
}

// run is what New has worked out about a run, whatever the machine.
type run struct {
	spec     t1.Spec
	shape    Shape
	counts   Counts
	assumed  Assumptions
	work     []Work
	storage  Storage
	anchored bool
}

// fit looks at one layout on one instance type, without looking for a change.
func (r run) fit(m machine) Fit {
	f := Fit{Instance: m.Name, Trainers: m.layout.Trainers, Lacks: []Lack{}, Change: []string{}}
	a, l := r.assumed, m.layout
	micro := l.microTokens(r.spec.RL, a)
	work := NewWork(r.spec, r.shape, l, r.counts, a)
	var sampler replica
	if m.GPUs == 0 {
		sampler = r.fitHost(&f, m, micro)
	} else {
		sampler = r.fitDevices(&f, m, micro)
	}
	if hosts := a.of("host_memory_share") * m.HostMemory; f.Host.Peak > hosts {
		f.Lacks = append(f.Lacks, Lack{"host memory", r.mostOfHost(f.Host), f.Host.Peak, hosts})
	}
	if r.storage.Disk > m.Disk {
		f.Lacks = append(f.Lacks, Lack{"disk", "snapshot", r.storage.Disk, m.Disk})
	}
	f.Fits = len(f.Lacks) == 0
	for _, w := range work {
		switch w.Phase {
		case SFT:
			f.Traffic += m.traffic(r.shape, w.Tokens+w.Prefilled, float64(l.MicroTokens), gathered)
		case Update:
			f.Traffic += m.traffic(r.shape, w.Tokens+w.Prefilled, micro, gathered+l.forwards(r.spec.RL, a))
		}
	}
	f.price(m.Instance, m.hours(r.spec, r.shape, work, r.storage, sampler, micro, a))
	return f
}

// price fills in hours and money.
func (f *Fit) price(m Instance, hours map[string]float64) {
	f.Hours, f.Total = map[string]float64{}, 0
	for _, phase := range Phases {
		f.Hours[phase] = hours[phase]
		f.Total += hours[phase]
	}
	f.OnDemand = f.Total * m.OnDemandPerHour
	f.Spot = f.Total * m.SpotPerHour
}

// load is what the engine works on at once.
func (r run) load(l Layout, micro float64) Load {
	rl, scaling := r.spec.RL, r.spec.Evaluation.Scaling
	return Load{
		Supervised: r.supervised(l), Micro: micro, Rows: float64(min(sampleRows, max(1, rl.BlockPrompts)*rl.K)),
		Slots: r.assumed.of("prompt_tokens") + float64(rl.MaxTokens), Anchored: r.anchored, Summary: cuts(scaling) > 0 && scaling.SummaryModel == "sft",
	}
}

// fitHost is the memory of an engine that computes on the CPU.
func (r run) fitHost(f *Fit, m machine, micro float64) replica {
	load := r.load(m.layout, micro)
	f.Host = NewHostMemory(r.shape, m.layout, load, r.assumed)
	return replica{devices: 1, concurrent: load.Rows, element: 4}
}

// supervised is the tokens of the largest micro-batch of fine-tuning.
func (r run) supervised(l Layout) float64 {
	if r.counts.Demonstrations == 0 {
		return 0
	}
	one := r.assumed.of("prompt_tokens") + r.assumed.of("demonstration_tokens")
	step := float64(min(r.counts.Demonstrations, r.spec.SFT.BatchSize)) * one
	return max(one, min(step, float64(l.MicroTokens)))
}

func (r run) mostOfHost(h HostMemory) string {
	return largest([]part{{"fine-tuning", h.FineTune}, {"held policies", h.Held}, {"process", h.Process}, {"sampling", h.Sampling}, {"state", h.State}, {"update", h.Update}})
}

// fitDevices is the memory of trainer and sampler on GPUs, which take turns; the
// trainer's state stays where it is while the sampler works.
func (r run) fitDevices(f *Fit, m machine, micro float64) replica {
	a, l := r.assumed, m.layout
	if needed := max(l.Trainers, r.tensorParallel()); needed > m.GPUs {
		f.Lacks = append(f.Lacks, Lack{GPUs, "trainers or the sampler's tensor_parallel_size", float64(needed), float64(m.GPUs)})
	}
	room := a.of("device_memory_share") * m.Memory
	load := r.load(l, micro)
	t := newTrainer(r.shape, l, true, r.anchored, max(micro, load.Supervised), a)
	f.Trainer = t.TrainerMemory
	if t.Total > room {
		f.Lacks = append(f.Lacks, Lack{"trainer", t.most, t.Total, room})
	}
	f.Host = besideGPUs(r.shape, l, load, a)
	if r.spec.Sampler.Kind == t1.SamplerVLLM {
		return r.placeServer(f, t.resident(), room)
	}
	return r.placeSampler(f, l, load, t.resident(), room)
}

// tensorParallel is the GPUs that share one copy of the sampler's weights; the
// engine samples on one.
func (r run) tensorParallel() int {
	if r.spec.Sampler.Kind == t1.SamplerVLLM {
		return r.spec.Sampler.VLLM.TensorParallel
	}
	return 1
}

// placeSampler is the engine's own sampler, beside the first trainer: float32,
// and its cache allocated for the longest responses.
func (r run) placeSampler(f *Fit, l Layout, load Load, beside, room float64) replica {
	token := 4 * r.shape.kvToken()
	f.sampler(beside, room, SamplerMemory{
		Weights: r.shape.sampling(l), Cache: load.Rows * token * load.Slots, Logits: load.Rows * r.shape.stepLogits(), Concurrent: load.Rows, TokenCache: token,
	})
	return replica{devices: 1, concurrent: load.Rows, element: 4}
}

// placeServer is a vLLM server, its weights divided over the GPUs that the spec
// says, the rest filled with sequences, but with one of the longest at least.
func (r run) placeServer(f *Fit, beside, room float64) replica {
	a, rl, vllm := r.assumed, r.spec.RL, r.spec.Sampler.VLLM
	tensor, element := float64(vllm.TensorParallel), 2.0
	if vllm.DataType == Float32 {
		element = 4
	}
	token := element * r.shape.kvToken()
	longest := token * (a.of("prompt_tokens") + float64(rl.MaxTokens))
	mean := token * (a.of("prompt_tokens") + a.of("response_share")*float64(rl.MaxTokens))
	free := (room-beside)*tensor - element*r.shape.multiplied()
	concurrent := max(1, min(float64(rl.Prompts*rl.K), math.Floor(free/(mean+r.shape.stepLogits()))))
	f.sampler(beside, room, SamplerMemory{
		Weights: element * r.shape.multiplied() / tensor, Cache: max(longest, concurrent*mean) / tensor, Logits: concurrent * r.shape.stepLogits() / tensor,
		Concurrent: concurrent / tensor, TokenCache: token,
	})
	return replica{devices: tensor, concurrent: concurrent, element: element}
}

// sampler sums a sampler's memory up, and compares it with the room there is.
func (f *Fit) sampler(beside, room float64, s SamplerMemory) {
	s.Total = s.Weights + s.Cache + s.Logits
	s.TotalBeside = s.Total + beside
	f.Sampler = s
	if s.TotalBeside > room {
		most := largest([]part{{"cache", s.Cache}, {"the trainer's state beside it", beside}, {"weights", s.Weights}, {"logits", s.Logits}})
		f.Lacks = append(f.Lacks, Lack{"sampler", most, s.TotalBeside, room})
	}
}

// change is the first of some changes, the smallest first, that makes a run fit.
func (r run) change(m Instance, l Layout) (change, bool) {
	for _, c := range r.changes(m, l) {
		if r.fit(machine{m, c.layout}).Fits {
			return c, true
		}
	}
	return change{}, false
}

// change is another layout, and the flags of t1 plan that ask for it: --trainers
// is resources.trainers, and so on.
type change struct {
	layout Layout
	flags  []string
}

// changes are smaller micro-batches, recompute and offload, alone and together, then the same with twice, four times ... the trainers, as many as
// the instance has GPUs for.
func (r run) changes(m Instance, l Layout) []change {
	var all []change
	first, last := l.Trainers, l.Trainers
	if m.GPUs > 0 {
		first, last = min(l.Trainers, m.GPUs), m.GPUs
	}
	for trainers := first; trainers <= last; trainers *= 2 {
		for turn := range 8 {
			if c := r.turned(l, trainers, turn); c.layout != l {
				all = append(all, c)
			}
		}
	}
	return all
}

// turned is a layout with some things other: of turn's bits, from the lowest,
// micro-batches of one response, recompute, offload. What is so already is no
// change.
func (r run) turned(l Layout, trainers, turn int) change {
	c := change{layout: l}
	least := int(math.Ceil(r.assumed.of("prompt_tokens"))) + r.spec.RL.MaxTokens
	set := func(wanted bool, apply func(*Layout), flag string) {
		before := c.layout
		if wanted {
			apply(&c.layout)
		}
		if c.layout != before {
			c.flags = append(c.flags, flag)
		}
	}
	set(true, func(l *Layout) { l.Trainers = trainers }, fmt.Sprintf("--trainers %d", trainers))
	set(turn&1 != 0, func(l *Layout) { l.MicroTokens = min(l.MicroTokens, least) }, fmt.Sprintf("--micro-tokens %d", least))
	set(turn&2 != 0, func(l *Layout) { l.Recompute = true }, "--recompute")
	set(turn&4 != 0, func(l *Layout) { l.Offload = true }, "--offload")
	return c
}

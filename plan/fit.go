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
	Count    int                `json:"count"`   // instances; with the change, where one is needed
	Devices  int                `json:"devices"` // that compute; of a CPU 1
	Fits     bool               `json:"fits"`
	Lacks    []Lack             `json:"lacks"`   // what does not fit; empty where all does
	Change   []string           `json:"change"`  // the smallest change that makes it fit, as flags of t1 plan; empty where it fits, or none does
	Trainer  TrainerMemory      `json:"trainer"` // of one device; of a CPU all 0
	Sampler  SamplerMemory      `json:"sampler"` // of one device; of a CPU all 0
	Host     HostMemory         `json:"host"`    // of a CPU engine; of GPUs only process, state and peak
	Traffic  float64            `json:"traffic"` // bytes between devices that one receives, over the run
	Hours    map[string]float64 `json:"hours"`   // by phase; with the change, where one is needed; 0 where none helps
	Total    float64            `json:"total_hours"`
	OnDemand float64            `json:"on_demand"` // money, of all instances
	Spot     float64            `json:"spot"`      // money; 0: no offer
}

// Lack is one thing that does not fit.
type Lack struct {
	Part string  `json:"part"` // "trainer", "sampler", "host memory" or "disk"
	Most string  `json:"most"` // the largest part of it
	Need float64 `json:"need"` // bytes
	Has  float64 `json:"has"`  // bytes that may be planned for
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
	f := Fit{Instance: m.Name, Count: m.count, Devices: m.devices, Lacks: []Lack{}, Change: []string{}}
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
			f.Traffic += m.traffic(r.shape, w.Tokens+w.Prefilled, float64(l.MicroTokens), l.training()-1)
		case Update:
			f.Traffic += m.traffic(r.shape, w.Tokens+w.Prefilled, micro, l.gathers(r.spec.RL, a))
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
	f.OnDemand = f.Total * m.OnDemandPerHour * float64(f.Count)
	f.Spot = f.Total * m.SpotPerHour * float64(f.Count)
}

// fitHost is the memory of an engine that computes on the CPU.
func (r run) fitHost(f *Fit, m machine, micro float64) replica {
	rl := r.spec.RL
	rows := float64(min(sampleRows, max(1, rl.BlockPrompts)*rl.K))
	slots := r.assumed.of("prompt_tokens") + float64(rl.MaxTokens)
	summary := cuts(r.spec.Evaluation.Scaling) > 0 && r.spec.Evaluation.Scaling.SummaryModel == "sft"
	f.Host = NewHostMemory(r.shape, r.anchored, summary, r.supervised(m.layout), micro, rows, slots, r.assumed)
	return replica{devices: 1, concurrent: rows}
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
	return largest(map[string]float64{"state": h.State, "held policies": h.Held, "fine-tuning": h.FineTune, "update": h.Update, "sampling": h.Sampling, "process": h.Process})
}

// fitDevices is the memory of trainer and sampler on GPUs, which take turns; the
// trainer's state stays where it is while the sampler works.
func (r run) fitDevices(f *Fit, m machine, micro float64) replica {
	a, l := r.assumed, m.layout
	room := a.of("device_memory_share") * m.Memory
	t := NewTrainerMemory(r.shape, l, r.anchored, micro, a)
	f.Trainer = t
	if t.Total > room {
		most := largest(map[string]float64{
			"weights": t.Weights, "master weights": t.Master, "gradients": t.Gradients, "moments": t.Moments, "anchor": t.Anchor,
			"gathered weights": t.Gathered, "activations": t.Activations + t.Allocator, "logits": t.Logits,
		})
		f.Lacks = append(f.Lacks, Lack{"trainer", most, t.Total, room})
	}
	sampler := r.placeSampler(f, m, room, t.resident())
	n := float64(r.shape.Parameters().Total)
	state := r.shape.state(r.anchored) // gathered on one host while a snapshot is written
	if l.Offload {
		each := l.master() + momentBytes
		if r.anchored {
			each += anchorBytes
		}
		state += each * n / float64(m.count)
	}
	f.Host = HostMemory{Process: a.of("process_bytes") * float64(min(m.devices, m.GPUs)), State: state}
	f.Host.Peak = f.Host.Process + state
	return sampler
}

// placeSampler divides the sampler's weights over as few devices of an instance
// as they and one whole sequence fit on, and fills the rest with sequences.
func (r run) placeSampler(f *Fit, m machine, room, beside float64) replica {
	a, rl, element := r.assumed, r.spec.RL, m.layout.element()
	prompt, limit := a.of("prompt_tokens"), float64(rl.MaxTokens)
	token := element * r.shape.kvToken()
	longest := token * (prompt + limit)
	mean := token * (prompt + a.of("response_share")*limit)
	most := float64(min(m.GPUs, m.devices))
	tensor := 1.0
	free := func() float64 { return (room-beside)*tensor - element*r.shape.multiplied() }
	for free() < longest+r.shape.stepLogits() && 2*tensor <= most {
		tensor *= 2
	}
	wanted := math.Ceil(float64(rl.Prompts*rl.K) * tensor / float64(m.devices))
	concurrent := max(1, min(wanted, math.Floor(free()/(mean+r.shape.stepLogits()))))
	s := SamplerMemory{
		Weights: element * r.shape.multiplied() / tensor, Cache: max(longest, concurrent*mean) / tensor, Concurrent: concurrent / tensor,
		Logits: concurrent * r.shape.stepLogits() / tensor, TokenCache: token,
	}
	s.Total = s.Weights + s.Cache + s.Logits
	s.TotalBeside = s.Total + beside
	f.Sampler = s
	if free() < longest+r.shape.stepLogits() {
		part := largest(map[string]float64{"weights": s.Weights, "cache": s.Cache, "the trainer's state beside it": beside})
		f.Lacks = append(f.Lacks, Lack{"sampler", part, s.TotalBeside, room})
	}
	return replica{devices: tensor, concurrent: concurrent}
}

// largest names the greatest part; of equal ones the first in order of name.
func largest(parts map[string]float64) string {
	name, most := "", math.Inf(-1)
	for part, bytes := range parts {
		if bytes > most || bytes == most && part < name {
			name, most = part, bytes
		}
	}
	return name
}

// change is the first of some changes, the smallest first, that makes a run fit.
func (r run) change(m Instance, l Layout) (change, bool) {
	for _, c := range r.changes(m, l) {
		if r.fit(newMachine(m, c.layout)).Fits {
			return c, true
		}
	}
	return change{}, false
}

type change struct {
	layout Layout
	flags  []string
}

// changes are a smaller micro-batch, checkpointing and offload, alone and
// together, then the same on twice, four times ... the devices.
func (r run) changes(m Instance, l Layout) []change {
	least := int(math.Ceil(r.assumed.of("prompt_tokens"))) + r.spec.RL.MaxTokens
	var all []change
	start := newMachine(m, l).devices
	for devices := start; devices <= 1024 && devices <= 128*start; devices *= 2 {
		for _, turn := range []struct{ micro, checkpoint, offload bool }{
			{}, {micro: true}, {checkpoint: true}, {micro: true, checkpoint: true},
			{offload: true}, {micro: true, offload: true}, {checkpoint: true, offload: true}, {true, true, true},
		} {
			c := change{layout: l}
			if devices > start {
				c.layout.Devices = devices
				c.flags = append(c.flags, fmt.Sprintf("--devices %d", devices))
			}
			if turn.micro {
				c.layout.MicroTokens, c.layout.WholePrompts = min(l.MicroTokens, least), false
				c.flags = append(c.flags, "--split-prompts")
			}
			if turn.checkpoint {
				c.layout.Checkpointing = true
				c.flags = append(c.flags, "--checkpointing")
			}
			if turn.offload {
				c.layout.Offload = true
				c.flags = append(c.flags, "--offload")
			}
			if c.layout != l {
				all = append(all, c)
			}
		}
		if m.GPUs == 0 {
			break
		}
	}
	return all
}

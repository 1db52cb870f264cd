package plan

import (
	"fmt"
	"maps"
	"slices"

	"t1"
)

// Assumption is a number that neither the spec nor the machine says.
type Assumption struct {
	Name    string
	Default float64
	Low     float64 // smallest allowed
	High    float64 // largest allowed
	Doc     string
}

// assumptions is the table; a price table and the command line may set each.
// All defaults are ours: to be replaced by what was measured.
var assumptions = []Assumption{
	{"response_share", 0.4, 0.001, 1, "mean length of a response, as a share of max_tokens"},
	{"longest_share", 1, 0.001, 1, "mean length of the responses in the largest micro-batch, as a share of max_tokens; 1 is the worst case"},
	{"prompt_tokens", 200, 1, 1e7, "tokens of a prompt; of a game they are counted"},
	{"demonstration_tokens", 4000, 1, 1e7, "response tokens of a demonstration; of a game they are counted"},
	{"demonstrations", 12000, 0, 1e9, "demonstrations, where the data set is not in the library (P: about 12k)"},
	{"train_utilisation", 0.35, 0.001, 1, "share of the peak FLOPS that training reaches"},
	{"prefill_utilisation", 0.5, 0.001, 1, "share of the peak FLOPS that a forward pass over whole sequences reaches"},
	{"decode_utilisation", 0.25, 0.001, 1, "share of the peak FLOPS that decoding may reach where it is not bound by memory"},
	{"bandwidth_utilisation", 0.6, 0.001, 1, "share of the memory bandwidth that decoding reaches"},
	{"interconnect_utilisation", 0.5, 0.001, 1, "share of the interconnect's bandwidth that gathering shards reaches"},
	{"device_memory_share", 0.9, 0.1, 1, "share of a device's memory that may be planned for"},
	{"host_memory_share", 0.9, 0.1, 1, "share of a host's memory that may be planned for"},
	{"allocator_share", 0.15, 0, 2, "memory a device's allocator holds beyond what activations need, as a share of them"},
	{"host_allocator_share", 0.25, 0, 2, "the same of the CPU engine, measured: 0 to 0.23 (the shapes of plan/engine_test.go)"},
	{"process_bytes", 8.6e8, 0, 1e12, "resident memory of a CPU engine that holds nothing, measured"},
	{"device_bytes", 1.5e9, 0, 1e12, "memory of a device that its context and libraries take"},
	{"storage_bytes_per_second", 1e9, 1, 1e15, "transfer between a machine and the store, where the network is not slower"},
	{"digest_bytes_per_second", 4e9, 1, 1e15, "SHA-256 of a state on one host's cores"},
	{"score_seconds", 1e-4, 0, 1e4, "grading one response in the process, measured"},
	{"program_seconds", 0.05, 0, 1e4, "grading one response by a program: tasks math and exec"},
}

// Assumptions are values by name; a name that is missing has its default.
type Assumptions map[string]float64

// AllAssumptions lists what may be set.
func AllAssumptions() []Assumption { return slices.Clone(assumptions) }

// Resolve writes out every default. A name that is none, or a value out of its
// range, is KindInvalid.
func (a Assumptions) Resolve() (Assumptions, error) {
	all := Assumptions{}
	for _, known := range assumptions {
		all[known.Name] = known.Default
		if given, there := a[known.Name]; there {
			if !(given >= known.Low && given <= known.High) {
				return nil, t1.Errorf(t1.KindInvalid, "assumption %s is %g; allowed are %g to %g", known.Name, given, known.Low, known.High)
			}
			all[known.Name] = given
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if _, there := all[name]; !there {
			return nil, t1.Errorf(t1.KindInvalid, "there is no assumption %s; there are %v", name, slices.Sorted(maps.Keys(all)))
		}
	}
	return all, nil
}

// of is an assumption that must exist.
func (a Assumptions) of(name string) float64 {
	value, there := a[name]
	if !there {
		panic(fmt.Sprintf("assumption %s is not in the table", name))
	}
	return value
}

// Over gives a's values with b's in their place where b has any.
func (a Assumptions) Over(b Assumptions) Assumptions {
	all := Assumptions{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

package plan

import (
	"bytes"
	"encoding/json"
	"slices"

	"t1"
)

// Table is machines and what they cost; examples/prices.yaml is one.
type Table struct {
	AsOf        string      `json:"as_of"`    // date of the prices, for people
	Currency    string      `json:"currency"` // for people
	Source      string      `json:"source"`   // for people
	Assumptions Assumptions `json:"assumptions"`
	Instances   []Instance  `json:"instances"`
}

// Instance is one machine type.
type Instance struct {
	Name            string  `json:"name"`
	GPUs            int     `json:"gpus"`              // 0: the engine computes on the CPU
	Memory          float64 `json:"gpu_memory"`        // bytes of one GPU
	Bandwidth       float64 `json:"memory_bandwidth"`  // bytes a second of one GPU's memory, or of the host's
	FLOPS           float64 `json:"flops"`             // peak of one GPU in bfloat16, dense; without one, of the host in float32
	Interconnect    float64 `json:"interconnect"`      // bytes a second that one GPU sends to others of its instance; 0: none
	Network         float64 `json:"network"`           // bytes a second of the instance to the store
	HostMemory      float64 `json:"host_memory"`       // bytes
	Disk            float64 `json:"disk"`              // bytes
	OnDemandPerHour float64 `json:"on_demand_an_hour"` // money
	SpotPerHour     float64 `json:"spot_an_hour"`      // money; 0: no offer
}

// DecodeTable reads a table in JSON, strictly: a field that is none is a mistake.
// Errors are KindInvalid.
func DecodeTable(data []byte) (Table, error) {
	var table Table
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&table); err != nil {
		return table, t1.Errorf(t1.KindInvalid, "prices: %w", err)
	}
	if len(table.Instances) == 0 {
		return table, t1.Errorf(t1.KindInvalid, "prices: no instances; at least one")
	}
	if _, err := table.Assumptions.Resolve(); err != nil {
		return table, err
	}
	seen := map[string]bool{}
	for i, m := range table.Instances {
		if err := m.check(); err != nil {
			return table, t1.Errorf(t1.KindInvalid, "prices: instances[%d] %q: %w", i, m.Name, err)
		}
		if seen[m.Name] {
			return table, t1.Errorf(t1.KindInvalid, "prices: instances[%d]: the name %q stands twice", i, m.Name)
		}
		seen[m.Name] = true
	}
	return table, nil
}

func (m Instance) check() error {
	if m.Name == "" {
		return t1.Errorf(t1.KindInvalid, "name: empty")
	}
	if m.GPUs < 0 || m.GPUs > 1024 {
		return t1.Errorf(t1.KindInvalid, "gpus is %d; 0 to 1024", m.GPUs)
	}
	for _, field := range []struct {
		name  string
		value float64
		above bool // 0 is not allowed
	}{
		{"gpu_memory", m.Memory, m.GPUs > 0},
		{"memory_bandwidth", m.Bandwidth, true},
		{"flops", m.FLOPS, true},
		{"interconnect", m.Interconnect, m.GPUs > 1},
		{"network", m.Network, true},
		{"host_memory", m.HostMemory, true},
		{"disk", m.Disk, true},
		{"on_demand_an_hour", m.OnDemandPerHour, false},
		{"spot_an_hour", m.SpotPerHour, false},
	} {
		if !(field.value >= 0 && field.value < 1e30) || field.above && field.value == 0 {
			return t1.Errorf(t1.KindInvalid, "%s is %g; a number above 0", field.name, field.value)
		}
	}
	return nil
}

// Choose keeps the instances named, in that order; none named keeps all. A name
// that the table lacks is KindNotFound.
func (t Table) Choose(names []string) ([]Instance, error) {
	if len(names) == 0 {
		return t.Instances, nil
	}
	var chosen []Instance
	for _, name := range names {
		i := slices.IndexFunc(t.Instances, func(m Instance) bool { return m.Name == name })
		if i < 0 {
			return nil, t1.Errorf(t1.KindNotFound, "the price table has no instance %s", name)
		}
		chosen = append(chosen, t.Instances[i])
	}
	return chosen, nil
}

package plan

import "t1"

// Plan is what `t1 plan` prints.
type Plan struct {
	Schema      int         `json:"schema"` // 1
	Model       string      `json:"model"`  // where the shape comes from
	Parameters  Parameters  `json:"parameters"`
	Layout      Layout      `json:"layout"` // of the spec's resources
	Assumptions Assumptions `json:"assumptions"`
	Work        []Work      `json:"work"` // by phase
	Storage     Storage     `json:"storage"`
	Prices      Prices      `json:"prices"`
	Instances   []Fit       `json:"instances"`
	Notes       []string    `json:"notes"` // what a person must know to believe the rest
}

// Prices says where the money comes from.
type Prices struct {
	AsOf     string `json:"as_of"`
	Currency string `json:"currency"`
	Source   string `json:"source"`
}

// Input is what a plan is made of.
type Input struct {
	Spec        t1.Spec // checked; its resources are the layout
	Model       string  // where the shape comes from, for people
	Shape       Shape
	Counts      Counts
	Assumptions Assumptions // those that differ from the defaults
	Table       Table
	Instances   []Instance // of the table
	Measured    *Measured  // nil: none
	Notes       []string
}

// New makes a plan. An assumption that is none is KindInvalid.
func New(in Input) (Plan, error) {
	layout := LayoutOf(in.Spec.Resources)
	assumed := in.Table.Assumptions
	if in.Measured != nil {
		assumed = assumed.Over(in.Measured.Assumptions(in.Spec))
	}
	a, err := assumed.Over(in.Assumptions).Resolve()
	if err != nil {
		return Plan{}, err
	}
	r := run{spec: in.Spec, shape: in.Shape, counts: in.Counts, assumed: a, anchored: in.Spec.RL.Anchor.Action != "none" && in.Spec.RL.Iterations > 0}
	r.work = NewWork(in.Spec, in.Shape, layout, in.Counts, a)
	r.storage = NewStorage(in.Spec, in.Shape, in.Counts, r.work, a)
	p := Plan{
		Schema: 1, Model: in.Model, Parameters: in.Shape.Parameters(), Layout: layout, Assumptions: a, Work: r.work, Storage: r.storage,
		Prices: Prices{AsOf: in.Table.AsOf, Currency: in.Table.Currency, Source: in.Table.Source}, Instances: []Fit{}, Notes: append([]string{}, in.Notes...),
	}
	for _, m := range in.Instances {
		p.Instances = append(p.Instances, r.best(m, in))
	}
	return p, nil
}

// best looks at one instance type and, where the run does not fit, for the
// smallest change: hours and money are then those of the change, and 0 where
// none helps.
func (r run) best(m Instance, in Input) Fit {
	layout := LayoutOf(in.Spec.Resources)
	f := r.fit(machine{m, layout})
	if !f.Fits {
		change, found := r.change(m, layout)
		if !found {
			f.price(m, map[string]float64{})
			f.Traffic = 0
			return f
		}
		layout = change.layout
		g := r.fit(machine{m, layout})
		f.Change, f.Trainers, f.Traffic = change.flags, g.Trainers, g.Traffic
		f.price(m, g.Hours)
	}
	if in.Measured != nil && m.GPUs == 0 {
		f.price(m, in.Measured.Hours(in.Spec, r.shape, NewWork(in.Spec, r.shape, layout, r.counts, r.assumed), r.assumed))
	}
	return f
}

package activities

import (
	"context"
	"io"
	"strings"
	"time"

	"t1"
	"t1/infra/engine"
)

// phaseLimit bounds a phase that shows no progress of its own: starting the
// engine, loading or writing a model. Past it the beats end, and the heartbeat
// timeout takes its course.
const phaseLimit = 10 * time.Minute

// during beats once a second while do runs. It is for phases that cannot say
// how far they are; work that can must beat on its progress alone.
func during(beat beat, do func() error) error {
	return beating(beat, func() bool { return true }, do)
}

// asking is during for a call to an engine, which may have to wait for others'
// calls: as long as those show progress, its own time has not begun.
func asking(client *engine.Client, beat beat, do func() error) error {
	heard := client.Heard()
	return beating(beat, func() bool {
		before := heard
		heard = client.Heard()
		return heard.Equal(before)
	}, do)
}

// beating beats as long as do runs, for phaseLimit after it was last not alone.
func beating(beat beat, alone func() bool, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(phaseLimit); ; {
		select {
		case err := <-done:
			return err
		case now := <-tick.C:
			if !alone() {
				end = now.Add(phaseLimit)
			}
			if now.Before(end) {
				beat(0, 0, 0)
			}
		}
	}
}

// engine gives a client of a live engine with the run's resources, which may
// have to start first.
func (h *Host) engine(ctx context.Context, run string, beat beat) (client *engine.Client, err error) {
	if err := h.setResources(ctx, run); err != nil {
		return nil, err
	}
	err = during(beat, func() error {
		client, err = h.Engine.Get(ctx)
		return err
	})
	return client, err
}

// setResources gives the engine the run's resources. An imported model that is
// evaluated takes an engine that is there as it is: other resources
// would end what a run is doing with it.
func (h *Host) setResources(ctx context.Context, run string) error {
	if strings.HasPrefix(run, modelPlace) {
		if h.Engine.PID() == 0 {
			h.Engine.SetResources(t1.DefaultSpec().Resources)
		}
		return nil
	}
	spec, err := h.spec(ctx, run)
	if err == nil {
		h.Engine.SetResources(spec.Resources)
	}
	return err
}

// moving beats for every piece of an object that passes through.
type moving struct {
	io.Reader
	beat  beat
	total int64
	done  int64
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.done += int64(n)
	m.beat(m.done, m.total, 0)
	return n, err
}

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// Killing is what came of kills at random moments.
type Killing struct {
	Kills int
	Runs  int
	Idle  []time.Duration // after each kill, until a run had sampled or learnt something again
	Took  []time.Duration // of each run
	Wrong []string
}

// Median and worst of the times after a kill; 0 without kills.
func (k Killing) Median() time.Duration { return quantile(k.Idle, 0.5) }

// Worst is the longest.
func (k Killing) Worst() time.Duration { return quantile(k.Idle, 1) }

func quantile(of []time.Duration, q float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[int(q*float64(len(sorted)-1))]
}

// victims of random kills. The whole tree comes as often as the others.
var victims = []string{"engine", "worker", "server", "tree"}

// Kill kills parts of the world at random moments, chosen by seed, until that was
// done as often as asked, in as many runs as that takes.
func (w *World) Kill(ctx context.Context, kills int, seed uint64, calm Outcome) (Killing, error) {
	random := rand.New(rand.NewPCG(seed, 0))
	var all Killing
	for all.Kills < kills {
		run := fmt.Sprintf("random-%d-%d", seed, all.Runs)
		stop, done := make(chan struct{}), make(chan []Hit)
		go func() { done <- w.killUntil(stop, random, kills-all.Kills) }()
		out, err := w.play(ctx, newPlan(run, nil), Row{}, run)
		close(stop)
		hits := <-done
		if err != nil {
			return all, err
		}
		out.compare(calm)
		out.Wrong = append(out.Wrong, w.sampledTwice(run)...)
		for _, idle := range w.idle(run, hits) {
			if idle > 0 { // nothing came after a kill at the run's end
				all.Idle = append(all.Idle, idle)
			}
		}
		for _, wrong := range out.Wrong {
			all.Wrong = append(all.Wrong, run+": "+wrong)
		}
		all.Kills, all.Runs, all.Took = all.Kills+len(hits), all.Runs+1, append(all.Took, out.Took)
		w.Tell("run %s: %d kills, %.0f s, %d of %d kills done", run, len(hits), out.Took.Seconds(), all.Kills, kills)
	}
	return all, nil
}

// killUntil kills at random, every 7 s on average and at least 2 s apart, until it
// is told to stop or has done most.
func (w *World) killUntil(stop <-chan struct{}, random *rand.Rand, most int) []Hit {
	var hits []Hit
	for len(hits) < most {
		pause := 2*time.Second + time.Duration(random.ExpFloat64()*5*float64(time.Second))
		part := victims[random.IntN(len(victims))]
		select {
		case <-stop:
			return hits
		case <-time.After(pause):
		}
		if err := w.Strike(part, syscall.SIGKILL); err == nil { // else it is not there just now
			hits = append(hits, Hit{Phase: part, At: time.Now()})
		}
	}
	<-stop
	return hits
}

package workers

import (
	"reflect"
	"slices"
	"testing"

	"go.temporal.io/sdk/client"

	"t1"
	"t1/activities"
)

// A lazy client connects to nothing: what is built here is registration alone,
// which panics on a name that is taken or a method that is no activity.
func lazy(t *testing.T) Config {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return Config{Client: c, Host: &activities.Host{}}
}

func TestEveryQueueHasAWorker(t *testing.T) {
	c := lazy(t)
	for _, queue := range Queues() {
		if constructors[queue](c) == nil {
			t.Errorf("queue %s has no worker", queue)
		}
	}
}

// What a queue serves is what the contract names: no method more, since each
// exported method becomes callable by name.
func TestActivitiesMatchTheContract(t *testing.T) {
	host := &activities.Host{}
	for _, c := range []struct {
		served   any
		contract reflect.Type
	}{
		{activities.NewControl(host), reflect.TypeFor[t1.Control]()},
		{activities.NewTrainer(host), reflect.TypeFor[t1.Trainer]()},
		{activities.NewSampler(host), reflect.TypeFor[t1.Sampler]()},
		{activities.NewScorer(host), reflect.TypeFor[t1.Scorer]()},
		{activities.NewSynthesizer(host, nil), reflect.TypeFor[t1.Synthesizer]()},
	} {
		if got, want := methods(reflect.TypeOf(c.served)), methods(c.contract); !slices.Equal(got, want) {
			t.Errorf("%T serves %v, the contract names %v", c.served, got, want)
		}
	}
}

func methods(t reflect.Type) []string {
	var names []string
	for m := range t.NumMethod() {
		names = append(names, t.Method(m).Name)
	}
	return names
}

func TestUnknownQueueIsRefused(t *testing.T) {
	c := lazy(t)
	c.Queues = []string{"t1-nonsense"}
	_, err := start(c)
	if t1.KindOf(err) != t1.KindInvalid {
		t.Errorf("unknown queue: got %v", err)
	}
}

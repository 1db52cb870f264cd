package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"t1"
)

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		resources t1.ResourcesSpec
		want      string
	}{
		{t1.ResourcesSpec{Threads: 2}, "-m t1_engine serve --threads 2"},
		{t1.DefaultSpec().Resources, "-m t1_engine serve --threads 2 --precision float32 --micro-tokens 4096"},
		{
			t1.ResourcesSpec{Threads: 3, Trainers: 8, Precision: "bfloat16", MicroTokens: 9, Recompute: true, Offload: true},
			"-m t1_engine.launch --trainers 8 --threads 3 --precision bfloat16 --micro-tokens 9 --recompute --offload",
		},
	} {
		got := Options{Threads: c.resources.Threads, Trainers: trainersOf(c.resources)}.arguments()
		if strings.Join(got, " ") != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// Two trainers are one engine: they start, answer, and all go when it is ended.
func TestTwoTrainers(t *testing.T) {
	ctx := context.Background()
	p := real(t)
	p.SetResources(t1.ResourcesSpec{Threads: 1, Trainers: 2, Precision: "bfloat16"})
	client, err := p.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	about, err := client.Describe(ctx)
	if err != nil || about.Environment["devices"] != "2" || about.Environment["precision"] != "bfloat16" {
		t.Fatalf("%v, %v", about.Environment, err)
	}
	if _, err := client.OpenScratch(ctx, tiny); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(p.life.Directory(), socketName)
	if found := naming(t, socket); len(found) != 3 { // torchrun and two trainers
		t.Fatalf("processes of the engine: %q", found)
	}
	p.Kill()
	for end := time.Now().Add(10 * time.Second); len(naming(t, socket)) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("left behind: %q", naming(t, socket))
		}
	}
}

// naming gives the command lines, of live processes, that name a path.
func naming(t *testing.T, path string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skip("no /proc here")
	}
	var found []string
	for _, file := range files {
		line, _ := os.ReadFile(file) // it may be gone by now
		if slices.Contains(strings.Split(string(line), "\x00"), path) {
			found = append(found, string(line))
		}
	}
	return found
}

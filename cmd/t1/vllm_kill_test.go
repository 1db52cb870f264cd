package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"t1"
	"t1/activities"
	"t1/infra/process/processtest"
)

// sampledBlocks are those of an iteration of testdata/vllm.yaml: a block a prompt.
const sampledBlocks = 12

// killing is what there was when a run's vLLM server was killed.
type killing struct {
	run       string
	iteration int
	group     int                    // of the server's processes
	blocks    map[string]os.FileInfo // of the iteration, complete by then
}

// killVLLM waits until an iteration is partly sampled and kills the process that
// answers requests. Those that compute, which it started, are not ours to kill:
// that they go too is shown by wentOn. It looks at files, often, and knows whom to
// kill beforehand: an iteration of this size is sampled within a second or two.
func (w *world) killVLLM(run string, iteration int) killing {
	w.Helper()
	k := killing{run: run, iteration: iteration}
	w.firstBlock(run, iteration-1)
	pids := w.processes("vllm.entrypoints.openai.api_server")
	if len(pids) == 0 {
		w.Fatal("no vLLM server runs")
	}
	var err error
	if k.group, err = syscall.Getpgid(pids[0]); err != nil {
		w.Fatal(err)
	}
	if computing := processtest.Group(w, k.group); len(computing) < 3 { // the guard, the server, and what it started
		w.Fatalf("the server's processes are %q", computing)
	}
	w.firstBlock(run, iteration)
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		w.Fatalf("kill -9 %d: %v", pids[0], err)
	}
	if k.blocks = w.blocks(k.run, k.iteration); len(k.blocks) >= sampledBlocks {
		w.Fatal("the iteration was all sampled when the server was killed: this shows nothing")
	}
	return k
}

// firstBlock waits for the first block of an iteration.
func (w *world) firstBlock(run string, iteration int) {
	w.Helper()
	const limit = 6 * time.Minute
	for began := time.Now(); len(w.blocks(run, iteration)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > limit {
			w.Fatalf("no block of iteration %d within %s", iteration, limit)
		}
	}
}

// wentOn shows, of a run that has ended, that the server's end cost it nothing:
// all the old processes are gone, and as many tokens were sampled as the
// iteration has. A response that was there and was sampled again would be more.
func (w *world) wentOn(k killing) {
	w.Helper()
	processtest.WantNoGroup(w, k.group)
	now := w.blocks(k.run, k.iteration)
	if len(now) != sampledBlocks {
		w.Errorf("iteration %d has %d blocks, want %d", k.iteration, len(now), sampledBlocks)
	}
	for path := range now {
		if _, complete := k.blocks[path]; !complete {
			delete(now, path)
		}
	}
	if !sameFiles(k.blocks, now) {
		w.Errorf("blocks that were complete when the server was killed, %v, were written again: %v", k.blocks, now)
	}
	responses, kept := 0, int64(0)
	decoder := json.NewDecoder(strings.NewReader(w.run("t1", "explain", k.run, "--iteration", strconv.Itoa(k.iteration), "--json")))
	for decoder.More() {
		var r activities.Explained
		if err := decoder.Decode(&r); err != nil {
			w.Fatal(err)
		}
		responses, kept = responses+1, kept+int64(r.Tokens)
	}
	if sampled := w.observed(k.run, k.iteration).Tokens["sample"]; responses != 8*sampledBlocks || sampled != kept {
		w.Errorf("iteration %d has %d responses of %d tokens together; %d were sampled", k.iteration, responses, kept, sampled)
	}
}

// observed is what was measured while an iteration's record was made.
func (w *world) observed(run string, iteration int) (o t1.Observation) {
	w.Helper()
	for _, line := range w.logged(run) {
		if line.Iteration != iteration {
			continue
		}
		data, err := os.ReadFile(filepath.Join(w.home, "store", t1.ObservedKey(run, line.Seq)))
		if err == nil {
			err = json.Unmarshal(data, &o)
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	return o
}

// processes are the living ones of this world with a word in their arguments.
func (w *world) processes(word string) (pids []int) {
	w.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		w.Fatal(err)
	}
	for _, process := range all {
		environment, _ := os.ReadFile(filepath.Join(process, "environ")) // empty where it has ended, or is another user's
		arguments, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		if bytes.Contains(environment, []byte("T1_HOME="+w.home+"\x00")) && bytes.Contains(arguments, []byte(word)) {
			pid, err := strconv.Atoi(filepath.Base(process))
			if err != nil {
				w.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// leavesNoProcess fails where anything that was started in this world lives on.
func (w *world) leavesNoProcess() {
	if left := w.processes(""); len(left) > 0 {
		w.Errorf("left behind: processes %v", left)
	}
}

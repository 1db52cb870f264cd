package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"t1"
)

// stories say what a reader of a page does beside its commands. A page without
// one is followed as it stands.
var stories = map[string]func(*world){
	"README.md":          (*world).readme,
	"docs/data.md":       (*world).bringing,
	"docs/evaluation.md": (*world).evaluations,
	"docs/operations.md": (*world).operations,
	"docs/plan.md":       (*world).plans,
	"docs/synthesis.md":  (*world).synthesising,
	"docs/vllm.md":       (*world).farFromTheTrainer,
}

// The commands of all documents, run as they stand there, in their order, page
// after page in one world: with a live server, a worker and an engine, and what
// they name beside them. What is not run is in untried.
func TestDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.typed = map[string]bool{}
	w.furnish()
	w.up()
	for _, page := range documents(t) {
		t.Run(page, func(t *testing.T) {
			here := *w
			here.T = t
			if story := stories[page]; story != nil {
				story(&here)
				return
			}
			here.follow(runnable(t, page), nil, nil)
		})
	}
}

// follow runs commands; before and after are what a reader does in between, and
// looks at, each by a part of the command's line.
func (w *world) follow(commands []told, before map[string]func(), after map[string]func(out string)) {
	w.Helper()
	met := map[string]bool{}
	for _, c := range commands {
		if w.typed[c.line] {
			continue // another page tells it too
		}
		w.typed[c.line] = true
		for part, do := range before {
			if strings.Contains(c.line, part) {
				met[part] = true
				do()
			}
		}
		out := w.shell(c.line)
		for part, look := range after {
			if strings.Contains(c.line, part) {
				met[part] = true
				look(out)
			}
		}
	}
	for part := range before {
		if !met[part] {
			w.Errorf("no command of the page has %q", part)
		}
	}
	for part := range after {
		if !met[part] {
			w.Errorf("no command of the page has %q", part)
		}
	}
}

// shell runs a line as it is typed; it must succeed.
func (w *world) shell(line string) string {
	w.Helper()
	if strings.HasPrefix(line, "temporal ") {
		line = "TEMPORAL_ADDRESS=127.0.0.1:" + w.port + " " + line
	}
	return w.run("sh", "-c", line)
}

// furnish puts there what the documents name: models here, on a hub and in a
// bucket, problems, the examples, and endpoints that answer.
func (w *world) furnish() {
	w.Helper()
	w.env = append(bucket(w.T, "bucket", "qwen2.5-0.5b", filesOf(w.T, tinyModel(w))),
		"HF_ENDPOINT="+hub(w.T, "Qwen/Qwen2.5-14B", filesOf(w.T, tinyModel(w))).URL, "HF_HOME="+filepath.Join(w.home, "hub"), "STRONG_API_KEY=sk-planted")
	w.handed("SmolLM2-135M-Instruct", "")
	for _, name := range []string{"test", "train"} {
		data, err := os.ReadFile(filepath.Join(root(w), "library", "testdata", "gsm8k-"+name+"-20.jsonl"))
		if err != nil {
			w.Fatal(err)
		}
		w.write("gsm8k-"+name+".jsonl", string(data))
	}
	if err := os.CopyFS(filepath.Join(w.home, "examples"), os.DirFS(filepath.Join(root(w), "examples"))); err != nil {
		w.Fatal(err)
	}
	w.answerSums()
}

// answerSums has the endpoints of the synthesis example on this machine, and asks
// them one sum that they know; spec.yaml is another like it.
func (w *world) answerSums() {
	w.Helper()
	var calls atomic.Int64
	address := teacher(w.T, &calls).URL
	path := filepath.Join("examples", "synthesis", "sums.yaml")
	text, err := os.ReadFile(filepath.Join(w.home, path))
	if err != nil {
		w.Fatal(err)
	}
	spec := regexp.MustCompile(`http://127\.0\.0\.1:800[01]/v1`).ReplaceAllString(string(text), address)
	spec = strings.Replace(spec, "model: policy", "model: weak\n    api_key_env: STRONG_API_KEY", 1)
	spec = regexp.MustCompile(`(?m)^ *requests_per_minute.*\n`).ReplaceAllString(spec, "")
	w.write(path, spec)
	w.write(filepath.Join("examples", "synthesis", "problems.jsonl"), `{"id":"p","question":"What is 6 x 7?","answer":42}`+"\n")
	w.write("spec.yaml", strings.NewReplacer("problems.jsonl", "examples/synthesis/problems.jsonl", "prompts: prompts", "prompts: examples/synthesis/prompts").Replace(spec))
}

// mine is what a reader of README.md makes of mine.yaml: a small run on imported
// problems, with more than 6 records.
const mine = `
task: {name: number, data: {train: small, held_out: held}}
model: {base: base}
pool: {problems: 2, samples: 2, pass_rate: [-1, 2]}
rl: {iterations: 8, prompts: 2, k: 2, max_tokens: 8, block_prompts: 2}
evaluation: {at: [1], problems: 1, samples: 2, max_tokens: 8, scaling: {fractions: 0, caps: []}}
resources: {threads: 1}
`

func (w *world) readme() {
	w.write("small.jsonl", `{"id":"a","question":"hello 2","answer":"4"}`+"\n"+`{"id":"b","question":"hello 3","answer":"5"}`+"\n")
	w.write("held.jsonl", `{"id":"c","question":"lo 2","answer":"4"}`+"\n")
	w.write("math500.jsonl", `{"id":"d","question":"What is $1+1$?","answer":"2"}`+"\n")
	for _, line := range []string{
		"t1 model import SmolLM2-135M-Instruct --name base", "t1 data import math500.jsonl --name math500 --benchmark",
		"t1 data import gsm8k-test.jsonl --name gsm8k-test --benchmark",
		"t1 data import held.jsonl --name held --benchmark", "t1 data import small.jsonl --name small",
	} {
		w.shell(line)
	}
	says := func(want string) func(string) {
		return func(out string) {
			w.Helper()
			if !strings.Contains(out, want) {
				w.Errorf("%q is not in %s", want, out)
			}
		}
	}
	w.follow(runnable(w, "README.md"), nil, map[string]func(string){
		"spec default":    func(string) { w.write("mine.yaml", w.edited("mine.yaml")) },
		"train mine.yaml": func(string) { w.until("mine", "end", done) },
		"log mine":        says("     8  update"),
		"explain mine":    says("#1  "),
		"verify mine":     says("4 records replayed, every digest is the same"),
		"report mine":     says("report.html"),
		"fork mine":       func(string) { w.until("warmer", "end", done) },
		"synthesize spec": says("synthesis worked started"),
		"eval mine":       says("gain"),
		"completion bash": says("complete "),
	})
}

// edited checks the default spec that a reader starts from, and gives theirs.
func (w *world) edited(path string) string {
	w.Helper()
	if out := w.run("t1", "spec", "check", path); !strings.Contains(out, "is a valid spec") {
		w.Errorf("the default spec: %s", out)
	}
	return mine
}

func (w *world) bringing() {
	w.follow(runnable(w, "docs/data.md"), nil, nil)
	if out := w.run("t1", "model", "list"); strings.Count(out, "\n") < 4 || !strings.Contains(out, "hub:Qwen/Qwen2.5-14B@") || !strings.Contains(out, "s3://bucket/") {
		w.Errorf("models: %s", out)
	}
}

// synthesising follows docs/synthesis.md; the forms with NAME steer a synthesis
// that its endpoint has parked.
func (w *world) synthesising() {
	w.follow(runnable(w, "docs/synthesis.md"), nil, map[string]func(string){
		"status sums": func(string) {
			if s := w.synthesis("sums"); s.Phase != t1.PhaseDone || s.Kept != 1 {
				w.Errorf("synthesis: %+v", s)
			}
		},
	})
	calls := w.writeParked()
	w.shell("t1 synthesize parked.yaml")
	var forms []told
	for _, c := range commandsOf(w, "docs/synthesis.md") {
		if c.block && c.form() {
			forms = append(forms, told{line: strings.Replace(c.line, "NAME", "parked", 1)})
		}
	}
	asked := int64(0)
	parked := func() {
		w.eventually(time.Minute, "parking", func() bool { return calls.Load() > asked && w.synthesis("parked").Parked != nil })
		asked = calls.Load()
	}
	w.follow(forms, map[string]func(){"resolve": parked, "pause": parked}, map[string]func(string){
		"stop": func(string) {
			w.eventually(time.Minute, "end", func() bool { return w.synthesis("parked").Phase == t1.PhaseStopped })
		},
	})
	if got := w.synthesis("parked"); got.Budget != 20 || got.Rejected[t1.RejectSkipped] != 1 {
		w.Errorf("steered: %+v", got)
	}
}

// writeParked writes a synthesis of three problems whose endpoint knows nobody,
// and gives the number of times that it was asked.
func (w *world) writeParked() *atomic.Int64 {
	w.Helper()
	calls := &atomic.Int64{}
	refusing := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		http.Error(rw, "who are you", http.StatusUnauthorized)
	}))
	w.Cleanup(refusing.Close)
	w.write("three.jsonl", `{"question":"1 + 1?","answer":2}`+"\n"+`{"question":"2 + 1?","answer":3}`+"\n"+`{"question":"3 + 1?","answer":4}`+"\n")
	w.write("parked.yaml", fmt.Sprintf(`
problems: three.jsonl
prompts: examples/synthesis/prompts
endpoints: [{name: one, model: one, base_url: %q, attempts: 1, price_out: 1}]
roles: {critique: one, merge: one, rewrite: one}
width: 1
`, refusing.URL))
	return calls
}

// Package program lets any program grade: one that runs tests, proves terms or
// asks another library.
//
// # The protocol
//
// The program is started once and reads items from its standard input, one JSON
// object a line:
//
//	{"id":"7","prompt":"2+2?","answer":"4","data":"","response":"It is 4."}
//
// prompt, answer and data are the problem's own, response is what is to be
// judged. For each item, in order, it writes one line to its standard output
// and flushes it:
//
//	{"id":"7","correct":true,"answer":"4"}
//
// id is the item's. answer is the response's own answer in such a form that
// equal answers are equal strings, for majority votes; empty where there is
// none. Other keys are ignored. A line has at most 64 KiB. The next item comes
// when the verdict is there, and nothing else may stand on standard output;
// standard error is free. When its standard input ends, the program should end.
//
// After each start the first item is a trial, with the id "trial": a problem of
// the batch and its reference answer as the response. It shows that the program
// works and takes the time to start; its verdict is not used.
//
// # What can go wrong
//
// An item that gets no verdict is wrong, and [Verdict.Reason] says why: no
// verdict within the limit ([TimedOut]), the program ended ([Crashed]), or
// what it wrote is no verdict on the item ([NotAVerdict]). The program is then
// killed, with every process of its group, and started again for the next item.
// One that fails the trial three times running, or three problems running
// before it has judged any, is broken, and [Grader.Grade] says so.
//
// # What the program gets
//
// A process group of its own, which dies with us however we die; the
// environment variables PATH, HOME and LANG and those listed; bounded memory.
// That is no sandbox: whoever grades code that a model wrote isolates it in the
// program.
package program

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"t1"
)

// Program says what grades and within which bounds.
type Program struct {
	Command     []string      // the program, found as a shell finds it, and its arguments
	Limit       time.Duration // for a verdict on one item; 0 means 10 s
	Startup     time.Duration // for the trial, from the start; 0 means 60 s
	Memory      int64         // bytes of address space that each of its processes may have; 0 means 4 GiB, below 0 no bound
	Environment []string      // "NAME=value", beside PATH, HOME and LANG
}

// What zero values of Program mean.
const (
	defaultLimit   = 10 * time.Second
	defaultStartup = time.Minute
	defaultMemory  = 4 << 30
)

// Item is a response to judge.
type Item struct {
	ID       string `json:"id"` // unique in its batch, and not "trial"
	Prompt   string `json:"prompt"`
	Answer   string `json:"answer"`
	Data     string `json:"data"`
	Response string `json:"response"`
}

// Verdict is what the program said of an item.
type Verdict struct {
	ID      string
	Correct bool
	Answer  string // normalised by the program; empty where there is none
	Reason  string // empty for a verdict, else why there is none: one of those below
	Detail  string // what is known of the reason: how the program ended and its last words
}

// Reasons for which an item has no verdict.
const (
	TimedOut    = "timeout"
	Crashed     = "crashed"
	NotAVerdict = "not a verdict"
)

// Grader is a running program. One goroutine uses it at a time; for more speed,
// start several.
type Grader struct {
	program Program
	process *process // nil when it has to be started
	tried   bool     // process has passed the trial
	judged  bool     // some item has had a verdict
	failed  []string // prompts of the problems that failed before any had a verdict
}

// Start starts a program. Settings that cannot be are KindInvalid, a program
// that is not there KindNotFound.
func Start(p Program) (*Grader, error) {
	if len(p.Command) == 0 || p.Command[0] == "" {
		return nil, t1.Errorf(t1.KindInvalid, "a grading program has no command")
	}
	if p.Limit < 0 || p.Startup < 0 {
		return nil, t1.Errorf(t1.KindInvalid, "a grading program's limits: got %s and %s, want none below 0", p.Limit, p.Startup)
	}
	path, err := exec.LookPath(p.Command[0])
	if err != nil {
		return nil, t1.Errorf(t1.KindNotFound, "no grading program %q: %w", p.Command[0], err).
			WithHint("give the path of an executable file, or install the program where PATH leads to it")
	}
	p.Command = append([]string{path}, p.Command[1:]...)
	p.Environment = append(inherited(), p.Environment...)
	p.Limit, p.Startup, p.Memory = orElse(p.Limit, defaultLimit), orElse(p.Startup, defaultStartup), orElse(p.Memory, defaultMemory)
	g := &Grader{program: p}
	return g, g.start()
}

func orElse[T time.Duration | int64](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

// inherited is what a program may see of our environment: no credentials.
func inherited() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name != "PATH" && name != "HOME" && name != "LANG"
	})
}

// Close ends the program and every process of its group.
func (g *Grader) Close() {
	if g.process != nil {
		g.process.end()
		g.process = nil
	}
}

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// told is a command as a document tells it.
type told struct {
	line  string // without prompt, comment and .bin/
	shown string // what the document shows that it prints; empty: nothing
	block bool   // stands in a code block, so it is there to be typed
	title bool   // is the title of a section on it
}

// untried are the commands that no test runs, each with the reason. They must be
// right all the same: the command is there, and takes these flags and arguments.
var untried = map[string]string{
	"t1 up": "runs until Ctrl-C; every world starts it, on ports of its own",
	"t1 up --temporal-port 7300 --ui-port 8300":   "as t1 up, on ports that may be taken here",
	"t1 worker --queues t1-synthesize":            "runs until Ctrl-C; t1 up starts one",
	"t1 ablate examples/ablations/countdown.yaml": "an hour; TestAblate runs a small study, TestStudies reads this one",
	"t1 resolve demo retry":                       "the temporal command below it resolves demo, which is parked once",
}

// messages begin as commands do, and are what t1 says.
var messages = []string{"t1 is up already"}

// placeholder is a word in capitals that stands for something: a command with
// one is a form, which can be parsed but not run.
var placeholder = regexp.MustCompile(`^\[?(RUN|NEW|NAME|SPEC|FILE|PATH|DIR|MODEL|OTHER|BUILD|N)\]?$`)

func (c told) form() bool { return slices.ContainsFunc(words(c.line), placeholder.MatchString) }

// mentioned is a command's name in a sentence, with nothing to run it on.
func (c told) mentioned() bool {
	if c.block || !strings.HasPrefix(c.line, "t1 ") {
		return false
	}
	found, rest, err := (&tool{}).rootCommand().Find(words(c.line)[1:])
	return err == nil && len(rest) == 0 && found.HasParent()
}

// runs reports whether a test is to run the command.
func (c told) runs() bool {
	program := words(c.line)[0]
	special := c.title || c.form() || c.mentioned() || untried[c.line] != "" || slices.Contains(messages, c.line)
	return (program == "t1" || program == "temporal") && !special
}

// documents are the pages that tell commands, README.md first.
func documents(t testing.TB) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root(t), "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	names := []string{"README.md"}
	for _, page := range pages {
		names = append(names, "docs/"+filepath.Base(page))
	}
	return names
}

var (
	typed    = regexp.MustCompile(`^(\$ )?(\.bin/)?((t1|temporal|make|scripts/\w+) [a-zA-Z-].*|(t1|make|scripts/\w+))$`)
	quoted   = regexp.MustCompile("`((t1|temporal|make) [^`]+)`")
	heading  = regexp.MustCompile(`^#+ (t1 .*)$`)
	comment  = regexp.MustCompile(`\s+# .*$`)
	diagrams = "─▶│└"
)

// commandsOf gives all commands of a page, in order: those of its code blocks,
// fenced or indented, of its titles, and those that stand in a sentence.
func commandsOf(t testing.TB, page string) []told {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), page))
	if err != nil {
		t.Fatal(err)
	}
	var all []told
	var fenced bool
	var prose strings.Builder // a command in a sentence may go over the end of a line
	flush := func() {
		for _, m := range quoted.FindAllStringSubmatch(prose.String(), -1) {
			all = append(all, told{line: m[1]})
		}
		prose.Reset()
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		bare := strings.TrimSpace(line)
		found := typed.FindStringSubmatch(comment.ReplaceAllString(bare, ""))
		title := heading.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(bare, "```"):
			flush()
			fenced = !fenced
		case (fenced || strings.HasPrefix(line, "    ")) && found != nil && !strings.ContainsAny(line, diagrams):
			flush()
			all = append(all, told{line: found[3], block: true, shown: found[1]})
		case fenced && len(all) > 0 && all[len(all)-1].shown != "":
			all[len(all)-1].shown += line + "\n"
		case title != nil:
			flush()
			all = append(all, told{line: title[1], title: true})
		case !fenced:
			prose.WriteString(bare + " ")
		}
	}
	flush()
	for i := range all {
		all[i].shown = strings.TrimPrefix(all[i].shown, "$ ")
	}
	return all
}

// runnable gives the commands of a page that its story runs.
func runnable(t testing.TB, page string) []told {
	return slices.DeleteFunc(commandsOf(t, page), func(c told) bool { return !c.runs() })
}

// Every command of a document is one that is there; what is not run by a story
// below says why, and takes the flags and arguments that the document gives it.
func TestDocumentsTellCommandsThatAreThere(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, page := range documents(t) {
		for _, c := range commandsOf(t, page) {
			seen[c.line] = true
			if slices.Contains(messages, c.line) {
				continue
			}
			if err := right(t, c, string(makefile)); err != nil {
				t.Errorf("%s: %s: %v", page, c.line, err)
			}
		}
	}
	for _, line := range slices.Concat(slices.Collect(maps.Keys(untried)), messages) {
		if !seen[line] {
			t.Errorf("no document tells %q any more", line)
		}
	}
	if len(seen) < 80 {
		t.Errorf("the documents tell %d commands; there were 80", len(seen))
	}
}

// right says what is wrong with a command, without running it.
func right(t testing.TB, c told, makefile string) error {
	args := words(c.line)
	switch {
	case args[0] == "t1":
		if c.mentioned() {
			return nil
		}
		return parses(args[1:])
	case args[0] == "make" && len(args) > 1:
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(args[1]) + `:`).MatchString(makefile) {
			return errors.New("the Makefile has no such target")
		}
	case strings.HasPrefix(args[0], "scripts/"):
		said, err := exec.Command(filepath.Join(root(t), args[0])).CombinedOutput()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(said), args[0]+" ") {
			return fmt.Errorf("without arguments it ends with %w and says %q", err, said)
		}
	}
	return nil
}

// parses finds the command and has it take its flags and arguments.
func parses(args []string) error {
	for i, word := range args {
		if word == "|" || word == ">" { // the shell's
			args = args[:i]
			break
		}
	}
	args = slices.Clone(args)
	for i, word := range args {
		args[i] = strings.Trim(word, "[]") // as a form writes what may be left out
		if args[i] == "N" {
			args[i] = "1"
		}
	}
	root := (&tool{}).rootCommand()
	root.InitDefaultCompletionCmd()
	found, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	found.InitDefaultHelpFlag()
	if err := found.ParseFlags(rest); err != nil {
		return err
	}
	if err := found.ValidateArgs(found.Flags().Args()); err != nil {
		return err
	}
	return found.ValidateFlagGroups()
}

// words splits a command line at spaces, but for what stands in quotes.
func words(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|[^\s'"]+`).FindAllStringSubmatch(line, -1) {
		word := m[0]
		if strings.ContainsAny(word[:1], `'"`) {
			word = m[1] + m[2]
		}
		out = append(out, word)
	}
	return out
}

func TestWords(t *testing.T) {
	got := words(`t1 set demo --input '{"a": "b"}' --choices "A 1,A 2"`)
	if want := []string{"t1", "set", "demo", "--input", `{"a": "b"}`, "--choices", "A 1,A 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A mistake in a document is found.
func TestWrongCommandsAreFound(t *testing.T) {
	for line, want := range map[string]string{
		"t1 trian mine.yaml":              "trian",
		"t1 train":                        "needs SPEC",
		"t1 verify mine --form 3":         "--form",
		"t1 log a b":                      `got "b" as well`,
		"t1 fork mine --wait --json":      "none of the others can be",
		"make tset":                       "no such target",
		"scripts/nothing RUN":             "no such file",
		"t1 explain RUN --iteration many": "invalid argument",
	} {
		if err := right(t, told{line: line, block: true}, "test: setup\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
	if err := right(t, told{line: "t1 model export RUN [--at N] DIR"}, ""); err != nil {
		t.Errorf("a form: %v", err)
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"

	"t1"
)

// hubName is the form of a model's name on a hub: organisation/model.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)

// fetchHub has the engine's project download a model from a hub, and answers the
// address it came from, with its commit.
func (t *tool) fetchHub(ctx context.Context, name, revision, target string) (source string, err error) {
	python, err := t.settings.python()
	if err != nil {
		return "", err
	}
	directory, err := t.settings.engineDir()
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, python, "-m", "t1_engine.hub", name, target, "--revision", revision)
	c.Dir, c.Env = directory, append(os.Environ(), "PYTHONPATH="+directory)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", err
	}
	var done struct {
		Commit string `json:"commit"`
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if json.Unmarshal(lines.Bytes(), &done) != nil {
			fmt.Fprintln(t.err, lines.Text())
		}
	}
	err = c.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return "", hubError(exit.ExitCode(), said.String(), name)
	}
	return "hub:" + name + "@" + done.Commit, err
}

// hubError gives a meaning to how the download ended; the statuses are those of
// engine/t1_engine/hub.py.
func hubError(status int, said, name string) error {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	last := lines[len(lines)-1]
	switch status {
	case 2:
		hint := "t1 model import --help says what can be imported"
		if strings.Contains(last, "huggingface_hub") {
			hint = fmt.Sprintf("cd engine && uv sync --frozen --no-dev --inexact --group import; or, elsewhere: hf download %s --local-dir %s, and import that directory", name, path.Base(name))
		}
		return t1.Errorf(t1.KindInvalid, "%s", last).WithHint("%s", hint)
	case 3:
		return t1.Errorf(t1.KindNotFound, "there is no directory %s here, and %s", name, last).WithHint("look for its name on the hub, organisation/model")
	case 5:
		return t1.Errorf(t1.KindDiskFull, "%s", last).WithHint("importing needs room for the model twice below T1_HOME/cache, and once in the store")
	case 6:
		return t1.Errorf(t1.KindCorrupt, "%s", last).WithHint("import again; nothing was stored")
	case 75:
		return t1.Errorf(t1.KindUnavailable, "there is no directory %s here, and %s", name, last).
			WithHint("where a hub is reachable: hf download %s --local-dir %s; then here: t1 model import %s --name NAME", name, path.Base(name), path.Base(name))
	}
	return t1.Errorf(t1.KindInternal, "fetching %s ended with status %d: %s", name, status, last)
}

//go:build !linux

package devserver

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// born says since when the process with a number has run: the same string for
// the same process only, to the second.
func born(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid)).Output()
	since := strings.TrimSpace(string(out))
	if err != nil || since == "" {
		return "", os.ErrProcessDone
	}
	return since, nil
}

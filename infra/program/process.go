package program

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// verdictBytes bounds a line of output.
const verdictBytes = 64 << 10

// wrapper is the shell script in which a program runs; $0 is the bound on memory
// in KiB, $@ the command. It leaves behind a watcher, in the program's group but
// not among its children, which reads from descriptor 3: that ends when we do,
// however we do, and then the whole group is killed. A parent-death signal would
// reach the program alone and not what it started.
const wrapper = `( ( read -r _ <&3; kill -9 0 ) </dev/null >/dev/null 2>&1 & )
ulimit -v "$0" && exec "$@" 3<&-`

// process is one start of a program.
type process struct {
	command *exec.Cmd
	started time.Time
	in      *os.File // its standard input
	out     *os.File // its standard output
	lines   *bufio.Reader
	life    *os.File // closed when the process is to end; see wrapper
	stderr  *tail
}

func start(p Program) (*process, error) {
	memory := "unlimited"
	if p.Memory > 0 {
		memory = strconv.FormatInt(max(p.Memory>>10, 1), 10)
	}
	c := exec.Command("/bin/sh", append([]string{"-c", wrapper, memory}, p.Command...)...)
	c.Env = p.Environment
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.WaitDelay = time.Second // for what left the group and holds standard error
	s := &process{command: c, stderr: &tail{}, started: time.Now()}
	c.Stderr = s.stderr
	theirs, err := s.connect()
	if err == nil {
		err = c.Start()
	}
	for _, end := range theirs {
		_ = end.Close()
	}
	if err != nil {
		s.disconnect()
		return nil, err
	}
	s.lines = bufio.NewReaderSize(s.out, verdictBytes)
	return s, nil
}

// connect makes the pipes and gives the program's ends of them.
func (s *process) connect() (theirs []*os.File, err error) {
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	stdin, in := pipe()
	out, stdout := pipe()
	watched, life := pipe()
	s.in, s.out, s.life = in, out, life
	theirs = []*os.File{stdin, stdout, watched}
	if err == nil {
		s.command.Stdin, s.command.Stdout, s.command.ExtraFiles = stdin, stdout, []*os.File{watched}
	}
	return theirs, err
}

func (s *process) disconnect() {
	for _, end := range []*os.File{s.in, s.out, s.life} {
		_ = end.Close() // nil where it was never made
	}
}

// judge sends an item and waits for the verdict.
func (s *process) judge(ctx context.Context, item Item, limit time.Duration) Verdict {
	s.deadline(time.Now().Add(limit))
	stop := context.AfterFunc(ctx, func() { s.deadline(time.Unix(1, 0)) })
	defer stop()
	line, err := encode(item)
	if err == nil {
		_, err = s.in.Write(line)
	}
	if err == nil {
		line, err = s.lines.ReadSlice('\n')
	}
	switch {
	case err == nil:
		return decode(item.ID, line)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Verdict{ID: item.ID, Reason: TimedOut, Detail: "after " + limit.Round(time.Millisecond).String()}
	case errors.Is(err, bufio.ErrBufferFull):
		return Verdict{ID: item.ID, Reason: NotAVerdict, Detail: "a line of over 64 KiB"}
	}
	return Verdict{ID: item.ID, Reason: Crashed}
}

func (s *process) deadline(at time.Time) {
	_ = s.in.SetWriteDeadline(at)
	_ = s.out.SetReadDeadline(at)
}

func encode(item Item) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(item)
	return line.Bytes(), err
}

// decode reads the verdict on the item with an id.
func decode(id string, line []byte) Verdict {
	var v struct {
		ID      *string `json:"id"`
		Correct *bool   `json:"correct"`
		Answer  *string `json:"answer"`
	}
	if json.Unmarshal(line, &v) != nil || v.ID == nil || *v.ID != id || v.Correct == nil || v.Answer == nil {
		return Verdict{ID: id, Reason: NotAVerdict, Detail: excerpt(line)}
	}
	return Verdict{ID: id, Correct: *v.Correct, Answer: *v.Answer}
}

// end kills the program and its group and clears up behind it. The program was
// not waited for before, so its number is not another's.
func (s *process) end() {
	_ = syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL)
	_ = s.command.Wait() // its ProcessState says how it ended
	s.disconnect()
}

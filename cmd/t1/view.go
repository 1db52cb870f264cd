package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"t1"
)

// view shows a run's progress.
type view interface {
	Show(frame)
	Waiting(why string) // the run does not answer just now
	Note(text string)   // something that must stay to be read
	Close()
}

// newView draws on a terminal and writes lines elsewhere.
func (t *tool) newView() view {
	if file, ok := t.err.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		width := func() int {
			w, _, err := term.GetSize(int(file.Fd()))
			if err != nil || w < 20 {
				return 80
			}
			return w
		}
		return &drawing{out: t.err, width: width, began: time.Now()}
	}
	return &lines{out: t.err, now: time.Now}
}

// drawing redraws its lines in place; a phase that is over leaves its bar.
type drawing struct {
	out   io.Writer
	width func() int
	began time.Time

	last  frame
	drawn int // lines on the screen that are ours
}

const barWidth = 24

func (d *drawing) Show(f frame) {
	if d.last.phase != "" && f.phase != d.last.phase {
		d.leave(f)
	}
	d.last = f
	d.draw(d.linesOf(f)...)
}

// leave keeps the finished phase's bar on the screen and begins below it. What
// was last seen of it may be a look old.
func (d *drawing) leave(next frame) {
	if d.last.total == 0 {
		d.erase()
		return
	}
	finished := d.last
	finished.step, finished.left, finished.done = "", 0, finished.total
	if finished.phase == t1.PhaseRL {
		finished.done = next.rl // an evaluation comes in between
	}
	d.draw(d.linesOf(finished)...)
	d.drawn = 0
}

func (d *drawing) linesOf(f frame) []string {
	all := []string{d.barLine(f)}
	for _, figures := range [][]figure{f.figures, f.reasons} {
		if len(figures) > 0 {
			all = append(all, "  "+line(figures))
		}
	}
	return all
}

func (d *drawing) barLine(f frame) string {
	share := 0.0
	if f.total > 0 {
		share = min(1, float64(f.done)/float64(f.total))
	}
	full := int(share * barWidth)
	bar := strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
	parts := []string{fmt.Sprintf("%-10s %s %4d/%-4d", f.phase, bar, f.done, f.total)}
	for _, part := range []string{f.leftText(), f.step} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

func (d *drawing) Waiting(why string) {
	d.draw(d.barLine(d.last), "  waiting: "+why)
}

func (d *drawing) Note(text string) {
	d.erase()
	fmt.Fprintln(d.out, text)
}

func (d *drawing) Close() {
	d.drawn = 0
	fmt.Fprintf(d.out, "  %s in all\n", clock(time.Since(d.began)))
}

func (d *drawing) draw(text ...string) {
	d.erase()
	for _, line := range text {
		fmt.Fprintln(d.out, fit(line, d.width()))
	}
	d.drawn = len(text)
}

// erase takes our lines off the screen: up, and clear to its end.
func (d *drawing) erase() {
	if d.drawn > 0 {
		fmt.Fprintf(d.out, "\x1b[%dA\x1b[J", d.drawn)
	}
	d.drawn = 0
}

// fit cuts a line so that it never wraps, which would spoil the redraw.
func fit(line string, width int) string {
	runes := []rune(line)
	if len(runes) < width {
		return line
	}
	return string(runes[:max(0, width-2)]) + "…"
}

// lines writes a line when there is something new, and never more than one in
// two seconds but for a change of phase.
type lines struct {
	out  io.Writer
	now  func() time.Time
	last frame
	at   time.Time
	mute bool // the waiting was told
}

const lineEvery = 2 * time.Second

func (l *lines) Show(f frame) {
	l.mute = false
	same := f.phase == l.last.phase && f.seq == l.last.seq && f.done == l.last.done
	if same || (f.phase == l.last.phase && l.now().Sub(l.at) < lineEvery) {
		return
	}
	l.last, l.at = f, l.now()
	parts := []string{fmt.Sprintf("%s %d/%d", f.phase, f.done, f.total)}
	for _, part := range []string{line(f.figures), line(f.reasons), f.leftText()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	fmt.Fprintln(l.out, strings.Join(parts, "  "))
}

func (l *lines) Waiting(why string) {
	if !l.mute {
		fmt.Fprintln(l.out, "waiting: "+why)
	}
	l.mute = true
}

func (l *lines) Note(text string) { fmt.Fprintln(l.out, text) }
func (l *lines) Close()           {}

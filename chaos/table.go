package chaos

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Line is a row of the table with what came of it.
type Line struct {
	Row
	Outcome
	Err error // it did not end
}

// Holds reports whether everything that must hold does.
func (l Line) Holds() bool { return l.Err == nil && len(l.Wrong) == 0 }

// Write writes the table as Markdown: a column a phase, in each cell the seconds
// from the fault until the run had sampled or learnt something again.
func Write(out io.Writer, calm time.Duration, lines []Line) {
	names := []string{}
	for _, phase := range Phases() {
		names = append(names, phase.Name)
	}
	fmt.Fprintf(out, "| fault | %s | the run | parked | holds |\n", strings.Join(names, " | "))
	fmt.Fprintf(out, "|---|%s\n", strings.Repeat("---|", len(names)+3))
	for _, line := range lines {
		cells := make([]string, len(names))
		for i, hit := range line.Hits {
			if at := slices.Index(names, hit.Phase); at >= 0 && i < len(line.Idle) {
				cells[at] = fmt.Sprintf("%.1f", line.Idle[i].Seconds())
			}
		}
		holds := "yes"
		if !line.Holds() {
			holds = "**no**"
		}
		fmt.Fprintf(out, "| %s | %s | %.0f s | %d | %s |\n", line.Fault, strings.Join(cells, " | "), line.Took.Seconds(), len(line.Parked), holds)
	}
	fmt.Fprintf(out, "\nThe run that nobody disturbed took %.0f s.\n", calm.Seconds())
	for _, line := range lines {
		if line.Err != nil {
			fmt.Fprintf(out, "- %s: %v\n", line.Fault, line.Err)
		}
		for _, wrong := range line.Wrong {
			fmt.Fprintf(out, "- %s: %s\n", line.Fault, wrong)
		}
	}
}

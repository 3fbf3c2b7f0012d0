package main

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/internal/impact"
)

// A summaryLine is the last line of a listing.
type summaryLine struct {
	none   string // printed if there are no changes
	counts string // format of the numbers of added, edited and deleted objects
}

var (
	pending    = summaryLine{"no difference", "%d to add, %d to change, %d to delete"}
	dryRunDone = summaryLine{"dry run: nothing to do", "dry run: %d to add, %d to change, %d to delete"}
	applied    = summaryLine{"nothing to do", "applied: %d added, %d changed, %d deleted"}
	deleted    = summaryLine{"nothing to do", "deleted: %d added, %d changed, %d deleted"}
)

// A changeSet is a plan to print, applied or not.
type changeSet interface {
	Changes() []lvsmark.Change
	Notes() []string
	Warnings() []string
}

var _ changeSet = (*lvsmark.Plan)(nil)

// printChanges writes a change set in format f. In text, notes and warnings go to
// standard error; in JSON, they are part of the document.
func (s streams) printChanges(f format, result changeSet, last summaryLine) error {
	if f == formatJSON {
		return s.printJSON(newChangesDocument(result))
	}
	for _, note := range result.Notes() {
		s.printErr("lvsmark: note: %s", note)
	}
	for _, warning := range result.Warnings() {
		s.printErr("%s", paletteOf(s.err).paint(yellow, "lvsmark: warning: "+warning))
	}
	return s.print(listing(result.Changes(), paletteOf(s.out)) + last.line(result.Changes()) + "\n")
}

func (c summaryLine) line(changes []lvsmark.Change) string {
	if len(changes) == 0 {
		return c.none
	}
	counts := make(map[lvsmark.Op]int)
	for _, change := range changes {
		counts[change.Op]++
	}
	return fmt.Sprintf(c.counts, counts[lvsmark.Add], counts[lvsmark.Edit], counts[lvsmark.Delete]) + "; " + lvsmark.Sum(changes).String()
}

// listing writes each change on a line of its own, below the object that contains
// it, followed by a line with its effect on live traffic unless that is safe. The
// containing objects are in the order of the first change of each.
func listing(changes []lvsmark.Change, colours palette) string {
	byParent := make(map[string][]int)
	var parents []string
	for i, change := range changes {
		if byParent[change.Where] == nil {
			parents = append(parents, change.Where)
		}
		byParent[change.Where] = append(byParent[change.Where], i)
	}
	var b strings.Builder
	b.Grow(len(changes) * bytesPerChange)
	for _, parent := range parents {
		b.WriteString(colours.heading(headingOf(parent)) + "\n")
		for _, i := range byParent[parent] {
			writeChange(&b, &changes[i], colours)
		}
	}
	if len(parents) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// bytesPerChange is the typical length of a change in the listing.
const bytesPerChange = 48

func headingOf(parent string) string {
	if parent == "" {
		return "kernel"
	}
	return parent
}

func writeChange(b *strings.Builder, change *lvsmark.Change, colours palette) {
	text := change.After
	switch {
	case change.Op == lvsmark.Delete:
		text = change.Before
	case change.Op == lvsmark.Edit:
		text = change.Before + " -> " + change.After
	}
	// Further lines of an object are indented below its sign.
	text = strings.ReplaceAll(text, "\n", "\n    ")
	start, end := colours.change(change.Op)
	for _, piece := range []string{"  ", start, signOf(change.Op), " ", change.Kind, " ", text, end, "\n"} {
		b.WriteString(piece)
	}
	if i := change.Impact; i.Effect != impact.Safe || i.Detail != "" {
		b.WriteString("    # " + colours.impact(i.Effect, i.String()) + "\n")
	}
}

func signOf(op lvsmark.Op) string {
	switch op {
	case lvsmark.Add:
		return "+"
	case lvsmark.Delete:
		return "-"
	}
	return "~"
}

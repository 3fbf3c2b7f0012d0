package main

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark"
)

// A closing is the line below a listing: what became of the changes.
type closing struct {
	none   string // there are no changes
	counts string // of how many are added, edited and deleted
}

var (
	pending   = closing{"no difference", "%d to add, %d to change, %d to delete"}
	rehearsed = closing{"dry run: nothing to do", "dry run: %d to add, %d to change, %d to delete"}
	applied   = closing{"nothing to do", "applied: %d added, %d changed, %d deleted"}
	deleted   = closing{"nothing to do", "deleted: %d added, %d changed, %d deleted"}
)

// printChanges writes a result in the format that was asked for. Its notes
// and warnings go to standard error in text, and are part of the document in JSON.
func (s streams) printChanges(f format, result *lvsmark.Result, end closing) error {
	if f == formatJSON {
		return s.printJSON(newChangesDocument(result))
	}
	for _, note := range result.Notes {
		s.say("lvsmark: note: %s", note)
	}
	for _, warning := range result.Warnings {
		s.say("%s", paletteOf(s.err).paint(yellow, "lvsmark: warning: "+warning))
	}
	return s.print(listing(result.Changes, paletteOf(s.out)) + end.line(result.Changes) + "\n")
}

func (c closing) line(changes []lvsmark.Change) string {
	if len(changes) == 0 {
		return c.none
	}
	counts := make(map[lvsmark.Op]int)
	for _, change := range changes {
		counts[change.Op]++
	}
	return fmt.Sprintf(c.counts, counts[lvsmark.Add], counts[lvsmark.Edit], counts[lvsmark.Delete]) + "; " + lvsmark.Sum(changes).String()
}

// listing has each change on a line of its own, under what holds the object, and
// below it what it does to live traffic; where nothing is said, it is safe.
// The parents are in the order in which apply first meets them.
func listing(changes []lvsmark.Change, colours palette) string {
	held := make(map[string][]int)
	var parents []string
	for i, change := range changes {
		if held[change.Where] == nil {
			parents = append(parents, change.Where)
		}
		held[change.Where] = append(held[change.Where], i)
	}
	var b strings.Builder
	b.Grow(len(changes) * usualLine)
	for _, parent := range parents {
		b.WriteString(colours.heading(headingOf(parent)) + "\n")
		for _, i := range held[parent] {
			writeChange(&b, &changes[i], colours)
		}
	}
	if len(parents) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// usualLine is about how many bytes a change takes.
const usualLine = 48

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
	// Objects of several lines stay below their sign.
	text = strings.ReplaceAll(text, "\n", "\n    ")
	start, end := colours.change(change.Op)
	for _, piece := range []string{"  ", start, signOf(change.Op), " ", change.Kind, " ", text, end, "\n"} {
		b.WriteString(piece)
	}
	if impact := change.Impact; impact.Effect != lvsmark.Safe || impact.Detail != "" {
		b.WriteString("    # " + colours.impact(impact.Effect, impact.String()) + "\n")
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

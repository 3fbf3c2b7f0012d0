// Package manual makes the man pages and the JSON Schema of the spec from docs/spec.md and
// from the decoders of config.
package manual

import (
	"strings"

	"github.com/lvsmark/lvsmark/docs"
)

// A Key is a row of a table of keys in docs/spec.md, in Markdown.
type Key struct {
	Name    string
	Default string // "required", text, or a value in backquotes; empty: none
	Range   string
	Meaning string
}

// Literal returns the default as a value of YAML; false if it is not one.
func (k Key) Literal() (string, bool) {
	text, start := strings.CutPrefix(k.Default, "`")
	text, end := strings.CutSuffix(text, "`")
	return text, start && end && !strings.Contains(text, "`")
}

// Tables returns the keys of each mapping, by the name of the key that has the mapping as
// its value: "clusters" for the keys of a cluster, "" for those of the file.
func Tables() map[string][]Key {
	tables := map[string][]Key{}
	for _, s := range sections(docs.Spec()) {
		if len(s.keys) > 0 {
			tables[s.mapping] = append(tables[s.mapping], s.keys...)
		}
	}
	return tables
}

// A section is the part of the page below a heading.
type section struct {
	level   int // 1: the title
	title   string
	mapping string // which the section describes; see Tables
	text    string // without tables of keys
	keys    []Key
}

// sections divides a page at its headings.
func sections(page string) []section {
	var all []section
	var columns []string // of the table of keys that the line is part of
	fenced := false
	for line := range strings.Lines(page) {
		fenced = fenced != strings.HasPrefix(line, "```")
		if title := strings.TrimLeft(line, "#"); !fenced && title != line {
			title = strings.TrimSpace(title)
			all = append(all, section{level: len(line) - len(strings.TrimLeft(line, "#")), title: title, mapping: mappingOf(title)})
			continue
		}
		s := &all[len(all)-1]
		cells := cellsOf(line)
		switch {
		case fenced || cells == nil:
			columns = nil
			s.text += line
		case columns == nil && cells[0] == "key":
			columns = cells
		case columns == nil:
			s.text += line
		case strings.Trim(cells[0], "-") != "":
			s.keys = append(s.keys, keyOf(columns, cells))
		}
	}
	return all
}

// mappingOf returns the name of the mapping that a heading names: the word in backquotes.
func mappingOf(title string) string {
	switch title {
	case "A cluster":
		return "clusters"
	case "A real server":
		return "real-servers"
	case "The director":
		return "director"
	}
	_, rest, _ := strings.Cut(title, "`")
	name, _, _ := strings.Cut(rest, "`")
	return name
}

// cellsOf returns the cells of a row of a table, nil for another line. A bar in backquotes
// is text.
func cellsOf(line string) []string {
	row, isRow := strings.CutPrefix(strings.TrimSpace(line), "|")
	if !isRow {
		return nil
	}
	cells, quoted := []string{""}, false
	for _, c := range strings.TrimSuffix(row, "|") {
		quoted = quoted != (c == '`')
		if c == '|' && !quoted {
			cells = append(cells, "")
			continue
		}
		cells[len(cells)-1] += string(c)
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func keyOf(columns, cells []string) Key {
	var k Key
	for i, cell := range cells[:min(len(cells), len(columns))] {
		switch columns[i] {
		case "key":
			k.Name = strings.Trim(cell, "`")
		case "default":
			k.Default = cell
		case "range":
			k.Range = cell
		case "meaning":
			k.Meaning = cell
		}
	}
	return k
}

// Package page reads the commands of a page in Markdown, so that tests execute them and
// compare their output with the page.
package page

import (
	"fmt"
	"os"
	"strings"
)

// A Part is a section of a page below a heading of the third level.
type Part struct {
	Origin, Name string // headings of the second and third level
	Files        []File
	Commands     []Command
}

// A File is a fenced block whose info string has a file name: ```sh firewall.sh
type File struct{ Name, Text string }

// A Command is a line after "$ " of a block ```console, and the output below it. A line
// "…" of the output stands for any lines.
type Command struct{ Line, Output string }

// Read returns the parts of the page at a path that have files or commands.
func Read(path string) ([]Part, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := []Part{{}} // blocks before the first heading
	var origin string
	lines := strings.SplitAfter(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\n")
		switch {
		case strings.HasPrefix(line, "## "):
			origin = strings.TrimPrefix(line, "## ")
			all = append(all, Part{Origin: origin})
		case strings.HasPrefix(line, "### "):
			all = append(all, Part{Origin: origin, Name: strings.TrimPrefix(line, "### ")})
		case strings.HasPrefix(strings.TrimLeft(line, " "), "```"):
			block, length := fenced(lines[i:])
			if length == 0 {
				return nil, fmt.Errorf("%s:%d: the block has no end", path, i+1)
			}
			all[len(all)-1].block(strings.TrimLeft(line, " "), block)
			i += length - 1
		}
	}
	return withBlocks(all), nil
}

// fenced returns the lines in a fenced block, without the indentation of a block in a list,
// and the number of lines with the fences; 0 if the block has no end.
func fenced(lines []string) ([]string, int) {
	indent := lines[0][:strings.Index(lines[0], "`")]
	var block []string
	for i, line := range lines[1:] {
		line = strings.TrimPrefix(line, indent)
		if line == "```\n" {
			return block, i + 2
		}
		block = append(block, line)
	}
	return nil, 0
}

func withBlocks(all []Part) []Part {
	var with []Part
	for _, p := range all {
		if len(p.Files)+len(p.Commands) > 0 {
			with = append(with, p)
		}
	}
	return with
}

// block adds a fenced block with its info string.
func (p *Part) block(info string, lines []string) {
	language, name, _ := strings.Cut(strings.TrimPrefix(info, "```"), " ")
	switch {
	case name != "":
		p.Files = append(p.Files, File{name, strings.Join(lines, "")})
	case language == "console":
		for _, line := range lines {
			if command, is := strings.CutPrefix(line, "$ "); is {
				p.Commands = append(p.Commands, Command{Line: strings.TrimSuffix(command, "\n")})
			} else if n := len(p.Commands); n > 0 {
				p.Commands[n-1].Output += line
			}
		}
	}
}

// Matches compares an output with that of the page.
func (c Command) Matches(got string) bool {
	pieces := strings.Split(c.Output, "…\n")
	rest, found := strings.CutPrefix(got, pieces[0])
	if !found {
		return false
	}
	for _, piece := range pieces[1:] {
		at := strings.Index(rest, piece)
		if at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return rest == "" || strings.HasSuffix(c.Output, "…\n")
}

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
	Blocks       []Block
}

// A Block is a fenced block, whatever it has. Its reason, if it has one, is why no test runs its
// commands: the line before the block is "*Not run by a test: REASON*".
type Block struct {
	Info, Text string
	Reason     string
	Line       int // of the page, from 1 on
}

// A File is a fenced block whose info string has a file name: ```sh firewall.sh
type File struct {
	Name, Text string
	At         int // number of commands of the part that precede it
}

// A Command is a line after "$ " of a block ```console, and the output below it. A line
// "…" of the output stands for any lines, and "…" in a line for any text of that line. The
// prompt can name a host: "rs1$ ". A line of a block ```sh is a command without an output.
type Command struct {
	Host, Line, Output string
	Silent             bool // of a block ```sh: only its exit status counts
}

// Read returns the parts of the page at a path that have fenced blocks.
func Read(path string) ([]Part, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := []Part{{}} // blocks before the first heading
	var origin, reason string
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
			info := strings.TrimPrefix(strings.TrimLeft(line, " "), "```")
			all[len(all)-1].add(Block{Info: info, Text: strings.Join(block, ""), Reason: reason, Line: i + 1})
			reason = ""
			i += length - 1
		case line != "":
			reason = notRun(line)
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
		if len(p.Blocks) > 0 {
			with = append(with, p)
		}
	}
	return with
}

// notRun returns the reason in the line before a block whose commands no test runs.
func notRun(line string) string {
	reason, marked := strings.CutPrefix(line, "*Not run by a test: ")
	if !marked {
		return ""
	}
	return strings.TrimSuffix(reason, "*")
}

// add adds a block, and its file or its commands.
func (p *Part) add(b Block) {
	p.Blocks = append(p.Blocks, b)
	language, name, _ := strings.Cut(b.Info, " ")
	lines := strings.SplitAfter(b.Text, "\n")
	switch {
	case b.Reason != "":
	case name != "":
		p.Files = append(p.Files, File{name, b.Text, len(p.Commands)})
	case language == "console":
		p.console(lines)
	case language == "sh":
		p.script(lines)
	}
}

func (p *Part) console(lines []string) {
	for _, line := range lines {
		if host, command, is := prompt(line); is {
			p.Commands = append(p.Commands, Command{Host: host, Line: strings.TrimSuffix(command, "\n")})
		} else if n := len(p.Commands); n > 0 {
			p.Commands[n-1].Output += line
		}
	}
}

// prompt splits a line after "$ " or "HOST$ ".
func prompt(line string) (host, command string, is bool) {
	host, command, is = strings.Cut(line, "$ ")
	return host, command, is && !strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// script adds the commands of a block ```sh, without lines of comments. A command continues in
// the next line after a backslash or a pipe.
func (p *Part) script(lines []string) {
	command := ""
	for _, line := range lines {
		command += line
		if text := strings.TrimSpace(line); text != "" && text[0] != '#' && !strings.HasSuffix(text, "\\") && !strings.HasSuffix(text, "|") {
			p.Commands = append(p.Commands, Command{Line: strings.TrimSuffix(command, "\n"), Silent: true})
			command = ""
		}
	}
}

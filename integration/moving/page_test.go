package moving_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A part is a section of the page below a heading of the third level.
type part struct {
	origin, name string // headings of the second and third level
	files        []file
	commands     []command
}

// A file is a fenced block whose info string has a file name: ```sh firewall.sh
type file struct{ name, text string }

// A command is a line after "$ " of a block ```console, and the output below it. A line
// "…" of the output stands for any lines.
type command struct{ line, output string }

// parts returns the parts of a page that have files or commands.
func parts(t *testing.T, path string) []part {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []part
	var origin string
	lines := strings.SplitAfter(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\n")
		switch {
		case strings.HasPrefix(line, "## "):
			origin = strings.TrimPrefix(line, "## ")
		case strings.HasPrefix(line, "### "):
			all = append(all, part{origin: origin, name: strings.TrimPrefix(line, "### ")})
		case strings.HasPrefix(line, "```"):
			end := i + 1
			for end < len(lines) && lines[end] != "```\n" {
				end++
			}
			require.Less(t, end, len(lines), "line %d: the block has no end", i+1)
			if len(all) > 0 {
				all[len(all)-1].block(line, lines[i+1:end])
			}
			i = end
		}
	}
	return all
}

// block adds a fenced block with its info string.
func (p *part) block(info string, lines []string) {
	language, name, _ := strings.Cut(strings.TrimPrefix(info, "```"), " ")
	switch {
	case name != "":
		p.files = append(p.files, file{name, strings.Join(lines, "")})
	case language == "console":
		for _, line := range lines {
			if command, is := strings.CutPrefix(line, "$ "); is {
				p.commands = append(p.commands, newCommand(command))
			} else if n := len(p.commands); n > 0 {
				p.commands[n-1].output += line
			}
		}
	}
}

func newCommand(line string) command { return command{line: strings.TrimSuffix(line, "\n")} }

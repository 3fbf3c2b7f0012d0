// Package plainyaml reads the YAML of most specs in a fraction of the time of a YAML library:
// block mappings and lists, lists and mappings in brackets on one line, comments, and short
// values, in ASCII. It leaves every other text to the library. It never reads a text in another
// way than the library; FuzzRead compares the two.
package plainyaml

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxDepth limits the nesting of lists and mappings.
const maxDepth = 12

// Read returns the top node of a document: kind, value, tag, quotes, and position (from 1) of each
// node as the library gives them, and nothing else. It returns nil if text has anything that Read
// does not know, also if it is not YAML.
func Read(text []byte) *yaml.Node {
	p := &parser{text: string(text)}
	p.nextLine()
	if p.column == noColumn {
		return nil
	}
	root := p.block(0)
	if p.failed || p.column != noColumn {
		return nil
	}
	return root
}

// A parser is at a place of the text: at the first character of an entry between two calls.
type parser struct {
	text   string
	line   int // its number
	rest   string
	column int // of rest; noColumn at the end of the text
	failed bool
	nodes  []yaml.Node // allocated together
}

const noColumn = 0

// fail ends all loops: the parser is at the end of the text.
func (p *parser) fail() *yaml.Node {
	p.failed, p.text, p.rest, p.column = true, "", "", noColumn
	return nil
}

// node returns a new node at the place of the parser.
func (p *parser) node(kind yaml.Kind) *yaml.Node {
	if len(p.nodes) == 0 {
		p.nodes = make([]yaml.Node, 256)
	}
	n := &p.nodes[0]
	p.nodes = p.nodes[1:]
	n.Kind, n.Line, n.Column = kind, p.line, p.column
	return n
}

// nextLine goes to the first character of the next line that is neither empty nor a comment.
func (p *parser) nextLine() {
	for p.text != "" {
		line, rest, _ := strings.Cut(p.text, "\n")
		p.text = rest
		p.line++
		bare := strings.TrimLeft(line, " ")
		if bare == "" || bare[0] == '#' {
			if !isPrintable(bare) {
				p.fail()
			}
			continue
		}
		p.rest, p.column = bare, 1+len(line)-len(bare)
		if !isPrintable(bare) || p.column == 1 && (strings.HasPrefix(bare, "---") || strings.HasPrefix(bare, "...")) {
			p.fail()
		}
		return
	}
	p.rest, p.column = "", noColumn
}

func isPrintable(line string) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return false
		}
	}
	return true
}

// advance goes on by some characters of the line.
func (p *parser) advance(characters int) {
	p.rest = p.rest[characters:]
	p.column += characters
}

func (p *parser) skipSpaces() {
	p.advance(len(p.rest) - len(strings.TrimLeft(p.rest, " ")))
}

// atEnd reports whether the line has no more than spaces or a comment. The caller has skipped
// spaces, and calls it after at least one or at the end.
func (p *parser) atEnd() bool { return p.rest == "" || p.rest[0] == '#' }

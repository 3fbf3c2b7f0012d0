package plainyaml

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// block reads the list or mapping that begins here; its entries are in this column.
func (p *parser) block(depth int) *yaml.Node {
	switch {
	case depth > maxDepth:
		return p.fail()
	case p.atDash():
		return p.list(depth)
	}
	return p.mapping(depth)
}

// atDash reports whether an entry of a list begins here.
func (p *parser) atDash() bool { return p.rest == "-" || strings.HasPrefix(p.rest, "- ") }

// list reads the entries of a block list in this column.
func (p *parser) list(depth int) *yaml.Node {
	n := p.node(yaml.SequenceNode)
	for p.column == n.Column && p.atDash() {
		p.advance(1)
		p.skipSpaces()
		switch {
		case p.atEnd(), p.atDash():
			return p.fail()
		case p.keyLength() > 0:
			n.Content = append(n.Content, p.mapping(depth+1))
		default:
			n.Content = append(n.Content, p.lineValue(depth+1))
		}
		if p.column > n.Column {
			return p.fail()
		}
	}
	return n
}

// mapping reads the keys of a block mapping in this column.
func (p *parser) mapping(depth int) *yaml.Node {
	if depth > maxDepth {
		return p.fail()
	}
	n := p.node(yaml.MappingNode)
	for p.column == n.Column {
		name := p.key()
		if name == nil {
			return nil
		}
		n.Content = append(n.Content, name, p.value(n.Column, depth))
		if p.column > n.Column {
			return p.fail()
		}
	}
	return n
}

// value reads the value of a key in that column: on the same line or on the next ones.
func (p *parser) value(column, depth int) *yaml.Node {
	line, afterColon := p.line, p.column
	p.skipSpaces()
	if !p.atEnd() {
		return p.lineValue(depth + 1)
	}
	p.nextLine()
	if p.column > column || p.column == column && p.atDash() {
		return p.block(depth + 1)
	}
	return p.empty(line, afterColon)
}

// empty returns a key's missing value, at that place.
func (p *parser) empty(line, column int) *yaml.Node {
	n := p.node(yaml.ScalarNode)
	n.Tag, n.Line, n.Column = "!!null", line, column
	return n
}

// lineValue reads a value that ends with the line.
func (p *parser) lineValue(depth int) *yaml.Node {
	n := p.inline(depth)
	if p.failed {
		return nil
	}
	before := p.column
	p.skipSpaces()
	if p.rest != "" && (p.rest[0] != '#' || p.column == before) {
		return p.fail()
	}
	p.nextLine()
	return n
}

// keyLength returns the number of characters of the key that begins here; 0 if none does. A
// colon and a space or the end of the line follow it.
func (p *parser) keyLength() int {
	i := 0
	for i < len(p.rest) && isName(p.rest[i]) {
		i++
	}
	if i == 0 || !isLetter(p.rest[0]) || !strings.HasPrefix(p.rest[i:], ":") {
		return 0
	}
	if after := p.rest[i+1:]; after != "" && after[0] != ' ' {
		return 0
	}
	return i
}

// key reads a key and its colon.
func (p *parser) key() *yaml.Node {
	length := p.keyLength()
	if length == 0 {
		return p.fail()
	}
	return p.unquoted(length, length+1)
}

package plainyaml

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// inline reads a value within the line: in brackets, in quotes, or a plain one.
func (p *parser) inline(depth int) *yaml.Node {
	if depth > maxDepth || p.rest == "" {
		return p.fail()
	}
	switch p.rest[0] {
	case '[':
		return p.brackets(yaml.SequenceNode, "]", depth)
	case '{':
		return p.brackets(yaml.MappingNode, "}", depth)
	case '"':
		return p.quoted(yaml.DoubleQuotedStyle, `"`)
	case '\'':
		return p.quoted(yaml.SingleQuotedStyle, "'")
	}
	return p.plain()
}

// brackets reads a list or mapping in brackets. A comma is between two entries and nowhere else.
func (p *parser) brackets(kind yaml.Kind, closing string, depth int) *yaml.Node {
	n := p.node(kind)
	p.advance(1)
	p.skipSpaces()
	for empty := strings.HasPrefix(p.rest, closing); !empty; {
		if !p.entry(n, depth) {
			return nil
		}
		p.skipSpaces()
		if strings.HasPrefix(p.rest, closing) {
			break
		}
		if !strings.HasPrefix(p.rest, ",") {
			return p.fail()
		}
		p.advance(1)
		p.skipSpaces()
	}
	p.advance(1)
	return n
}

// entry reads an entry of a list or mapping in brackets.
func (p *parser) entry(n *yaml.Node, depth int) bool {
	var value *yaml.Node
	if n.Kind == yaml.MappingNode {
		name := p.key()
		if name == nil {
			return false
		}
		n.Content = append(n.Content, name)
		if p.skipSpaces(); strings.HasPrefix(p.rest, ",") || strings.HasPrefix(p.rest, "}") {
			value = p.empty(p.line, p.column)
		}
	}
	if value == nil {
		value = p.inline(depth + 1)
	}
	n.Content = append(n.Content, value)
	return value != nil
}

// quoted reads a value in quotes, without escapes.
func (p *parser) quoted(style yaml.Style, quote string) *yaml.Node {
	length := strings.IndexAny(p.rest[1:], quote+`\`)
	if length < 0 || !strings.HasPrefix(p.rest[1+length:], quote) || strings.HasPrefix(p.rest[2+length:], quote) {
		return p.fail()
	}
	n := p.node(yaml.ScalarNode)
	n.Style, n.Tag, n.Value = style, "!!str", p.rest[1:1+length]
	p.advance(length + 2)
	return n
}

// plain reads a value without quotes and spaces.
func (p *parser) plain() *yaml.Node {
	i := 0
	for i < len(p.rest) && (isPlain(p.rest[i]) || isInnerColon(p.rest[i:])) {
		i++
	}
	if i == 0 || !isLetter(p.rest[0]) && !isDigit(p.rest[0]) && p.rest[0] != '/' {
		return p.fail()
	}
	return p.unquoted(i, i)
}

// unquoted returns a node with a value of so many characters, and goes on by more.
func (p *parser) unquoted(length, advance int) *yaml.Node {
	n := p.node(yaml.ScalarNode)
	n.Value = p.rest[:length]
	if n.Tag = tag(n.Value); n.Tag == "" {
		return p.fail()
	}
	p.advance(advance)
	return n
}

// isInnerColon reports whether text begins with a colon that belongs to a value: 2001:db8::1.
func isInnerColon(text string) bool {
	return len(text) > 1 && text[0] == ':' && (text[1] == ':' || isPlain(text[1]))
}

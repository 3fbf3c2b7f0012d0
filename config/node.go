package config

import (
	"strconv"

	"go.yaml.in/yaml/v4"
)

func at(n *yaml.Node) position { return position{max(n.Line, 1), max(n.Column, 1)} }

func isPlain(n *yaml.Node) bool {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Kind == yaml.ScalarNode && n.Style&quoted == 0
}

func isNull(n *yaml.Node) bool { return isPlain(n) && n.Tag == "!!null" }

func isMergeKey(n *yaml.Node) bool { return isPlain(n) && n.Value == "<<" }

// kindOf describes a node for messages: its kind, or a scalar's quoted value.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "empty"
	}
	return quote(n.Value)
}

// maxQuoted is the number of characters that a message shows of a value.
const maxQuoted = 64

// quote returns a value for a message: truncated, and quoted so that it cannot send
// control characters to the terminal.
func quote(value string) string { return strconv.Quote(clip(value)) }

func clip(value string) string {
	count := 0
	for i := range value {
		if count++; count > maxQuoted {
			return value[:i] + "…"
		}
	}
	return value
}

package keepalived

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A node is a statement: words, and perhaps a block.
type node struct {
	words  []string // at least one
	block  []*node
	opaque string // why it is not understood; else empty
	oldconfig.Line
}

// word returns a word of the statement, or an empty string.
func (n *node) word(i int) string {
	if i < len(n.words) {
		return n.words[i]
	}
	return ""
}

// parse returns the statements outside of blocks. A statement ends at the end of its line,
// at a brace that begins its block, or at one that ends the block around it. keepalived
// ignores braces without a partner. If there are more than maxLines statements, the last one
// is opaque.
func parse(source []textLine) []*node {
	root := &node{}
	stack := []*node{root}
	last := (*node)(nil) // the statement that a brace belongs to
	count := 0
	for _, l := range source {
		for segment := range segments(l.text) {
			if count++; count == maxLines {
				return append(root.block, &node{words: []string{segment}, opaque: fmt.Sprintf("the file has more than %d statements: those from here on are not read", maxLines), Line: l.Line})
			}
			switch segment {
			case "{":
				if last == nil {
					last = &node{words: []string{"{"}, opaque: "a block without a name", Line: l.Line}
					top := stack[len(stack)-1]
					top.block = append(top.block, last)
				}
				stack = append(stack, last)
				last = nil
			case "}":
				if len(stack) > 1 {
					stack = stack[:len(stack)-1]
				}
				last = nil
			default:
				last = &node{words: words(segment), opaque: l.opaque, Line: l.Line}
				top := stack[len(stack)-1]
				top.block = append(top.block, last)
			}
		}
	}
	return root.block
}

// segments splits a line at braces outside of double quotes. It yields no empty segment.
func segments(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		emit := func(segment string) bool {
			segment = strings.TrimSpace(segment)
			return segment == "" || yield(segment)
		}
		for i := range len(text) {
			switch c := text[i]; {
			case c == '"':
				quoted = !quoted
			case !quoted && (c == '{' || c == '}'):
				if !emit(text[start:i]) || !emit(text[i:i+1]) {
					return
				}
				start = i + 1
			}
		}
		emit(text[start:])
	}
}

// words splits a statement at space. Double quotes enclose one word.
func words(text string) []string {
	var result []string
	for {
		text = strings.TrimLeft(text, " \t\v\f\r\n")
		if text == "" {
			break
		}
		if inner, ok := strings.CutPrefix(text, `"`); ok {
			word, rest, _ := strings.Cut(inner, `"`)
			result, text = append(result, word), rest
			continue
		}
		end := strings.IndexAny(text, " \t\v\f\r\n\"")
		if end < 0 {
			end = len(text)
		}
		result, text = append(result, text[:end]), text[end:]
	}
	if result == nil {
		return []string{""}
	}
	return result
}

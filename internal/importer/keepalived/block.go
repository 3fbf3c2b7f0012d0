package keepalived

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// beginBlock begins a definition of several lines, each of which ends with a backslash except for
// the last. It returns the name if there is a next line, else "". The first line can be empty.
func (l *lines) beginBlock(name, value string) string {
	delete(l.blocks, name)
	if l.blocks == nil {
		l.blocks = map[string][]string{}
	}
	if !strings.HasSuffix(strings.TrimSpace(value), `\`) {
		return ""
	}
	l.blocks[name] = []string{}
	return l.continueBlock(name, value)
}

// continueBlock adds a line to the definition. A definition with a comment is not understood:
// expand says so where it is used.
func (l *lines) continueBlock(name, raw string) string {
	text, continues := strings.CutSuffix(strings.TrimSpace(raw), `\`)
	if text = strings.TrimSpace(text); strings.ContainsAny(text, "#!") {
		delete(l.blocks, name)
	}
	if block, ok := l.blocks[name]; ok && text != "" {
		l.blocks[name] = append(block, text)
	}
	if continues {
		return name
	}
	return ""
}

// blockName returns the name of a line that is $NAME or ${NAME} and nothing else, or "".
func blockName(text string) string {
	name, found := strings.CutPrefix(text, "$")
	if inner, ok := strings.CutPrefix(name, "{"); ok {
		name, found = strings.CutSuffix(inner, "}")
	}
	if !found || nameLength(name) != len(name) {
		return ""
	}
	return name
}

// addBlock adds the lines of a definition in place of a line that uses it.
func (l *lines) addBlock(block []string, line oldconfig.Line) {
	isSpecial := func(text string) bool { return isInclude(text) || strings.Contains(text, "=") && text[0] == '$' }
	if slices.ContainsFunc(block, isSpecial) {
		l.config.AddNotUnderstood(line, "the definition of this line has an include or a definition: write its lines here")
		return
	}
	for _, text := range block {
		if len(l.result) == maxLines {
			l.config.AddNotUnderstood(line, "the lines from here on are not read: there are more than %d", maxLines)
			return
		}
		l.result = append(l.result, l.expand(text, line))
	}
}

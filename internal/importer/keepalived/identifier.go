package keepalived

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// remarked is why a line is not understood if it has a remark already.
const remarked = "-"

// addIdentified records "@ID line" or "@^ID line": no file says which identifier keepalived runs with. Names
// that the line may define have no known value from here on. It reports whether the line is a definition.
func (l *lines) addIdentified(text string) bool {
	identifier, rest := cutIdentifier(text)
	why := fmt.Sprintf("only with configuration identifier %s", identifier[1:])
	if other, not := strings.CutPrefix(identifier, "@^"); not {
		why = fmt.Sprintf("with each configuration identifier but %s", other)
	}
	why = fmt.Sprintf("keepalived reads the line %s: without option -i, it is the host name up to the first dot", why)
	if r := (oldconfig.Remark{Line: l.Line, Message: why}); !l.first && !l.identified[r] {
		l.identified[r] = true
		l.remark("%s", why)
	}
	for strings.HasPrefix(rest, "@") {
		_, rest = cutIdentifier(rest)
	}
	if l.define(rest) {
		name, _, _ := strings.Cut(rest[1:], "=")
		l.forget(name)
		return true
	}
	if l.mayDefine(rest) {
		for name := range l.definitions {
			l.forget(name)
		}
	}
	return false
}

// cutIdentifier cuts the first word, which begins with @.
func cutIdentifier(text string) (identifier, rest string) {
	at := strings.IndexAny(text, " \t")
	if at < 0 {
		return text, ""
	}
	return text[:at], strings.TrimLeft(text[at:], " \t")
}

// forget makes the value of a definition unknown.
func (l *lines) forget(name string) {
	d := l.definitions[name]
	d.unknown = fmt.Sprintf("the value of $%s depends on the configuration identifier of keepalived", name)
	l.definitions[name] = d
}

// mayDefine reports whether the line can have a definition, ~SEQ or ~LST, also in a value or a file.
func (l *lines) mayDefine(text string) bool {
	parts := strings.Split(text, "$")
	if isInclude(text) || strings.Contains(text, "~") || len(parts) > 1 && strings.Contains(text, "=") {
		return true
	}
	return slices.ContainsFunc(parts[1:], func(part string) bool {
		name, _, _, _ := reference(part)
		return strings.ContainsAny(l.definitions[name].value, "$=~")
	})
}

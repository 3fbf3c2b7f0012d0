package keepalived

import "strings"

// decomment removes space around the line and the comment. The characters # and ! begin a comment
// outside of double quotes, unless a backslash is ahead of them, which is removed. A backslash at the
// end stays, also behind a comment (decomment of lib/parser.c).
func decomment(line string) string {
	text := []byte(strings.TrimLeft(line, " \t"))
	quoted, continued, end := false, false, -1
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' && end < 0:
			quoted = !quoted
		case c == '\\' && i+1 == len(text):
			text, continued = text[:i], true
		case c == '\\' && !quoted && (text[i+1] == '#' || text[i+1] == '!'):
			text = append(text[:i], text[i+1:]...)
		case c == '\\':
			i++
		case (c == '!' || c == '#') && !quoted && end < 0:
			end = i
		}
	}
	if end >= 0 {
		text = text[:end]
	}
	result := strings.TrimRight(string(text), " \t")
	if continued {
		result += `\`
	}
	return result
}

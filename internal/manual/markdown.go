package manual

import "strings"

// plain returns a line of Markdown without links: their text remains.
func plain(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "](")
		open := strings.LastIndex(before, "[")
		if !found || open < 0 {
			b.WriteString(text)
			return b.String()
		}
		_, after, _ := strings.Cut(rest, ")")
		b.WriteString(before[:open] + before[open+1:])
		text = after
	}
}

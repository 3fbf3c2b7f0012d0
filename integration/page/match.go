package page

import "strings"

const anyText = "…"

// Matches compares an output with that of the page.
func (c Command) Matches(got string) bool {
	return match(strings.SplitAfter(c.Output, "\n"), strings.SplitAfter(got, "\n"))
}

// match compares lines. A line "…" of the page stands for any number of lines.
func match(want, got []string) bool {
	for i, line := range want {
		if line == anyText+"\n" {
			for from := i; from <= len(got); from++ {
				if match(want[i+1:], got[from:]) {
					return true
				}
			}
			return false
		}
		if i >= len(got) || !matchLine(line, got[i]) {
			return false
		}
	}
	return len(want) == len(got)
}

// matchLine compares a line. "…" stands for any text.
func matchLine(want, got string) bool {
	pieces := strings.Split(want, anyText)
	rest, found := strings.CutPrefix(got, pieces[0])
	for i, piece := range pieces[1:] {
		at := strings.Index(rest, piece)
		if i == len(pieces)-2 {
			at = strings.LastIndex(rest, piece)
		}
		if !found || at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return found && rest == ""
}

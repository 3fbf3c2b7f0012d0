package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// separators names the lines that separate the document at a line from the one before it:
// "the line ---", "the line ..." or "the lines ... and ---".
func separators(text []byte, second int) string {
	lines := lineList(text)
	var found []string
	for _, line := range slices.Backward(lines[:min(second, len(lines))]) {
		marker := string(bytes.TrimRight(line[:min(len(line), 4)], " \t\r"))
		blank := len(bytes.TrimSpace(line)) == 0 || bytes.HasPrefix(line, []byte("#"))
		switch {
		case marker == "---" || marker == "...":
			found = append([]string{marker}, found...)
		case !blank && len(found) > 0:
			return "the " + lineOrLines(found)
		}
	}
	return "the " + lineOrLines(found)
}

func lineOrLines(markers []string) string {
	if len(markers) == 1 {
		return "line " + markers[0]
	}
	return "lines " + strings.Join(markers, " and ")
}

// startProblem returns a message for a character that begins no YAML value, if that is what
// the message of the YAML library is about, else "".
func startProblem(message string, text []byte, place position) string {
	const tab = "a tab cannot indent a line; use spaces"
	lines := lineList(text)
	if strings.Contains(message, "tab character") {
		return tab
	}
	if !strings.Contains(message, "cannot start any token") || place.line > len(lines) {
		return ""
	}
	rest := lines[place.line-1]
	for range place.column - 1 {
		_, size := utf8.DecodeRune(rest)
		rest = rest[size:]
	}
	switch char, _ := utf8.DecodeRune(rest); char {
	case '\t':
		return tab
	case '@', '`', '%':
		return fmt.Sprintf("a value cannot begin with %c; if it is a placeholder, replace it, else write the value in quotes", char)
	}
	return ""
}

// lineList returns the lines of a text without a byte order mark.
func lineList(text []byte) [][]byte {
	return bytes.Split(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\n"))
}

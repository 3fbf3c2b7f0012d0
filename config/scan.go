package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Limits on the characters that start YAML tokens, and on lines. A parser's
// time and memory grow with its tokens, not with the bytes of the file, and
// within one line it may hold them all.
const (
	maxTokens     = 1_000_000
	maxLineTokens = 200_000
	maxLineLength = 1 << 20 // in characters
)

// scan refuses, before the parser sees it, what is no text or would cost the
// parser too much. It reports whether parsing may go on.
func scan(text []byte, report *report) bool {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	at := position{1, 1}
	tokens, lineTokens := 0, 0
	for i := 0; i < len(text); {
		if plainBytes[text[i]] && at.column < maxLineLength {
			i++
			at.column++
			continue
		}
		char, size := rune(text[i]), 1
		if char >= utf8.RuneSelf {
			char, size = utf8.DecodeRune(text[i:])
		}
		switch {
		case char == utf8.RuneError && size == 1:
			report.mistake(at, "not text in UTF-8: byte 0x%02x; save the file as UTF-8", text[i])
			return false
		case isControl(char):
			report.mistake(at, "character U+%04X is not allowed; remove it", char)
			return false
		}
		if startsToken(char, text[i+size:]) {
			tokens++
			lineTokens++
		}
		if problem := excess(tokens, lineTokens, at.column); problem != "" {
			report.mistake(at, "%s", problem)
			return false
		}
		i += size
		if char == '\n' || char == '\r' && !bytes.HasPrefix(text[i:], []byte("\n")) {
			at, lineTokens = position{at.line + 1, 1}, 0
		} else {
			at.column++
		}
	}
	return true
}

// plainBytes are the characters of ASCII of which a text may hold any number.
var plainBytes = func() (plain [256]bool) {
	for b := byte(' '); b < 0x7f; b++ {
		plain[b] = b != ':' && !startsToken(rune(b), nil)
	}
	return plain
}()

// excess says which limit is exceeded, if one is.
func excess(tokens, lineTokens, column int) string {
	switch {
	case tokens > maxTokens:
		return fmt.Sprintf("the file holds more than %d lines and entries; a spec is far smaller, so name the right file", maxTokens)
	case lineTokens > maxLineTokens:
		return fmt.Sprintf("the line holds more than %d entries; break it into lines", maxLineTokens)
	case column > maxLineLength:
		return fmt.Sprintf("the line is over %d characters long; break it into lines", maxLineLength)
	}
	return ""
}

// isControl reports whether a character is one that YAML does not allow, or
// takes for the end of a line where an editor does not.
func isControl(char rune) bool {
	switch {
	case char == '\t' || char == '\n' || char == '\r':
		return false
	case char < 0x20 || 0x7f <= char && char < 0xa0:
		return true
	}
	return char == 0x2028 || char == 0x2029 || char == 0xfeff || char == 0xfffe || char == 0xffff
}

// startsToken reports whether a YAML token may begin (or end) at a character; a
// plain word, which others delimit, is not counted, nor the colons within it,
// such as those of IPv6 addresses.
func startsToken(char rune, rest []byte) bool {
	switch char {
	case '\n', '\r', ',', '[', ']', '{', '}', '?', '-', '"', '\'', '&', '*', '!', '|', '>', '%', '#':
		return true
	case ':':
		return len(rest) == 0 || !isWordByte(rest[0])
	}
	return false
}

func isWordByte(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

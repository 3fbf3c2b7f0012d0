package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Limits on the characters that start YAML tokens, and on lines. The parser's time
// and memory grow with the number of tokens, and it may buffer all tokens of a line.
const (
	maxTokens     = 1_000_000
	maxLineTokens = 200_000
	maxLineLength = 1 << 20 // in characters
)

// scan checks the text before the parser runs: it reports bytes that are not text,
// and text that would cost the parser too much. It returns false after a report.
func scan(text []byte, report *report) bool {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	at := position{1, 1}
	if problem := NotText(text); problem != "" {
		report.mistake(at, "%s", problem)
		return false
	}
	tokens, lineTokens, line := 0, 0, lineScan{}
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
		if problem := line.problem(text, i, char); problem != "" {
			report.mistake(at, "%s", problem)
			return false
		}
		if startsToken(char, text[i+size:]) {
			tokens++
			lineTokens++
		}
		if problem := limitProblem(tokens, lineTokens, at.column); problem != "" {
			report.mistake(at, "%s", problem)
			return false
		}
		i += size
		if char == '\n' || char == '\r' && !bytes.HasPrefix(text[i:], []byte("\n")) {
			at, lineTokens, line = position{at.line + 1, 1}, 0, lineScan{begin: i}
		} else {
			at.column++
		}
	}
	return true
}

// plainBytes are the ASCII characters without a limit.
var plainBytes = func() (plain [256]bool) {
	for b := byte(' '); b < 0x7f; b++ {
		plain[b] = b != ':' && !startsToken(rune(b), nil)
	}
	return plain
}()

// limitProblem returns a message if a limit is exceeded, else "".
func limitProblem(tokens, lineTokens, column int) string {
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

// isControl reports whether YAML forbids a character, or reads it as a line break
// where an editor does not.
func isControl(char rune) bool {
	switch {
	case char == '\t' || char == '\n' || char == '\r':
		return false
	case char < 0x20 || 0x7f <= char && char < 0xa0:
		return true
	}
	return char == 0x2028 || char == 0x2029 || char == 0xfeff || char == 0xfffe || char == 0xffff
}

// startsToken reports whether a YAML token may begin or end at a character. Plain
// words are not counted, because other tokens delimit them, nor are colons within
// a word, such as those of IPv6 addresses.
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

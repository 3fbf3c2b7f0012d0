package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// JSON returns a JSON document with the same content, in which strings have escape sequences
// for characters that Line replaces too. encoding/json escapes only those below 0x20.
func JSON(document []byte) string {
	if isPlain(strings.ReplaceAll(string(document), "\n", "")) {
		return string(document)
	}
	var b strings.Builder
	for _, char := range string(document) {
		if char < 0x7f || unicode.IsPrint(char) {
			b.WriteRune(char)
			continue
		}
		for _, unit := range utf16.Encode([]rune{char}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

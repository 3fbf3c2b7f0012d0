package probe

import (
	"net/netip"
	"strconv"
	"strings"
)

// parsePASV returns the address in a reply 227. Its text is free, so the first six numbers
// with commas between them count, with or without parentheses (RFC 1123, 4.1.2.6).
func parsePASV(message string) (_ netip.AddrPort, ok bool) {
	for at := range len(message) {
		if !isDigit(message[at]) || at > 0 && isDigit(message[at-1]) {
			continue
		}
		if b, ok := sixNumbers(message[at:]); ok {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), uint16(b[4])<<8|uint16(b[5])), true
		}
	}
	return netip.AddrPort{}, false
}

// sixNumbers parses "h1,h2,h3,h4,p1,p2" at the beginning of a text.
func sixNumbers(text string) (numbers [6]byte, ok bool) {
	for i := range numbers {
		digits := 0
		for digits < len(text) && isDigit(text[digits]) {
			digits++
		}
		number, err := strconv.ParseUint(text[:digits], 10, 8)
		if err != nil {
			return numbers, false
		}
		numbers[i], text = byte(number), text[digits:]
		if i == len(numbers)-1 {
			break
		}
		if !strings.HasPrefix(text, ",") {
			return numbers, false
		}
		text = text[1:]
	}
	return numbers, true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// parseEPSV returns the port in a reply 229, "(<d><d><d>port<d>)" with any delimiter d (RFC
// 2428, 3).
func parseEPSV(message string) (_ uint16, ok bool) {
	_, rest, _ := strings.Cut(message, "(")
	if len(rest) > 3 && rest[0] == rest[1] && rest[1] == rest[2] && rest[0] > ' ' && rest[0] <= '~' && !isDigit(rest[0]) {
		number, _, closed := strings.Cut(rest[3:], rest[:1]+")")
		if port, err := strconv.ParseUint(number, 10, 16); err == nil && closed && port > 0 && isDigit(number[0]) {
			return uint16(port), true
		}
	}
	return 0, false
}

// maxText is the number of bytes of a reply in messages.
const maxText = 200

// clip returns the first line of a text, at most maxText bytes of it.
func clip(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if len(line) > maxText {
		return line[:maxText] + "…"
	}
	return line
}

package nftables

import (
	"regexp"
	"strings"
)

// noDevice is what nft says about iif and oif with a device that the host does not have. The
// new network namespace has lo alone.
const noDevice = "Interface does not exist"

// byName returns the text with iifname and oifname in place of iif and oif: a packet comes in by
// the device of that name. It returns false if the text has the number of a device.
func byName(text string) (string, bool) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return byNameJSON(text)
	}
	var b strings.Builder
	tokens := tokensOf(text)
	for i, token := range tokens {
		switch {
		case token != "iif" && token != "oif":
			b.WriteString(token)
		case comparesNumber(tokens[i+1:]):
			return "", false
		default:
			b.WriteString(token + "name")
		}
	}
	return b.String(), true
}

var (
	jsonKey    = regexp.MustCompile(`"key":"([io]if)"`)
	jsonNumber = regexp.MustCompile(`"key":"[io]if"\}\},"right":(\d|\{"set":\[[^"]*\d)`)
)

// byNameJSON is byName for JSON without space, as inOrder returns it.
func byNameJSON(text string) (string, bool) {
	return jsonKey.ReplaceAllString(text, `"key":"${1}name"`), !jsonNumber.MatchString(text)
}

// tokensOf splits the text into words, strings, comments, and other characters. Joined, they are
// the text.
func tokensOf(text string) (tokens []string) {
	for text != "" {
		end := 1
		switch c := text[0]; {
		case c == '"' || c == '#':
			last := byte('"')
			if c == '#' {
				last = '\n'
			}
			if i := strings.IndexByte(text[1:], last); i >= 0 {
				end = i + 2
			} else {
				end = len(text)
			}
		case isWordByte(c):
			for end < len(text) && isWordByte(text[end]) {
				end++
			}
		}
		tokens, text = append(tokens, text[:end]), text[end:]
	}
	return tokens
}

func isWordByte(c byte) bool {
	return c == '_' || c == '-' || c == '.' || c == '@' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// comparesNumber reports whether the tokens behind iif or oif are the number of a device, or a
// list with a number.
func comparesNumber(tokens []string) bool {
	inList := false
	for _, token := range tokens {
		isNumber := strings.Trim(token, "0123456789") == ""
		switch {
		case token == "{":
			inList = true
		case isNumber:
			return true
		case token == "}" || token == "\n" && !inList || token == ";":
			return false
		case isWordByte(token[0]) && !inList && token != "vmap" && token != "map" || token[0] == '"' && !inList:
			return false
		}
	}
	return false
}

package nftables

import (
	"regexp"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// noDevice is what nft says about iif and oif with a device that the host does not have. The
// new network namespace has lo alone.
const noDevice = "Interface does not exist"

// byName returns the text with iifname and oifname in place of iif and oif: a packet comes in by
// the device of that name. Numbers of devices stay, which nft loads without the device. It returns
// false if a list has both.
func byName(text string) (string, bool) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return byNameJSON(text)
	}
	var b strings.Builder
	tokens := tokensOf(text)
	for i, token := range tokens {
		if token == "iface_index" { // the type of a set or map
			token = "ifname"
		}
		if token != "iif" && token != "oif" {
			b.WriteString(token)
			continue
		}
		names, numbers := compared(tokens[i+1:])
		switch {
		case names && numbers:
			return "", false
		case numbers:
			b.WriteString(token)
		default:
			b.WriteString(token + "name")
		}
	}
	return b.String(), true
}

var jsonDevice = regexp.MustCompile(`"key":"[io]if"(\}\},"right":(\d+|"[^"]*"|\{"set":\[[^\]]*\]))?`)

// byNameJSON is byName for JSON without space, as inOrder returns it.
func byNameJSON(text string) (string, bool) {
	mixed := false
	named := jsonDevice.ReplaceAllStringFunc(text, func(match string) string {
		key, right, _ := strings.Cut(match, `}},"right":`)
		right = strings.TrimPrefix(right, `{"set":`)
		numbers := strings.ContainsAny(jsonString.ReplaceAllString(right, ""), "0123456789")
		mixed = mixed || numbers && strings.Contains(right, `"`)
		if numbers {
			return match
		}
		return strings.Replace(match, key, strings.TrimSuffix(key, `"`)+`name"`, 1)
	})
	return strings.ReplaceAll(named, `"iface_index"`, `"ifname"`), !mixed
}

// hasNumberAsName reports whether a rule tests a device for a name of digits: it was the number of
// a device in a set.
func hasNumberAsName(c *oldconfig.Config) bool {
	isNumber := func(name string) bool { return strings.Trim(name, "0123456789") == "" }
	for _, chain := range c.Chains {
		for _, rule := range chain.Rules {
			for ; rule != nil; rule = rule.Then {
				for _, m := range rule.Matches {
					if slices.ContainsFunc(m.Names, isNumber) {
						return true
					}
				}
			}
		}
	}
	return false
}

var jsonString = regexp.MustCompile(`"[^"]*"`)

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

// compared reports what iif or oif is compared with, names or numbers of devices. The tokens
// follow it.
func compared(tokens []string) (names, numbers bool) {
	inList, isValue := false, false // a value of a map
	for _, token := range tokens {
		switch {
		case token == "{":
			inList = true
		case token == ",":
			isValue = false
		case token == ":":
			isValue = true
		case token == "}" || token == "\n" && !inList || token == ";":
			return names, numbers
		case isValue || token == "vmap" || token == "map" || !isWordByte(token[0]) && token[0] != '"':
		default:
			isNumber := strings.Trim(token, "0123456789") == ""
			names, numbers = names || !isNumber, numbers || isNumber
			if !inList {
				return names, numbers
			}
		}
	}
	return names, numbers
}

package plainyaml

import "strings"

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isName reports whether a key can have the character.
func isName(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' || c == '_' }

// isPlain reports whether a value without quotes can have the character.
func isPlain(c byte) bool { return isName(c) || c == '.' || c == '/' }

// maxDigits is the number of digits of a decimal number that is an integer in any case.
const maxDigits = 18

// tag returns the tag of a value without quotes; "" for a value that is rare in a spec: octal and
// hexadecimal numbers, fractions, dates.
func tag(value string) string {
	switch {
	case !isDigit(value[0]):
		return wordTag(value)
	case strings.Trim(value, "0123456789") == "":
		if len(value) > maxDigits || value[0] == '0' && len(value) > 1 {
			return ""
		}
		return "!!int"
	case isText(value):
		return "!!str"
	}
	return ""
}

func wordTag(value string) string {
	switch value {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return "!!bool"
	case "null", "Null", "NULL":
		return "!!null"
	}
	return "!!str"
}

// isText reports whether a value that begins with a digit is neither a number nor a date: an
// address, a range of numbers, a duration.
func isText(value string) bool {
	switch dashes := strings.Count(value, "-"); {
	case dashes > 1:
		return false
	case dashes == 1:
		return strings.Contains(value, ":") || strings.Trim(value, "-.0123456789") == ""
	}
	return strings.ContainsAny(value, ":/hms") || strings.Count(value, ".") > 1
}

package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// text decodes any scalar to its text in the file.
func (d *decoder) text(n *yaml.Node, what string) (string, bool) {
	if d.describes(Shape{Kind: ShapeText}) {
		return "", false
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return "", false
	case n.Kind != yaml.ScalarNode:
		d.fail(n, "%s must be a single value, not %s%s", what, kindOf(n), colonHint(n))
		return "", false
	case isNull(n):
		d.fail(n, "%s has no value; give one, or remove it", what)
		return "", false
	case isPlain(n) && base60Pattern.MatchString(n.Value):
		d.fail(n, "%s %s is a number of base 60 for some programs; write it in quotes: \"%[2]s\"", what, clip(n.Value))
		return "", false
	}
	return n.Value, true
}

// base60Pattern matches addresses of Ethernet and IPv6 that YAML 1.1 reads as numbers.
var base60Pattern = regexp.MustCompile(`^[1-9][0-9]*(:[0-5]?[0-9]){5,}$`)

// colonHint returns the hint for an IPv6 address like 2001:db8::, which YAML reads
// as a key without a value.
func colonHint(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || !isNull(n.Content[1]) {
		return ""
	}
	return "; write " + quote(n.Content[0].Value+":") + " in quotes"
}

// word decodes text that YAML reads as a string, not as a number, boolean or null.
func (d *decoder) word(n *yaml.Node, what string) (string, bool) {
	if d.describes(Shape{Kind: ShapeWord}) {
		return "", false
	}
	text, ok := d.text(n, what)
	if ok && n.Tag != "!!str" {
		d.fail(n, "%s must be text, and unquoted %s is not text; write it in quotes", what, quote(text))
		return "", false
	}
	return text, ok
}

func (d *decoder) boolean(n *yaml.Node, what string) (bool, bool) {
	if d.describes(Shape{Kind: ShapeBoolean}) {
		return false, true
	}
	text, ok := d.text(n, what)
	switch {
	case !ok:
		return false, false
	case isPlain(n) && (text == "true" || text == "false"):
		return text == "true", true
	}
	d.fail(n, "%s must be true or false, not %s%s", what, quote(text), quotesHint(n))
	return false, false
}

// quotesHint returns " in quotes" for a quoted node.
func quotesHint(n *yaml.Node) string {
	if isPlain(n) {
		return ""
	}
	return " in quotes"
}

// number decodes a whole number of low … high, decimal or 0x; limits describes that
// range in messages.
func number(low, high uint64, limits string) decodeFunc[uint64] {
	return func(d *decoder, n *yaml.Node, what string) (uint64, bool) {
		if d.describes(Shape{Kind: ShapeNumber, Low: low, High: high}) {
			return low, true
		}
		text, ok := d.text(n, what)
		if !ok {
			return 0, false
		}
		if !isPlain(n) {
			d.fail(n, "%s must be a number, not %s in quotes; write it without them", what, quote(text))
			return 0, false
		}
		number, problem := parseNumber(text, low, high, limits)
		if problem != "" {
			d.fail(n, "%s %s", what, problem)
			return 0, false
		}
		return number, true
	}
}

var (
	hexPattern      = regexp.MustCompile(`^0x[0-9A-Fa-f]+$`)
	negativePattern = regexp.MustCompile(`^-[0-9]+$`)
	paddedPattern   = regexp.MustCompile(`^-?0[0-9]+$`)
	groupedPattern  = regexp.MustCompile(`^[1-9][0-9]*([_,'][0-9]+)+$`)
)

// parseNumber returns a number of low … high, or the problem as the end of a
// sentence that begins with the number's name. It refuses YAML's other forms
// (octal, binary, with underscores, base 60), which programs read differently.
func parseNumber(text string, low, high uint64, limits string) (number uint64, problem string) {
	switch {
	case isDecimal(text) || hexPattern.MatchString(text):
		number, err := strconv.ParseUint(text, 0, 64)
		if err == nil && low <= number && number <= high {
			return number, ""
		}
		return 0, outside(text, limits)
	case paddedPattern.MatchString(text):
		return 0, paddedProblem(text)
	case negativePattern.MatchString(text):
		return 0, outside(text, limits)
	case groupedPattern.MatchString(text):
		return 0, "must be a number, not " + quote(text) + "; write it in digits alone"
	}
	return 0, "must be a whole number, decimal or 0x, not " + quote(text)
}

func outside(text, limits string) string { return "must be " + limits + ", not " + clip(text) }

// isDecimal reports whether text is a whole number in decimal digits without leading
// zeros.
func isDecimal(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text == "0" || text != "" && text[0] != '0'
}

// isNumber reports whether text looks like a whole number, in range or not.
func isNumber(text string) bool {
	return isDecimal(text) || hexPattern.MatchString(text) ||
		paddedPattern.MatchString(text) || negativePattern.MatchString(text)
}

func paddedProblem(text string) string {
	bare := strings.TrimLeft(strings.TrimPrefix(text, "-"), "0")
	if bare == "" {
		bare = "0"
	}
	return clip(text) + " starts with a zero, which some programs read as octal; write " + clip(bare)
}

var durationPattern = regexp.MustCompile(`^((0|[1-9][0-9]*)h)?((0|[1-9][0-9]*)m)?((0|[1-9][0-9]*)s)?$`)

// duration decodes whole seconds of low … high. In messages, limit is high, and standard the value
// of a key that is left out.
func duration(low, high time.Duration, limit, standard string) decodeFunc[time.Duration] {
	return func(d *decoder, n *yaml.Node, what string) (time.Duration, bool) {
		if d.describes(Shape{Kind: ShapeDuration, Low: uint64(low / time.Second), High: uint64(high / time.Second)}) {
			return low, true
		}
		text, ok := d.text(n, what)
		if !ok {
			return 0, false
		}
		duration, problem := parseDuration(text)
		switch {
		case problem != "":
		case duration < low:
			problem = "must not be 0; leave it out to keep " + standard
		case duration > high:
			problem = "must be " + limit + " at most, not " + clip(text)
		}
		if problem != "" {
			d.fail(n, "%s %s", what, problem)
		}
		return duration, problem == ""
	}
}

var (
	subSecondPattern = regexp.MustCompile(`^[0-9hms.]*[0-9.]+(ms|us|µs|μs|ns)$|^[0-9hm]*[0-9]*\.[0-9]+[hms]$`)
	secondsPattern   = regexp.MustCompile(`^[0-9]+$`)
)

// parseDuration returns a duration of whole seconds (5m, 300s, 1h30m, 0), or the
// problem as the end of a sentence that begins with the duration's name.
func parseDuration(text string) (duration time.Duration, problem string) {
	switch {
	case text == "0":
		return 0, ""
	case strings.HasPrefix(text, "-"):
		return 0, "must not be negative, as " + quote(text) + " is; write it like 5m"
	case paddedPattern.MatchString(text):
		return 0, paddedProblem(text)
	case secondsPattern.MatchString(text):
		return 0, "has no unit; write " + clip(text) + "s for seconds"
	case subSecondPattern.MatchString(text):
		return 0, "must be in whole hours, minutes and seconds, not " + quote(text) + "; write it like 90s"
	case text == "" || !durationPattern.MatchString(text):
		return 0, "must be a duration like 5m, 300s, 2h or 1h30m, or 0, not " + quote(text)
	}
	duration, err := time.ParseDuration(text)
	if err != nil { // by the pattern, the number can only be too large
		return 1<<63 - 1, ""
	}
	return duration, ""
}

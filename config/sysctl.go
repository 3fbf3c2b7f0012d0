package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// sysctls decodes a mapping of names to values, in the order of the file. The
// position of an item is that of its value.
func (d *decoder) sysctls(n *yaml.Node, what string) ([]item[Sysctl], bool) {
	if d.describes(Shape{Kind: ShapeNames, Pattern: `^net[./]`, MayBeEmpty: true}) {
		return nil, true
	}
	if isNull(n) {
		return nil, true
	}
	if n.Kind != yaml.MappingNode {
		if n.Kind != yaml.AliasNode {
			d.fail(n, "%s must be a mapping of names to values, not %s; write it like {net.ipv4.vs.conntrack: 1}", what, kindOf(n))
		}
		return nil, false
	}
	var sysctls []item[Sysctl]
	valid, first := true, map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		sysctl, ok := d.sysctl(name, value, what, first)
		valid = valid && ok
		if ok {
			sysctls = append(sysctls, item[Sysctl]{at(value), sysctl})
		}
	}
	return sysctls, valid
}

func (d *decoder) sysctl(name, value *yaml.Node, what string, first map[string]int) (Sysctl, bool) {
	if !d.isKey(name, what) {
		return Sysctl{}, false
	}
	dotted, problem := parseSysctlName(name.Value)
	if problem != "" {
		d.fail(name, "sysctl %s %s", quote(name.Value), problem)
		return Sysctl{}, false
	}
	if line, twice := first[dotted]; twice {
		d.fail(name, "sysctl %s is given twice, first at line %d; remove one", dotted, line)
		return Sysctl{}, false
	}
	first[dotted] = at(name).line
	text, ok := d.sysctlValue(value, dotted)
	return Sysctl{Name: dotted, Value: text}, ok
}

// sysctlLimit keeps "name = value" within the 127 bytes of an nft comment: the
// ledger in the nftables table stores it as a comment.
const sysctlLimit = 124

var sysctlPattern = regexp.MustCompile(`^net(\.[A-Za-z0-9_-][A-Za-z0-9_/-]*)+$`)

// parseSysctlName returns a name in dotted form, or the problem. As in sysctl(8),
// the first separator decides the form, and the other separator is part of a name:
// net/ipv4/conf/eth0.7/forwarding is net.ipv4.conf.eth0/7.forwarding.
func parseSysctlName(text string) (dotted, problem string) {
	dotted = text
	if separator := strings.IndexAny(text, "./"); separator >= 0 && text[separator] == '/' {
		dotted = strings.NewReplacer(".", "/", "/", ".").Replace(text)
	}
	if !strings.HasPrefix(dotted, "net.") {
		return "", "is not below net., so it does not belong to a network namespace; set it in sysctl.conf"
	}
	if len(dotted) > 256 || !sysctlPattern.MatchString(dotted) {
		return "", "is not a name; write it like net.ipv4.vs.conntrack"
	}
	return dotted, ""
}

func (d *decoder) sysctlValue(n *yaml.Node, name string) (string, bool) {
	text, ok := d.text(n, "sysctl "+name)
	if !ok {
		return "", false
	}
	invalid := strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c > '~' || c == '"' })
	switch {
	case strings.TrimSpace(text) == "":
		d.fail(n, "sysctl %s needs a value; give one, or remove it", name)
	case len(name)+len(text) > sysctlLimit:
		d.fail(n, "sysctl %s is too long to be kept in the ledger, at most %d bytes with its value; set it in sysctl.conf", name, sysctlLimit)
	case invalid:
		d.fail(n, "sysctl %s must be one line of ASCII without quotes, not %s; write it as /proc/sys shows it", name, quote(text))
	case isPlain(n) && isYAMLBoolean(text):
		d.fail(n, "sysctl %s must be as the kernel writes it, not %s; write 1 or 0", name, text)
	case isPlain(n) && paddedPattern.MatchString(text):
		d.fail(n, "sysctl %s %s", name, paddedProblem(text))
	case isPlain(n) && isOtherNumber(text):
		d.fail(n, "sysctl %s must be as the kernel writes it, not %s; write a whole number in decimal, or put text in quotes", name, quote(text))
	case hasWholeNumbers(name) && !areWholeNumbers(text):
		d.fail(n, "sysctl %s must be a whole number, in decimal, not %s", name, quote(text))
	default:
		return text, true
	}
	return "", false
}

// isYAMLBoolean reports whether some version of YAML reads text as a boolean. The
// kernel accepts none of these words.
func isYAMLBoolean(text string) bool {
	words := []string{"true", "false", "yes", "no", "on", "off", "y", "n"}
	return slices.Contains(words, strings.ToLower(text))
}

var forwardingPattern = regexp.MustCompile(`^net\.ipv[46]\.conf\..*\.forwarding$`)

var numberPattern = regexp.MustCompile(`^([-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?(0o[0-7_]+|0b[01_]+|\.(inf|Inf|INF))|\.(nan|NaN|NAN))$`)

// isOtherNumber reports whether some version of YAML reads text as a number in a form that the kernel
// does not take: it takes whole numbers, in decimal or 0x.
func isOtherNumber(text string) bool {
	return numberPattern.MatchString(text) && !isWhole(text)
}

// isWhole reports whether text is a whole number as the kernel writes it.
func isWhole(text string) bool {
	return isDecimal(text) || negativePattern.MatchString(text) && isDecimal(text[1:]) && text != "-0"
}

func areWholeNumbers(text string) bool {
	return !slices.ContainsFunc(strings.Fields(text), func(field string) bool { return !isWhole(field) })
}

// hasWholeNumbers reports whether a sysctl is known to have only whole numbers: those of IPVS but for
// a list of CPUs (Documentation/networking/ipvs-sysctl.rst), and forwarding.
func hasWholeNumbers(name string) bool {
	switch {
	case strings.HasPrefix(name, "net.ipv4.vs."):
		return name != "net.ipv4.vs.est_cpulist"
	case name == ForwardSysctl(IPv4):
		return true
	}
	return forwardingPattern.MatchString(name)
}

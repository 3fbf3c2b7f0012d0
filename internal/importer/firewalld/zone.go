package firewalld

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/iptables"
)

// zone reads the rich rules of a zone that set marks.
func (f *file) zone(root *node) {
	var marks []*node
	for _, n := range root.all("rule") {
		if n.first("mark") != nil {
			marks = append(marks, n)
		} else {
			f.rules.Finding(f.line(n), "the rule sets no mark, and stays with firewalld")
		}
	}
	for _, n := range root.children {
		switch n.name {
		case "rule", "short", "description", "interface", "source":
		default:
			f.rules.Finding(f.line(n), "<%s> sets no mark, and stays with firewalld", n.name)
		}
	}
	if len(marks) == 0 {
		return
	}
	f.dispatch(root)
	slices.SortStableFunc(marks, func(a, b *node) int { return cmp.Compare(priority(a), priority(b)) })
	for _, n := range marks {
		f.richRule(n)
	}
}

// dispatch sends the packets of the zone to its chain: those of its sources, and those of
// its devices.
func (f *file) dispatch(root *node) {
	all := programs("")
	for _, program := range all {
		f.run(root, program, "-t mangle -N zone")
	}
	bound := false
	for _, n := range root.all("source") {
		bound = true
		words, families, ok := addressTest(n, "-s", "src")
		if !ok {
			f.rules.NotUnderstood(f.line(n), "the source of the zone is not understood")
			continue
		}
		for _, program := range families {
			f.run(n, program, "-t mangle -A PREROUTING "+words+" -g zone")
		}
	}
	for _, n := range root.all("interface") {
		bound = true
		for _, program := range all {
			f.run(n, program, "-t mangle -A PREROUTING -i "+n.attrs["name"]+" -g zone")
		}
	}
	if bound {
		f.rules.Finding(f.line(root), "packets from the sources of other zones do not reach this zone: give the files of all zones with sources that set marks")
		return
	}
	for _, program := range all {
		f.run(root, program, "-t mangle -A PREROUTING -g zone", "a zone without interface and source")
	}
}

// richRule reads one rule with <mark>.
func (f *file) richRule(n *node) {
	target := n.first("mark").attrs["set"]
	families := programs(n.attrs["family"])
	var words strings.Builder
	var unknown []string
	for _, c := range n.children {
		test, ok := "", true
		switch c.name {
		case "source":
			test, _, ok = addressTest(c, "-s", "src")
		case "destination":
			test, _, ok = addressTest(c, "-d", "dst")
		case "port":
			test = fmt.Sprintf("-p %s --dport %s", c.attrs["protocol"], strings.ReplaceAll(c.attrs["port"], "-", ":"))
		case "source-port":
			test = fmt.Sprintf("-p %s --sport %s", c.attrs["protocol"], strings.ReplaceAll(c.attrs["port"], "-", ":"))
		case "protocol":
			test = "-p " + c.attrs["value"]
		case "service":
			test, ok = serviceTest(c.attrs["name"])
		case "mark":
			ok = c.first("limit") == nil
		case "log", "nflog", "audit":
		default:
			ok = false
		}
		if !ok {
			unknown = append(unknown, "<"+c.name+">")
		}
		words.WriteString(test + " ")
	}
	if strings.Contains(target, "/") {
		f.rules.NotUnderstood(f.line(n), "the backends of firewalld read the mask of mark %s in opposite ways: give the output of `nft -j list ruleset` or iptables-save", target)
		unknown = append(unknown, "mark "+target)
	}
	if families == nil {
		f.rules.NotUnderstood(f.line(n), "family %q is not understood", n.attrs["family"])
	}
	for _, program := range families {
		f.run(n, program, "-t mangle -A zone "+words.String()+"-j MARK --set-xmark "+target, unknown...)
	}
}

// addressTest returns the words that test a source or destination, and the programs of
// its families.
func addressTest(n *node, option, side string) (words string, families []string, ok bool) {
	not := ""
	if n.inverted() {
		not = "! "
	}
	address, mac, set := n.attrs["address"], n.attrs["mac"], n.attrs["ipset"]
	families = programs("")
	switch {
	case address != "":
		families = programs("ipv4")
		if strings.Contains(address, ":") {
			families = programs("ipv6")
		}
		words = not + option + " " + address
	case mac != "" && side == "src":
		words = "-m mac " + not + "--mac-source " + mac
	case set != "":
		words = "-m set " + not + "--match-set " + set + " " + side
	}
	return words, families, words != ""
}

// serviceTest returns the words that test the port of a service, as firewalld defines it.
func serviceTest(name string) (words string, ok bool) {
	switch name {
	case "ftp":
		return "-p tcp --dport 21", true
	case "ftps":
		return "-p tcp --dport 990", true
	case "ssh":
		return "-p tcp --dport 22", true
	case "http":
		return "-p tcp --dport 80", true
	case "https":
		return "-p tcp --dport 443", true
	}
	return "", false
}

// run runs a command of iptables that this package has written. The words that are unknown
// make a test that nobody understands.
func (f *file) run(n *node, program, text string, unknown ...string) {
	words := iptables.Words(strings.Fields(text)...)
	for _, w := range unknown {
		words = append(words, iptables.Word{Text: w, Quoted: true})
	}
	f.rules.Command(program, words, f.line(n))
}

// Package firewalld reads the files of firewalld that set marks: direct.xml with rules of
// iptables, zones with rich rules, and ipsets; see firewalld.direct(5), firewalld.zone(5),
// firewalld.richlanguage(5) and firewalld.ipset(5). What zones let in stays with firewalld.
package firewalld

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Recognises reports whether the text is a file of firewalld.
func Recognises(text string) bool {
	return beginsWith(text, "<direct", "<zone", "<policy", "<ipset")
}

// beginsWith reports whether the text is XML with one of the elements at its beginning.
func beginsWith(text string, roots ...string) bool {
	start := text[:min(len(text), 4096)]
	if !strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(start, "\ufeff")), "<") {
		return false
	}
	return slices.ContainsFunc(roots, func(root string) bool { return strings.Contains(start, root) })
}

// Read reads direct.xml, or the file of a zone or of an ipset. It returns an error if the text is not XML.
func Read(name, text string) (*oldconfig.Config, error) {
	return ReadWith(name, text, func(*iptables.Ruleset) {})
}

// ReadWith reads as Read does, after load has loaded what other files have.
func ReadWith(name, text string, load func(*iptables.Ruleset)) (*oldconfig.Config, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, lines: strings.Split(text, "\n"), rules: iptables.New()}
	load(f.rules)
	switch root.name {
	case "direct":
		f.direct(root)
		return f.rules.Config(), nil
	case "zone":
		f.zone(root)
		return inOwnTable(f.rules.Config()), nil
	case "ipset":
		f.set(root)
		return f.rules.Config(), nil
	}
	f.rules.NotUnderstood(f.line(root), "lvsmark reads direct.xml, zones and ipsets of firewalld, but no <%s>: give the output of `nft -j list ruleset`", root.name)
	return f.rules.Config(), nil
}

// A file is a file that is read.
type file struct {
	name  string
	lines []string
	rules *iptables.Ruleset
}

func (f *file) line(n *node) oldconfig.Line {
	line := oldconfig.Line{File: f.name, Number: n.number}
	if n.number <= len(f.lines) {
		line.Text = strings.TrimSpace(f.lines[n.number-1])
	}
	return line
}

// programs returns the programs for an attribute ipv or family; without one, both.
func programs(family string) []string {
	switch family {
	case "ipv4":
		return []string{"iptables"}
	case "ipv6":
		return []string{"ip6tables"}
	case "":
		return []string{"iptables", "ip6tables"}
	}
	return nil
}

// direct reads chains, rules and passed-through commands, in the order in which firewalld
// loads them: rules by priority.
func (f *file) direct(root *node) {
	for _, n := range root.all("chain") {
		f.command(n, fmt.Sprintf("-t %s -N %s", n.attrs["table"], n.attrs["chain"]))
	}
	rules := root.all("rule")
	slices.SortStableFunc(rules, func(a, b *node) int { return cmp.Compare(priority(a), priority(b)) })
	for _, n := range rules {
		f.command(n, fmt.Sprintf("-t %s -A %s %s", n.attrs["table"], n.attrs["chain"], n.text))
	}
	for _, n := range root.all("passthrough") {
		f.command(n, n.text)
	}
	for _, n := range root.children {
		switch n.name {
		case "chain", "rule", "passthrough":
		default:
			f.rules.NotUnderstood(f.line(n), "the element <%s> is not understood", n.name)
		}
	}
}

func priority(n *node) int {
	var p int
	if _, err := fmt.Sscan(n.attrs["priority"], &p); err != nil {
		return 0
	}
	return p
}

// command runs a command of iptables or ip6tables.
func (f *file) command(n *node, text string) {
	family := n.attrs["ipv"]
	if family == "eb" {
		f.rules.NotUnderstood(f.line(n), "rules of ebtables are not followed")
		return
	}
	words, ok := iptables.SplitWords(strings.Join(strings.Fields(text), " "))
	if !ok || strings.Contains(text, "'") || family == "" || programs(family) == nil {
		f.rules.NotUnderstood(f.line(n), "the command has an open or single quote, or no ipv=\"ipv4\" or \"ipv6\"")
		return
	}
	for _, program := range programs(family) {
		f.rules.Command(program, words, f.line(n))
	}
}

// inOwnTable moves the chains of a zone to the table of firewalld, which runs after that of
// iptables.
func inOwnTable(c *oldconfig.Config) *oldconfig.Config {
	const afterMangle = 10
	for _, chain := range c.Chains {
		chain.Table = "firewalld"
		if chain.Base != nil {
			chain.Base.Priority += afterMangle
		}
	}
	return c
}

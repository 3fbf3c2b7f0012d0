package firewalld

import (
	"path"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/iptables"
)

// IsSet reports whether the text is a file of firewalld for an ipset; see firewalld.ipset(5).
func IsSet(text string) bool { return beginsWith(text, "<ipset") }

// LoadSet creates the set of a file. Its name is that of the file. What is not understood, also
// text that is not XML, is a remark of the ruleset.
func LoadSet(name, text string, r *iptables.Ruleset) {
	f := &file{name: name, lines: strings.Split(text, "\n"), rules: r}
	root, err := parse(text)
	if err != nil || root.name != "ipset" {
		r.NotUnderstood(f.line(&node{number: 1}), "the set is not understood")
		return
	}
	f.set(root)
}

func (f *file) set(root *node) {
	name := strings.TrimSuffix(path.Base(f.name), ".xml")
	create := []string{"create", name, root.attrs["type"]}
	for _, option := range root.all("option") {
		create = append(create, option.attrs["name"], option.attrs["value"])
	}
	f.setCommand(root, create)
	for _, n := range root.children {
		switch n.name {
		case "entry":
			entry := strings.TrimSpace(n.text)
			if entry == "" {
				f.rules.NotUnderstood(f.line(n), "the entry is empty")
				continue
			}
			f.setCommand(n, []string{"add", name, entry, "-exist"}) // firewalld ignores a second one
		case "option", "short", "description":
		default:
			f.rules.NotUnderstood(f.line(n), "the element <%s> is not understood", n.name)
		}
	}
}

// setCommand executes a command of ipset.
func (f *file) setCommand(n *node, words []string) {
	lost := f.rules.Lost()
	if !f.rules.Set(iptables.Words(words...), f.line(n)) && f.rules.Lost() == lost {
		f.rules.NotUnderstood(f.line(n), "ipset refuses it")
	}
}

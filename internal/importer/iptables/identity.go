package iptables

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// identity returns a text that is equal for rules with the same matches and target, however
// their options are written. The order of options does not count; that of modules does.
func (r *rule) identity(family oldconfig.Family) string {
	if r.key != "" {
		return r.key
	}
	p := parseRule(family, r.words, r.pick, nil)
	var b strings.Builder
	for _, module := range p.modulesInOrder() {
		var factors []string
		for i, f := range p.factors {
			if p.owners[i] == module && !everyAddress(family, module, f) {
				factors = append(factors, textOf(f))
			}
		}
		slices.Sort(factors)
		fmt.Fprintf(&b, "%s %s;", module, strings.Join(factors, ""))
	}
	for _, m := range p.modules {
		if comment, found := m.get("comment"); found {
			fmt.Fprintf(&b, "comment %q;", comment)
		}
	}
	if p.target != nil {
		actions, _ := p.actions(func(string) bool { return false })
		if actions[0].Kind != oldconfig.NoEffect && actions[0].Kind != oldconfig.Opaque {
			actions[0].Text = p.target.name
		}
		fmt.Fprintf(&b, "%v", actions)
	}
	r.key = b.String()
	return r.key
}

// modulesInOrder returns "", for iptables itself, and the modules with factors as they were
// loaded.
func (p *parser) modulesInOrder() []string {
	names := []string{""}
	for _, name := range p.owners {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// everyAddress reports whether a factor is -s or -d with all addresses, which iptables drops.
func everyAddress(family oldconfig.Family, module string, alternatives []conjunct) bool {
	if module != "" || len(alternatives) != 1 || len(alternatives[0]) != 1 {
		return false
	}
	m := alternatives[0][0]
	all := (&parser{family: family}).any(m.Field, option{}).In[0]
	return (m.Field == oldconfig.Source || m.Field == oldconfig.Destination) && !m.Not && len(m.In) == 1 && m.In[0] == all
}

// textOf returns the alternatives as text, without the words of those that are understood.
func textOf(alternatives []conjunct) string {
	var b strings.Builder
	for _, c := range alternatives {
		for _, m := range c {
			if m.Field != oldconfig.NotUnderstood {
				m.Text = ""
			}
			fmt.Fprintf(&b, "%v;", m)
		}
	}
	return b.String()
}

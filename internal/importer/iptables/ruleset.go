// Package iptables reads rules of iptables and ip6tables: the output of iptables-save, and
// commands. It follows iptables(8), iptables-restore(8), iptables-extensions(8) and
// ipset(8).
package iptables

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A Ruleset is what the commands so far have made of an empty host. Its zero value is not
// usable; see New.
type Ruleset struct {
	tables map[tableKey]*table
	order  []*table
	sets   map[string]*set
	config oldconfig.Config // remarks

	elements int // ever added to sets
	compared int // with deleted elements
}

// Limits of what a ruleset keeps, so that noise takes bounded memory.
const (
	maxLines        = 1 << 19 // commands of a table
	maxElements     = 1 << 20 // of all sets
	maxCompared     = 1 << 24 // elements, with those that are deleted
	maxRuleCompared = 1 << 27 // rules of a table, with those that are checked or deleted
	maxRules        = 1 << 21 // that the lines become, and ranges of their matches
)

type tableKey struct {
	family oldconfig.Family
	name   string
}

// A table is a table of one family.
type table struct {
	tableKey
	chains   []*chain
	byName   map[string]*chain
	lines    int // commands that changed a chain
	compared int // rules, with those of commands
}

type chain struct {
	name  string
	base  *oldconfig.Base
	rules []*rule
	wide  bool // one of them is, or was
	line  oldconfig.Line
}

// A rule is kept as words until the end: a set may get its elements, and a chain its
// rules, after the rule that names it.
type rule struct {
	words []Word
	early string   // the target, if the table has no chain of this name when the rule is added
	unset []string // sets that are missing when the rule is added
	pick  pick
	wide  bool // it is more than maxSingle rules of iptables
	line  oldconfig.Line
	begun oldconfig.Line // as in command
	key   string         // equal for rules that iptables takes for the same; made when needed
}

// New returns a ruleset without tables and sets.
func New() *Ruleset {
	return &Ruleset{tables: map[tableKey]*table{}, sets: map[string]*set{}}
}

// NotUnderstood records a line whose meaning is not known.
func (r *Ruleset) NotUnderstood(line oldconfig.Line, format string, args ...any) {
	r.config.AddNotUnderstood(line, format, args...)
}

// Lost returns the number of remarks on lines whose meaning is not known.
func (r *Ruleset) Lost() int { return len(r.config.NotUnderstood) }

// Finding records a line that a spec does not contain.
func (r *Ruleset) Finding(line oldconfig.Line, format string, args ...any) {
	r.config.AddFinding(line, format, args...)
}

// table returns a table with its base chains. It returns nil if iptables has no such table.
func (r *Ruleset) table(family oldconfig.Family, name string, line oldconfig.Line) *table {
	key := tableKey{family, name}
	if t := r.tables[key]; t != nil {
		return t
	}
	bases := baseChains(name)
	if bases == nil {
		return nil
	}
	t := &table{tableKey: key, byName: map[string]*chain{}}
	for _, c := range bases {
		c.line = line
		t.add(c)
	}
	r.tables[key] = t
	r.order = append(r.order, t)
	return t
}

func (t *table) add(c *chain) {
	t.chains = append(t.chains, c)
	t.byName[c.name] = c
}

func (t *table) remove(c *chain) {
	delete(t.byName, c.name)
	t.chains = slices.DeleteFunc(t.chains, func(other *chain) bool { return other == c })
}

// baseChains returns the chains that the kernel has in a table, with the priorities of
// linux/netfilter_ipv4.h.
func baseChains(name string) []*chain {
	const raw, mangle, dnat, filter, security, snat = -300, -150, -100, 0, 50, 100
	base := func(name string, hook oldconfig.Hook, priority int) *chain {
		return &chain{name: name, base: &oldconfig.Base{Hook: hook, Priority: priority}}
	}
	all := func(priority int) (chains []*chain) {
		return []*chain{
			base("PREROUTING", oldconfig.Prerouting, priority), base("INPUT", oldconfig.Input, priority),
			base("FORWARD", oldconfig.Forward, priority), base("OUTPUT", oldconfig.Output, priority),
			base("POSTROUTING", oldconfig.Postrouting, priority),
		}
	}
	switch name {
	case "raw":
		chains := all(raw)
		return []*chain{chains[0], chains[3]}
	case "mangle":
		return all(mangle)
	case "nat":
		chains := all(dnat)
		chains[1].base.Priority, chains[4].base.Priority = snat, snat
		for _, c := range chains {
			c.base.NAT = true
		}
		return slices.Delete(chains, 2, 3)
	case "filter":
		return all(filter)[1:4]
	case "security":
		return all(security)[1:4]
	}
	return nil
}

// Config returns the rules and remarks. Base chains without rules that accept are left out.
func (r *Ruleset) Config() *oldconfig.Config {
	r.markChangedSets()
	config := r.config
	r.remarkLoops(&config)
	compiler := &compiler{config: &config, sets: r.sets, known: map[setTest]setResult{}, room: maxRules}
	for _, t := range r.order {
		for _, c := range t.chains {
			if c.base != nil && len(c.rules) == 0 && !c.base.Drops {
				continue
			}
			out := &oldconfig.Chain{Family: t.family, Table: t.name, Name: c.name, Base: c.base, Line: c.line}
			for _, rule := range c.rules {
				out.Rules = append(out.Rules, compiler.compile(t, c, rule)...)
			}
			config.Chains = append(config.Chains, out)
		}
	}
	return &config
}

// familyOf returns the family of a program: "iptables-legacy" or "/sbin/ip6tables".
func familyOf(program string) oldconfig.Family {
	if strings.HasPrefix(program, "ip6") {
		return config.IPv6
	}
	return config.IPv4
}

package iptables

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Command executes a command of iptables or ip6tables, whose name is program. It returns
// whether iptables would succeed. What it does not understand becomes a remark.
func (r *Ruleset) Command(program string, words []Word, line oldconfig.Line) bool {
	c, err := parseCommand(words)
	if c.isOfOther(familyOf(program)) {
		return false
	}
	if err == nil {
		var ok bool
		if ok, err = r.execute(familyOf(program), c, line); err == nil {
			return ok
		}
	}
	r.NotUnderstood(line, "%s", err)
	return false
}

func (r *Ruleset) execute(family oldconfig.Family, c command, line oldconfig.Line) (ok bool, err error) {
	switch c.name {
	case "":
		return false, fmt.Errorf("no command such as -A")
	case "list":
		t := r.tables[tableKey{family, c.table}]
		return c.chain == "" || t.hasChain(c.chain) || t == nil && isBase(c.table, c.chain), nil
	}
	t := r.table(family, c.table, line)
	if t == nil {
		return false, fmt.Errorf("iptables has no table %q", c.table)
	}
	if c.chain == "" {
		switch c.name {
		case "flush":
			t.flush()
		case "delete-chain":
			return t.deleteChains(), nil
		default:
			return false, fmt.Errorf("--%s has no chain", c.name)
		}
		return true, nil
	}
	if c.name == "new-chain" {
		return t.newChain(c.chain, line)
	}
	target := t.byName[c.chain]
	if target == nil {
		return r.withoutChain(c)
	}
	if !c.listed {
		c.unset = r.missingSets(c.rule)
	}
	return t.change(target, c, line)
}

// withoutChain handles a command for a chain that is not there. To delete or flush what is
// not there is usual at the top of a script.
func (r *Ruleset) withoutChain(c command) (bool, error) {
	switch c.name {
	case "append", "insert", "replace", "policy", "rename-chain":
		return false, fmt.Errorf("table %s has no chain %q: put the line that creates it (-N) ahead", c.table, c.chain)
	}
	return false, nil
}

func (t *table) hasChain(name string) bool { return t != nil && t.byName[name] != nil }

func isBase(table, name string) bool {
	return slices.ContainsFunc(baseChains(table), func(c *chain) bool { return c.name == name })
}

func (t *table) flush() {
	for _, c := range t.chains {
		c.rules = nil
	}
}

// deleteChains deletes all chains without base; none if one of them has rules or references.
func (t *table) deleteChains() bool {
	own := slices.Clone(t.chains)
	own = slices.DeleteFunc(own, func(c *chain) bool { return c.base != nil })
	if slices.ContainsFunc(own, func(c *chain) bool { return len(c.rules) > 0 || t.references(c.name) }) {
		return false
	}
	for _, c := range own {
		t.remove(c)
	}
	return true
}

// references reports whether a rule names the chain.
func (t *table) references(name string) bool {
	for _, c := range t.chains {
		for _, rule := range c.rules {
			if slices.ContainsFunc(rule.words, func(w Word) bool { return w.Text == name }) {
				return true
			}
		}
	}
	return false
}

const maxChainName = 28 // XT_EXTENSION_MAXNAMELEN of linux/netfilter/x_tables.h without the byte 0

func (t *table) newChain(name string, line oldconfig.Line) (bool, error) {
	if t.byName[name] != nil {
		return false, nil
	}
	if _, isTarget := simpleTarget(name); isTarget || targetOptions(name) != "" || name == "QUEUE" || strings.HasPrefix(name, "-") || len(name) > maxChainName {
		return false, fmt.Errorf("%q is no name of a chain", name)
	}
	t.add(&chain{name: name, line: line})
	return true, nil
}

// change executes a command for a chain.
func (t *table) change(target *chain, c command, line oldconfig.Line) (bool, error) {
	read := rule{words: c.rule, unset: c.unset, line: line, begun: c.begun}
	if name := targetOf(c.rule); t.byName[name] == nil {
		read.early = name
	}
	added := read.single(t.family)
	if t.lines += len(added); t.lines > maxLines {
		return false, fmt.Errorf("lvsmark reads at most %d lines of a table", maxLines)
	}
	if target.wide = target.wide || added[0].wide && c.name != "delete" && c.name != "check"; target.wide && c.name != "append" && c.needsPlace() {
		return false, fmt.Errorf("a rule of chain %s has more than %d addresses, so its place is not known: give the output of iptables-save", c.chain, maxSingle)
	}
	switch c.name {
	case "append":
		target.rules = append(target.rules, added...)
	case "insert":
		if c.number < 0 {
			return false, fmt.Errorf("iptables refuses 0 as the number of a rule")
		}
		place := max(c.number, 1) - 1
		if place > len(target.rules) {
			return false, fmt.Errorf("chain %s has no rule %d", c.chain, c.number)
		}
		slices.Reverse(added) // each is inserted ahead of the one before
		target.rules = slices.Insert(target.rules, place, added...)
	case "replace", "delete":
		return t.changeRule(target, c, added)
	case "check":
		if t.compared += len(target.rules); t.compared > maxRuleCompared {
			return false, errCompared
		}
		return t.without(target.rules, added) != nil, nil
	case "flush":
		target.rules = nil
	case "policy":
		return target.setPolicy(c.second)
	case "delete-chain":
		if target.base != nil || len(target.rules) > 0 || t.references(target.name) {
			return false, nil
		}
		t.remove(target)
	case "rename-chain":
		return t.rename(target, c.second)
	default:
		return false, fmt.Errorf("the command --%s is not understood", c.name)
	}
	return true, nil
}

// needsPlace reports whether what the command does depends on the numbers of rules, or on each rule.
func (c command) needsPlace() bool {
	return c.number > 1 || c.name == "replace" || c.name == "delete" || c.name == "check"
}

// targetOf returns the target that the words of a rule name, or "".
func targetOf(words []Word) string {
	for i, w := range words {
		if w.Quoted {
			continue
		}
		option, attached, isAttached := strings.Cut(w.Text, "=")
		switch option {
		case "-j", "-g", "--jump", "--goto":
			if isAttached {
				return attached
			}
			if i+1 < len(words) {
				return words[i+1].Text
			}
		}
		if name, found := strings.CutPrefix(w.Text, "-j"); found {
			return name
		}
		if name, found := strings.CutPrefix(w.Text, "-g"); found {
			return name
		}
	}
	return ""
}

// changeRule replaces a rule by number, or deletes one by number or by its words: with several
// addresses all of its rules, or none if one of them is missing.
func (t *table) changeRule(target *chain, c command, added []*rule) (bool, error) {
	if c.name == "delete" && c.number == 0 {
		if t.compared += len(target.rules); t.compared > maxRuleCompared {
			return false, errCompared
		}
		rest := t.without(target.rules, added)
		if rest != nil {
			target.rules = rest
		}
		return rest != nil, nil
	}
	place := c.number - 1
	if place < 0 || place >= len(target.rules) {
		return false, fmt.Errorf("chain %s has no rule %d", c.chain, c.number)
	}
	if c.name == "replace" {
		if len(added) > 1 {
			return false, errors.New("iptables refuses to replace a rule by one with several addresses")
		}
		target.rules[place] = added[0]
		return true, nil
	}
	target.rules = slices.Delete(target.rules, place, place+1)
	return true, nil
}

// errCompared limits the time that scripts take which delete or check many rules.
var errCompared = errors.New("lvsmark does not compare that many rules with those of -C and -D: give the output of iptables-save")

// without returns the rules without the first one that iptables takes for the same as each of the
// wanted ones, or nil if one is missing.
func (t *table) without(rules, wanted []*rule) []*rule {
	rest := append([]*rule{}, rules...)
	for _, w := range wanted {
		key := w.identity(t.family)
		place := slices.IndexFunc(rest, func(other *rule) bool { return other.identity(t.family) == key })
		if place < 0 {
			return nil
		}
		rest = slices.Delete(rest, place, place+1)
	}
	return rest
}

func (c *chain) setPolicy(policy string) (bool, error) {
	if c.base == nil || policy != "ACCEPT" && policy != "DROP" {
		return false, fmt.Errorf("chain %s cannot have the policy %q", c.name, policy)
	}
	c.base.Drops = policy == "DROP"
	return true, nil
}

// rename gives a chain another name; rules that jump to it follow.
func (t *table) rename(target *chain, name string) (bool, error) {
	if target.base != nil || name == "" || t.byName[name] != nil {
		return false, fmt.Errorf("chain %s cannot be renamed to %q", target.name, name)
	}
	if t.references(target.name) {
		return false, fmt.Errorf("chain %s is renamed while rules jump to it: create it with its last name", target.name)
	}
	delete(t.byName, target.name)
	target.name = name
	t.byName[name] = target
	return true, nil
}

// maxSingle limits the rules of one line that are kept apart: each is read with all addresses.
const maxSingle = 64

// single returns the rules that iptables makes of a line: one for each source and destination. A line
// that becomes many stays one rule, whose numbers in the chain are not known.
func (r rule) single(family oldconfig.Family) []*rule {
	if !slices.ContainsFunc(r.words, func(w Word) bool { return strings.Contains(w.Text, ",") }) {
		return []*rule{&r}
	}
	counts := parseRule(family, r.words, r.pick, nil).counts
	sources, destinations := max(counts[oldconfig.Source], 1), max(counts[oldconfig.Destination], 1)
	if sources*destinations == 1 || sources*destinations > maxSingle {
		r.wide = sources*destinations > 1
		return []*rule{&r}
	}
	list := make([]*rule, 0, sources*destinations)
	for s := range sources {
		for d := range destinations {
			one := r
			one.pick[oldconfig.Source], one.pick[oldconfig.Destination] = s+1, d+1
			list = append(list, &one)
		}
	}
	return list
}

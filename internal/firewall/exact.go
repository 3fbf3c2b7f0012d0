package firewall

import (
	"errors"
	"fmt"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// Chains translates tables to the model of package oldconfig, which package exact
// evaluates. It loads rules like Findings, with the origin of each value, so that nothing
// is lost: a match or statement without an equivalent in the model is not understood. A
// source of nil means that the tables are complete.
func Chains(tables []*nft.Table, source Source) (*oldconfig.Config, error) {
	if source == nil {
		source = inMemory{}
	}
	c := &oldconfig.Config{}
	for _, t := range tables {
		if t.IsDormant() {
			continue
		}
		for _, family := range nft.Families() {
			table := newTable(t)
			if !table.meets(family) {
				continue
			}
			s := &space{family: family, size: addressSize(family)}
			x := &exactTable{table: table, reader: newReader(source, s), config: c, family: specFamily(family)}
			x.loaders[0].exact = true
			if err := x.translate(); err != nil {
				return nil, fmt.Errorf("%s: %w", t, err)
			}
		}
	}
	return c, nil
}

func (x *exactTable) translate() error {
	for _, c := range x.Chains {
		if !x.passed(c) {
			continue
		}
		rules, err := x.rules(x.chains[c.Name], 0)
		if err != nil {
			return err
		}
		x.chain = &oldconfig.Chain{
			Family: x.family, Table: x.name(), Name: c.Name, Base: x.base(c),
			Line: oldconfig.Line{Text: fmt.Sprintf("table %s, chain %s", x.name(), c.Name)},
		}
		for i, r := range rules {
			x.line = oldconfig.Line{Text: fmt.Sprintf("table %s, chain %s, rule %d", x.name(), c.Name, i+1)}
			x.chain.Rules = append(x.chain.Rules, x.rule(r)...)
		}
		x.config.Chains = append(x.config.Chains, x.chain)
	}
	return x.err
}

func (x *exactTable) name() string { return x.Family.String() + " " + x.Name }

// passed reports whether packets to IPVS can pass the chain.
func (x *exactTable) passed(c *nft.Chain) bool {
	switch {
	case x.Family == nft.IPv4, x.Family == nft.IPv6, x.Family == nft.Inet:
		return true
	case x.Family == nft.Netdev && (c.Type == "" || c.Hook == nft.NetdevIngress):
		return true
	case c.Type != "" && len(c.Name) > 0 && x.Family != nft.ARP:
		line := oldconfig.Line{Text: fmt.Sprintf("table %s, chain %s", x.name(), c.Name)}
		x.config.NotUnderstood = append(x.config.NotUnderstood, oldconfig.Remark{Line: line, Message: "lvsmark does not follow packets through this hook"})
	}
	return false
}

func (x *exactTable) base(c *nft.Chain) *oldconfig.Base {
	if c.Type == "" {
		return nil
	}
	hook := map[uint32]oldconfig.Hook{
		nft.HookPrerouting: oldconfig.Prerouting, nft.HookInput: oldconfig.Input, nft.HookForward: oldconfig.Forward,
		nft.HookOutput: oldconfig.Output, nft.HookPostrouting: oldconfig.Postrouting,
	}[c.Hook]
	if x.Family == nft.Netdev || x.Family == nft.Inet && c.Hook == nft.HookIngress {
		hook = oldconfig.Ingress
	}
	return &oldconfig.Base{Hook: hook, Priority: int(c.Priority), NAT: c.Type == "nat", Drops: c.Drops(), Devices: c.Devices}
}

var errAlternatives = errors.New("a rule has too many alternatives")

// maxAlternatives bounds the rules that a rule becomes: one for each key of a concatenation.
const maxAlternatives = 100_000

// rule translates a rule. It becomes several, for disjoint packets, if it looks up a map or
// a concatenation.
func (x *exactTable) rule(r *rule) []*oldconfig.Rule {
	b := &ruleTranslator{exactTable: x, answers: map[int]value{}, reads: r.reads}
	list := b.steps(r.steps)
	if len(list) > maxAlternatives {
		x.err = errAlternatives
	}
	return list
}

// steps translates steps to alternatives: rules for disjoint packets.
func (b *ruleTranslator) steps(list []step) []*oldconfig.Rule {
	head := b.new()
	current := head
	for i, s := range list {
		if l, ok := s.(lookup); ok {
			tails, done := b.lookup(current, l, list[i+1:])
			if !done {
				continue
			}
			return b.forked(head, current, tails)
		}
		if c, ok := s.(choice); ok {
			return b.forked(head, current, b.choice(c, list[i+1:]))
		}
		if isMatch(s) && len(current.Actions) > 0 {
			current.Then = b.new()
			current = current.Then
		}
		if !b.step(current, s) {
			break // no packet goes on
		}
	}
	if impossible(head) {
		return nil
	}
	return []*oldconfig.Rule{head}
}

// impossible reports whether no packet matches.
func impossible(r *oldconfig.Rule) bool {
	for i := range r.Matches {
		if m := &r.Matches[i]; m.Field != oldconfig.NotUnderstood && len(m.In)+len(m.Names) == 0 && !m.Not {
			return true
		}
	}
	return false
}

// alternatives returns the rule head once for each tail, which follows current.
func alternatives(head, current *oldconfig.Rule, tails []*oldconfig.Rule) []*oldconfig.Rule {
	if len(tails) == 0 || impossible(head) {
		return nil
	}
	list := make([]*oldconfig.Rule, len(tails))
	for i, tail := range tails {
		list[i] = withTail(head, current, tail)
	}
	return list
}

func withTail(head, current, tail *oldconfig.Rule) *oldconfig.Rule {
	copied := *head
	if head != current {
		copied.Then = withTail(head.Then, current, tail)
		return &copied
	}
	if len(copied.Actions) == 0 {
		copied.Matches = append(copied.Matches[:len(copied.Matches):len(copied.Matches)], tail.Matches...)
		copied.Actions, copied.Then = tail.Actions, tail.Then
		return &copied
	}
	copied.Then = tail
	return &copied
}

func isMatch(s step) bool {
	switch s.(type) {
	case match, condition:
		return true
	}
	return false
}

// step adds a step. It returns false if no packet goes on.
func (b *ruleTranslator) step(r *oldconfig.Rule, s step) bool {
	switch s := s.(type) {
	case match:
		list, possible := b.matches(s.value, s.test)
		r.Matches = append(r.Matches, list...)
		if !possible {
			r.Matches = append(r.Matches, oldconfig.Match{Field: oldconfig.Protocol}) // no value
		}
		return possible
	case condition:
		r.Matches = append(r.Matches, b.notUnderstood(s.name))
	case helperAssignment:
		r.Actions = append(r.Actions, b.assigned(s)...)
	default:
		r.Actions = append(r.Actions, b.action(s))
	}
	return true
}

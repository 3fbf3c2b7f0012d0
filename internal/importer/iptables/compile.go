package iptables

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A compiler makes rules of lines, when all chains and sets are known.
type compiler struct {
	config *oldconfig.Config
	sets   map[string]*set
	known  map[setTest]setResult // of tests that other lines have too
	room   int                   // for rules
	again  bool                  // the line is that of an earlier rule too
}

// A setTest is a test of a set.
type setTest struct {
	family      oldconfig.Family
	name, flags string
	not         bool
}

// compile returns the rules that a line becomes.
func (c *compiler) compile(t *table, in *chain, line *rule) (rules []*oldconfig.Rule) {
	p := parseRule(t.family, line.words, line.pick, c)
	c.again = line.pick != pick{}
	if p.skip {
		return nil
	}
	if reason := p.checkPlace(t, in); reason != "" {
		c.remark(line.line, "%s", reason)
		p.refused = true
	}
	if later := c.laterSet(line); later != nil {
		c.remark(line.line, "iptables refuses the rule: its set is created in a later line, %s", later.line)
		p.refused = true
	}
	if early := t.byName[line.early] != nil; line.begun.Number > 0 && (p.refused || early) {
		c.remark(line.begun, "iptables-restore refuses %s, so it loads nothing of table %s", line.line, t.name)
	}
	if p.target != nil && p.target.name == "SET" {
		if rules, ok := p.mapRules(line.line); ok {
			return c.within(rules, line)
		}
	}
	actions, understood := p.actions(func(name string) bool {
		other := t.byName[name]
		return other != nil && other.base == nil && name != line.early
	})
	if !understood && t.byName[line.early] != nil {
		c.remark(line.line, "iptables refuses the rule: the chain %s is created in a later line, %s",
			line.early, t.byName[line.early].line)
	} else if !understood {
		c.remark(line.line, "the target %s is not understood", actions[0].Text)
	}
	if len(p.unknown) > 0 && (p.extraWord || !harmless(actions)) && !p.isICMP() {
		c.remark(line.line, "it is not known which packets match %s", strings.Join(p.unknown, ", "))
	}
	if c.room -= p.ranges(); c.room <= 0 {
		return c.within(nil, line)
	}
	for _, matches := range p.product() {
		rules = append(rules, &oldconfig.Rule{Matches: matches, Actions: actions, Line: line.line})
	}
	return c.within(rules, line)
}

// remark adds a remark on a line, once for all rules that it becomes.
func (c *compiler) remark(line oldconfig.Line, format string, args ...any) {
	const last = 4 // a rule has no more
	remark := oldconfig.NewRemark(line, format, args...)
	if known := c.config.NotUnderstood; !c.again || !slices.Contains(known[max(0, len(known)-last):], remark) {
		c.config.AddNotUnderstood(line, "%s", remark.Message)
	}
}

// ranges returns the number of ranges of the matches; those of large sets are shared.
func (p *parser) ranges() (count int) {
	for _, f := range p.factors {
		for _, c := range f {
			for _, m := range c {
				count += min(len(m.In), maxMaskRanges)
			}
		}
	}
	return count
}

// within limits the number of rules: those that have no room become one rule that is not
// understood.
func (c *compiler) within(rules []*oldconfig.Rule, line *rule) []*oldconfig.Rule {
	if c.room -= len(rules); c.room > 0 {
		return rules
	}
	c.remark(line.line, "the lines become more than %d rules", maxRules)
	return []*oldconfig.Rule{{
		Matches: []oldconfig.Match{{Field: oldconfig.NotUnderstood, Text: line.line.Text, Reads: oldconfig.ReadsAll}},
		Actions: []oldconfig.Action{{Kind: oldconfig.Opaque, Text: line.line.Text}}, Line: line.line,
	}}
}

// harmless reports whether a rule has no effect, whatever packets it matches.
func harmless(actions []oldconfig.Action) bool {
	return !slices.ContainsFunc(actions, func(a oldconfig.Action) bool { return a.Kind != oldconfig.NoEffect })
}

// isICMP reports whether the rule matches packets of ICMP only. IPVS schedules none, so what
// is not understood of them is in the rule, and needs no remark.
func (p *parser) isICMP() bool {
	module := moduleOf(p.protocol)
	return module == "icmp" || module == "icmp6"
}

// laterSet returns a set that the rule names, and that the same file creates after it. Sets of
// other files may be there before.
func (c *compiler) laterSet(line *rule) *set {
	for _, name := range line.unset {
		if s := c.sets[name]; s != nil && s.line.File == line.line.File {
			return s
		}
	}
	return nil
}

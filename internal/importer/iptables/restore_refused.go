package iptables

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// failure returns why iptables refuses a command that is understood and does not succeed.
func (t *table) failure(c command) string {
	target := t.byName[c.chain]
	switch {
	case c.name == "new-chain":
		return fmt.Sprintf("chain %s exists already", c.chain)
	case c.chain == "":
		return "a chain has rules, or a rule jumps to it"
	case target == nil:
		return fmt.Sprintf("there is no chain %q", c.chain)
	case c.name == "delete-chain" && target.base != nil:
		return fmt.Sprintf("chain %s cannot be deleted", c.chain)
	case c.name == "delete-chain":
		return fmt.Sprintf("chain %s has rules, or a rule jumps to it", c.chain)
	}
	return fmt.Sprintf("chain %s has no such rule", c.chain)
}

// spaces records the first line that iptables-restore refuses for space ahead of what must be the
// first byte of a line, or behind COMMIT. Rules may have it.
func (s *restore) spaces(raw string, line oldconfig.Line) {
	raw = strings.TrimSuffix(raw, "\r")
	if s.spaced || raw == line.Text || isSetLine(line.Text) {
		return
	}
	if behind := line.Text == "COMMIT" && strings.HasPrefix(raw, "COMMIT"); behind ||
		raw != "" && strings.TrimLeft(raw, " \t") != raw && (line.Text == "" && s.open || line.Text == "COMMIT" || strings.HasPrefix(line.Text, "*") ||
			s.open && strings.Trim(line.Text[:min(1, len(line.Text))], ":#[") == "") {
		s.spaced = true
		s.NotUnderstood(line, "iptables-restore refuses the line, because it has space at its %s", map[bool]string{true: "end", false: "beginning"}[behind])
	}
}

// declared records a line ":CHAIN POLICY" that one of the two programs refuses.
func (s *restore) declared(c *chain, policy string, line oldconfig.Line) {
	switch {
	case c.base != nil:
	case policy != "-":
		s.Finding(line, "iptables-legacy-restore refuses the line, and loads nothing of table %s: chain %s is not built in, so it has no policy; iptables-nft-restore ignores the policy", s.name, c.name)
	case c.line != line && !s.keep:
		s.Finding(line, "iptables-legacy-restore refuses the line, and loads nothing of table %s: %s has the chain already", s.name, c.line)
	}
}

// remarkLoops records the jumps by which a packet would come back to a chain that it is in. The kernel
// refuses them.
func (r *Ruleset) remarkLoops(into *oldconfig.Config) {
	const entered, left = 1, 2
	for _, t := range r.order {
		state := map[*chain]int{}
		var follow func(c *chain)
		follow = func(c *chain) {
			state[c] = entered
			for _, rule := range c.rules {
				next := t.byName[targetOf(rule.words)]
				switch {
				case next == nil || next.base != nil || rule.early == next.name:
				case state[next] == entered:
					into.AddNotUnderstood(rule.line, "the kernel refuses the rule: chain %s comes back to itself", next.name)
				case state[next] != left:
					follow(next)
				}
			}
			state[c] = left
		}
		for _, c := range t.chains {
			if c.base != nil {
				follow(c)
			}
		}
	}
}

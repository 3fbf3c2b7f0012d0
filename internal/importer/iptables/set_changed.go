package iptables

import (
	"slices"
	"strings"
)

// markChangedSets makes sets unknown to which a rule adds elements, or from which it deletes some:
// what they contain depends on the packets before.
func (r *Ruleset) markChangedSets() {
	for _, t := range r.order {
		for _, c := range t.chains {
			for _, rule := range c.rules {
				for _, name := range changedSets(rule.words) {
					if s := r.sets[name]; s != nil && s.unknown == "" {
						s.unknown = "the rule of " + rule.line.String() + " changes it"
					}
				}
			}
		}
	}
}

// changedSets returns the sets that the target SET of a rule adds to or deletes from. iptables
// takes an option that is cut short.
func changedSets(words []Word) (names []string) {
	if !slices.ContainsFunc(words, func(w Word) bool { return w.Text == "SET" }) {
		return nil
	}
	for i, w := range words[:len(words)-1] {
		if !w.Quoted && (strings.HasPrefix(w.Text, "--add") || strings.HasPrefix(w.Text, "--del")) {
			names = append(names, words[i+1].Text)
		}
	}
	return names
}

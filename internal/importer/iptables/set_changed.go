package iptables

// markChangedSets makes sets unknown to which a rule adds elements, or from which it deletes some:
// what they contain depends on the packets before.
func (r *Ruleset) markChangedSets() {
	for _, t := range r.order {
		for _, c := range t.chains {
			for _, rule := range c.rules {
				for _, name := range namedSets(rule.words, "--add-set", "--del-set") {
					if s := r.sets[name]; s != nil && s.unknown == "" {
						s.unknown = "the rule of " + rule.line.String() + " changes it"
					}
				}
			}
		}
	}
}

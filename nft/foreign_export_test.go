package nft

import (
	"github.com/lvsmark/lvsmark/config"
)

// A ForeignRule is a rule of somebody else's, as the tests see it.
type ForeignRule struct {
	Text        string
	Expressions []string // names
}

// ForeignRules are the rules that Findings reads.
func (c *Conn) ForeignRules() ([]ForeignRule, error) {
	tables, err := c.readForeign()
	var rules []ForeignRule
	for _, t := range tables {
		for _, chain := range t.chains {
			for _, r := range chain.Rules {
				rule := ForeignRule{Text: r.Text(0)}
				for e := range r.All() {
					rule.Expressions = append(rule.Expressions, e.Name)
				}
				rules = append(rules, rule)
			}
		}
	}
	return rules, err
}

// FindingSteps are those that Findings takes for IPv4, and its error if there
// may be no more than limit.
func (c *Conn) FindingSteps(spec *config.Spec, limit int) (int, error) {
	tables, err := c.readForeign()
	if err != nil {
		return 0, err
	}
	packets, all := packetsOf(spec, IPv4)
	w := newWalk(c, packets, stepLimit)
	for _, t := range tables {
		for _, at := range t.hookPoints() {
			w.visit(at, all)
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	_, err = c.walkAll(spec, tables, limit)
	return w.steps, err
}

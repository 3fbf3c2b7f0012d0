package lvsmark

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// steps are those of apply, in order, for a ruleset of that generation: what is new
// is made before the marks turn to it, what is old goes after they turned away. A VIP
// answers only once it is served.
func (p *Plan) steps(e *engine, generation uint32) []step {
	ruleset := func(name string, from, to *nft.Ruleset) step {
		difference := nft.Compare(from, to)
		if difference.Empty() {
			return step{}
		}
		return step{
			name: name,
			do: func() (err error) {
				generation, err = e.CommitLocked(difference, generation)
				return err
			},
			undo: func() error {
				if err := e.Restore(from); err != nil {
					return fmt.Errorf("%s: %w", strings.Join(tables(from, to), ", "), err)
				}
				return nil
			},
			objects: func() []string { return tables(from, to) },
		}
	}
	makes, breaks := p.splitServices()
	steps := []step{
		ruleset("write the ledger", &p.live.Ruleset, p.intent),
		eachStep("set sysctls and timeouts", p.settings.set, e.settingOperation()),
		eachStep("remove VIP addresses", p.addresses.gone, e.removeAddress()),
		eachStep("add and edit IPVS services", makes, e.serviceOperation()),
		ruleset("change the marks", p.intent, p.active),
		eachStep("add VIP addresses", p.addresses.come, e.addAddress()),
		e.removeServices(breaks),
		eachStep("put back sysctls and timeouts", p.settings.putBack, e.settingOperation()),
		ruleset("close the ledger", p.active, p.settled),
	}
	return slices.DeleteFunc(steps, func(s step) bool { return s.do == nil })
}

// splitServices relies on ipvs.Diff, which puts last what breaks connections.
func (p *Plan) splitServices() (makes, breaks []ipvs.Change) {
	for i, c := range p.services {
		if c.Disrupts() {
			return p.services[:i], p.services[i:]
		}
	}
	return p.services, nil
}

// removeServices knows what connections cannot be brought back.
func (e *engine) removeServices(breaks []ipvs.Change) step {
	operation := e.serviceOperation()
	var removed []string
	operation.do = func(list []ipvs.Change) []error {
		answers := e.ChangeServices(list...)
		for i, err := range answers {
			if err == nil && list[i].Op == ipvs.DelDestination {
				removed = append(removed, list[i].Object())
			}
		}
		return answers
	}
	s := eachStep("remove IPVS services", breaks, operation)
	s.lost = func() []string { return removed }
	return s
}

// tables names those of both rulesets.
func tables(rulesets ...*nft.Ruleset) []string {
	var names []string
	for _, r := range rulesets {
		for _, t := range r.Tables {
			if !slices.Contains(names, t.String()) {
				names = append(names, t.String())
			}
		}
	}
	return names
}

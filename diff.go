package lvsmark

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// diff finds what turns the state that the kernel has into the desired one.
func diff(have *State, want *Desired) (*Plan, error) {
	if want.spec != nil {
		if err := checkForeignTables(have.ruleset, want.ruleset); err != nil {
			return nil, err
		}
	}
	p := &Plan{spec: want.spec, live: have.ruleset, state: have, desired: want}
	next := want.ruleset.Ledger()
	if err := p.diffServices(have, want, next); err != nil {
		return nil, err
	}
	if err := p.diffSettings(have, want); err != nil {
		return nil, err
	}
	if err := p.diffAddresses(have, want); err != nil {
		return nil, err
	}
	if !want.exact {
		next.Settings = p.settings.ledger
	}
	p.diffRulesets(have.ledger, next)
	return p, nil
}

// diffRulesets finds the rulesets that nftables goes through, from the one ledger to
// the other.
func (p *Plan) diffRulesets(old, next nft.Ledger) {
	desired := p.desired.ruleset
	both := joinedLedgers(old, next)
	p.intent, p.active = &p.live.Ruleset, desired.WithLedger(next, desired)
	p.settled = p.active
	if p.makes() && !reflect.DeepEqual(both, old) {
		p.intent = p.live.WithLedger(both, desired)
	}
	if !reflect.DeepEqual(both, next) {
		p.active = desired.WithLedger(both, &p.live.Ruleset)
	}
}

// joinedLedgers has the entries of both ledgers. Where both have one, it is that of
// next.
func joinedLedgers(old, next nft.Ledger) nft.Ledger {
	both := nft.Ledger{Bound: maps.Clone(old.Bound), Settings: maps.Clone(old.Settings)}
	maps.Copy(both.Bound, next.Bound)
	maps.Copy(both.Settings, next.Settings)
	return both
}

// makes reports whether anything but nftables is made or set, which the ledger
// has to say beforehand.
func (p *Plan) makes() bool {
	return len(p.settings.set) > 0 || slices.ContainsFunc(p.services, func(c ipvs.Change) bool { return !c.Disrupts() })
}

// checkForeignTables refuses a spec whose table is another program's.
func checkForeignTables(live *nft.Snapshot, desired *nft.Ruleset) error {
	for _, t := range desired.Tables {
		for _, foreign := range live.Foreign {
			if foreign.Family == t.Family && foreign.Name == t.Name {
				return fmt.Errorf("%s exists and is not lvsmark's: give lvsmark another name in director.table, or delete that table", foreign)
			}
		}
	}
	return nil
}

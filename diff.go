package lvsmark

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// diff returns the changes from one state to another. It makes no system call.
func diff(have *State, want *Desired) (*Plan, error) {
	if want.spec != nil {
		if err := checkTables(have.ruleset, want); err != nil {
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

// diffRulesets sets the rulesets of the plan; see Plan.
func (p *Plan) diffRulesets(old, next nft.Ledger) {
	desired := p.desired.ruleset
	both := joinedLedgers(old, next)
	p.intent, p.active = &p.live.Ruleset, desired
	if !p.desired.exact { // a saved state has its ledger, in the form in which it was found
		p.active = desired.WithLedger(next, desired)
	}
	p.settled = p.active
	if p.creates() && !reflect.DeepEqual(both, old) {
		p.intent = p.live.WithLedger(both, desired)
	}
	if !reflect.DeepEqual(both, next) {
		p.active = desired.WithLedger(both, &p.live.Ruleset)
	}
}

// joinedLedgers has the entries of both ledgers. An entry of next replaces that of old.
func joinedLedgers(old, next nft.Ledger) nft.Ledger {
	both := nft.Ledger{Bound: maps.Clone(old.Bound), Settings: maps.Clone(old.Settings)}
	maps.Copy(both.Bound, next.Bound)
	maps.Copy(both.Settings, next.Settings)
	return both
}

// creates reports whether the plan creates services or sets settings. The ledger must
// name them first.
func (p *Plan) creates() bool {
	return len(p.settings.set) > 0 || slices.ContainsFunc(p.services, func(c ipvs.Change) bool { return !c.Disrupts() })
}

// ErrForeignService means that an IPVS service with a mark of the spec belongs to another
// program.
var ErrForeignService = errors.New("IPVS service is not lvsmark's")

// diffServices compares the services that lvsmark may change: those in the ledger, and
// those with a desired mark. A service that is not in the ledger is taken over if it has
// the desired configuration, or if the operator adopts it.
func (p *Plan) diffServices(have *State, want *Desired, next nft.Ledger) error {
	p.want = want.services
	if want.exact { // captured services that are in no ledger belong to other programs
		p.want = ofLedgers(want.services, have.ledger, next)
	}
	if have.noIPVS != nil {
		if len(p.want) == 0 && !want.exact {
			return nil // without IPVS there is nothing to remove
		}
		return have.noIPVS
	}
	desired := make(map[ipvs.Key]ipvs.VirtualService, len(p.want))
	for _, s := range p.want {
		desired[s.Key] = s
	}
	var foreign []error
	for _, s := range have.services {
		target, claimed := desired[s.Key]
		claimed = claimed || bound(next, s)
		switch {
		case bound(have.ledger, s), claimed && want.adopt, claimed && len(ipvs.Diff([]ipvs.VirtualService{s}, []ipvs.VirtualService{target})) == 0:
			p.have = append(p.have, s)
		case claimed:
			foreign = append(foreign, fmt.Errorf("%w: %s exists and differs from the spec; take it over in place with `apply --adopt`, remove it with ipvsadm, or give the cluster another mark", ErrForeignService, s.Key))
		}
	}
	p.services = ipvs.Diff(p.have, p.want)
	return errors.Join(foreign...)
}

// boundKeys returns the keys of the services in the ledger.
func boundKeys(l nft.Ledger) []ipvs.Key {
	var keys []ipvs.Key
	for b := range l.Bound {
		keys = append(keys, ipvs.Key{Family: b.Family, Mark: b.Mark})
	}
	return keys
}

// bound reports whether the service is in the ledger.
func bound(l nft.Ledger, s ipvs.VirtualService) bool {
	_, ok := l.Bound[nft.BoundMark{Family: s.Family, Mark: s.Mark}]
	return ok
}

// ofLedgers returns the services that are in one of the ledgers.
func ofLedgers(services []ipvs.VirtualService, ledgers ...nft.Ledger) []ipvs.VirtualService {
	return slices.DeleteFunc(slices.Clone(services), func(s ipvs.VirtualService) bool {
		return !slices.ContainsFunc(ledgers, func(l nft.Ledger) bool { return bound(l, s) })
	})
}

func keysOf(services []ipvs.VirtualService) []ipvs.Key {
	keys := make([]ipvs.Key, 0, len(services))
	for _, s := range services {
		keys = append(keys, s.Key)
	}
	return keys
}

// ofKeys returns the services whose keys are in one of the lists.
func ofKeys(services []ipvs.VirtualService, lists ...[]ipvs.VirtualService) []ipvs.VirtualService {
	wanted := map[ipvs.Key]bool{}
	for _, key := range keysOf(slices.Concat(lists...)) {
		wanted[key] = true
	}
	return slices.DeleteFunc(slices.Clone(services), func(s ipvs.VirtualService) bool { return !wanted[s.Key] })
}

package lvsmark

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
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

// ErrForeignService says that an IPVS service of a mark of the spec is not
// lvsmark's.
var ErrForeignService = errors.New("IPVS service is not lvsmark's")

// diffServices compares the services that lvsmark may change. Those are the ones
// that the ledger names, and those of the desired marks: a service that no ledger
// names is taken over where it is as desired, or where the operator adopts it.
func (p *Plan) diffServices(have *State, want *Desired, next nft.Ledger) error {
	p.want = want.services
	if want.exact { // the captured services that no ledger names were never lvsmark's
		p.want = ofLedgers(want.services, have.ledger, next)
	}
	if have.noIPVS != nil {
		if len(p.want) == 0 && !want.exact {
			return nil // nothing can be there to be removed
		}
		return have.noIPVS
	}
	desired := make(map[ipvs.Key]ipvs.VirtualService, len(p.want))
	for _, s := range p.want {
		desired[s.Key] = s
	}
	var foreign []error
	for _, s := range have.services {
		w, claimed := desired[s.Key]
		claimed = claimed || bound(next, s)
		switch {
		case bound(have.ledger, s), claimed && want.adopt, claimed && len(ipvs.Diff([]ipvs.VirtualService{s}, []ipvs.VirtualService{w})) == 0:
			p.have = append(p.have, s)
		case claimed:
			foreign = append(foreign, fmt.Errorf("%w: %s exists and differs from the spec; take it over in place with `apply --adopt`, remove it with ipvsadm, or give the cluster another mark", ErrForeignService, s.Key))
		}
	}
	p.services = ipvs.Diff(p.have, p.want)
	return errors.Join(foreign...)
}

// boundKeys are those of the services that the ledger names.
func boundKeys(l nft.Ledger) []ipvs.Key {
	var keys []ipvs.Key
	for b := range l.Bound {
		keys = append(keys, ipvs.Key{Family: b.Family, Mark: b.Mark})
	}
	return keys
}

// bound reports whether the ledger names the service.
func bound(l nft.Ledger, s ipvs.VirtualService) bool {
	_, ok := l.Bound[nft.BoundMark{Family: s.Family, Mark: s.Mark}]
	return ok
}

// ofLedgers are the services that one of the ledgers names.
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

// ofKeys are the services whose keys are among those of the lists.
func ofKeys(services []ipvs.VirtualService, lists ...[]ipvs.VirtualService) []ipvs.VirtualService {
	wanted := map[ipvs.Key]bool{}
	for _, key := range keysOf(slices.Concat(lists...)) {
		wanted[key] = true
	}
	return slices.DeleteFunc(slices.Clone(services), func(s ipvs.VirtualService) bool { return !wanted[s.Key] })
}

// An addressPlan is what becomes of VIP addresses on devices.
type addressPlan struct {
	come, gone []hostaddr.Address
	there      []hostaddr.Address // all that devices have, whoever made them
}

// diffAddresses leaves alone what lvsmark did not make: an address that was there
// before serves the VIP as well, and stays when lvsmark goes.
func (p *Plan) diffAddresses(have *State, want *Desired) error {
	there := make(map[hostaddr.Address]bool, len(have.addresses))
	for _, a := range have.addresses {
		there[a.Address] = true
	}
	desired := make(map[hostaddr.Address]bool, len(want.addresses))
	for _, a := range want.addresses {
		if err := have.devices[a.Device]; err != nil {
			return fmt.Errorf("vip-device %s of VIP %s: %w; `ip link` lists the devices there are", a.Device, a.IP, err)
		}
		if !there[a] {
			p.addresses.come = append(p.addresses.come, a)
		}
		desired[a] = true
	}
	for _, a := range have.addresses {
		p.addresses.there = append(p.addresses.there, a.Address)
		if a.Ours && !desired[a.Address] {
			p.addresses.gone = append(p.addresses.gone, a.Address)
		}
	}
	return nil
}

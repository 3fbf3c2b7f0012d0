package lvsmark

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

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

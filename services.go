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

// ownServices returns the services that lvsmark may change: those that the
// ledger names, and those of the wanted marks. One that nobody wrote down is
// taken over when it is just what the spec says; one that differs only by the
// operator's word.
func (k *kernel) ownServices(want []ipvs.VirtualService, old nft.Ledger) ([]ipvs.VirtualService, error) {
	if len(want) == 0 && len(old.Bound) == 0 {
		return nil, nil
	}
	if err := k.openIPVS(); errors.Is(err, ipvs.ErrNoIPVS) && len(want) == 0 {
		return nil, nil // what cannot be there need not go
	} else if err != nil {
		return nil, err
	}
	all, err := k.ipvs.Services(boundKeys(old)...)
	if err != nil {
		return nil, err
	}
	wanted := make(map[ipvs.Key]ipvs.VirtualService, len(want))
	for _, s := range want {
		wanted[s.Key] = s
	}
	var have []ipvs.VirtualService
	var foreign []error
	for _, s := range all {
		w, claimed := wanted[s.Key]
		switch {
		case bound(old, s), claimed && k.opts.Adopt, claimed && len(ipvs.Diff([]ipvs.VirtualService{s}, []ipvs.VirtualService{w})) == 0:
			have = append(have, s)
		case claimed:
			foreign = append(foreign, fmt.Errorf("%w: %s exists and differs from the spec; take it over in place with `apply --adopt`, remove it with ipvsadm, or give the cluster another mark", ErrForeignService, s.Key))
		}
	}
	return have, errors.Join(foreign...)
}

// boundKeys are those of the services that the ledgers name.
func boundKeys(ledgers ...nft.Ledger) []ipvs.Key {
	var keys []ipvs.Key
	for _, l := range ledgers {
		for b := range l.Bound {
			keys = append(keys, ipvs.Key{Family: b.Family, Mark: b.Mark})
		}
	}
	return keys
}

// bound reports whether the ledger names the service.
func bound(l nft.Ledger, s ipvs.VirtualService) bool {
	_, ok := l.Bound[nft.BoundMark{Family: s.Family, Mark: s.Mark}]
	return ok
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

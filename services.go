package lvsmark

import (
	"errors"
	"fmt"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// ErrForeignService says that an IPVS service of a mark of the spec is not
// lvsmark's.
var ErrForeignService = errors.New("IPVS service is not lvsmark's")

// compareServices finds what turns the services that the ledger names into
// those that are wanted. A service that nobody wrote down but that is just what
// the spec says is taken over; one that differs only by the operator's word.
func (k *kernel) compareServices(want []ipvs.Service, old nft.Ledger) ([]ipvs.Change, error) {
	if len(want) == 0 && len(old.Bound) == 0 {
		return nil, nil
	}
	if err := k.openIPVS(); errors.Is(err, ipvs.ErrNoIPVS) && len(want) == 0 {
		return nil, nil // what cannot be there need not go
	} else if err != nil {
		return nil, err
	}
	all, err := k.ipvs.Services()
	if err != nil {
		return nil, err
	}
	wanted := make(map[ipvs.Key]ipvs.Service, len(want))
	for _, s := range want {
		wanted[s.Key] = s
	}
	var have []ipvs.Service
	var foreign []error
	for _, s := range all {
		_, ours := old.Bound[nft.Binding{Family: s.Family, Mark: s.Mark}]
		w, claimed := wanted[s.Key]
		switch {
		case ours, claimed && k.adopt, claimed && len(ipvs.Diff([]ipvs.Service{s}, []ipvs.Service{w})) == 0:
			have = append(have, s)
		case claimed:
			foreign = append(foreign, fmt.Errorf("%w: %s exists and differs from the spec; take it over in place with `apply --adopt`, remove it with ipvsadm, or give the cluster another mark", ErrForeignService, s.Key))
		}
	}
	if len(foreign) > 0 {
		return nil, errors.Join(foreign...)
	}
	return ipvs.Diff(have, want), nil
}

func serviceChange(c ipvs.Change) Change {
	return Change{Op: Op(c.Verb()), Kind: c.Kind(), Where: c.Where(), Before: c.BeforeText(), After: c.AfterText()}
}

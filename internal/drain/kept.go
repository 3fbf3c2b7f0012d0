package drain

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// Kept returns the records of the ledger that stay when the changes to the services are made:
// those of real servers that do not change, unless another process has given them a weight. The
// notes are about the others that get a weight again.
func Kept(ledger nft.Ledger, have []ipvs.VirtualService, changes []ipvs.Change) (kept map[nft.DrainedServer]int, notes []string) {
	kept = map[nft.DrainedServer]int{}
	if len(ledger.Drained) == 0 {
		return kept, nil
	}
	maps.Copy(kept, ledger.Drained)
	for _, s := range have {
		for _, d := range s.Destinations {
			if d.Weight != 0 {
				delete(kept, nft.DrainedServer{Service: nft.BoundMark{Family: s.Family, Mark: s.Mark}, Address: d.Address, Port: d.Port})
			}
		}
	}
	for _, c := range changes {
		mark := nft.BoundMark{Family: c.Service.Family, Mark: c.Service.Mark}
		for _, d := range []ipvs.Destination{c.Before, c.After} {
			delete(kept, nft.DrainedServer{Service: mark, Address: d.Address, Port: d.Port})
		}
		if c.Op == ipvs.EditDestination && c.Before.Weight == 0 && c.After.Weight > 0 && ledger.IsDrained(mark, c.Before.Address, c.Before.Port) {
			notes = append(notes, fmt.Sprintf("real server %s of %s was drained by `lvsmark drain`: apply gives it weight %d again; weight: 0 in the spec keeps it drained",
				c.Before.Address, ledger.Bound[mark], c.After.Weight))
		}
	}
	return kept, slices.Compact(notes)
}

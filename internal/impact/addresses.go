package impact

import (
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// removedAddress returns the impact of a removed VIP address. IPVS takes packets that are
// addressed to the director itself; without the address, the kernel forwards or rejects
// them.
func (a *analyzer) removedAddress(address hostaddr.Address) Impact {
	on := a.devices()
	if device, ok := on.kept[address.IP]; ok {
		return Impact{Effect: Safe, Detail: "still on device " + device}
	}
	impact := Impact{Effect: Drains, Cluster: a.vipCluster(address.IP), Detail: "no new connections to " + address.IP.String()}
	if device, ok := on.added[address.IP]; ok {
		impact.Detail = "no new connections until it is on device " + device
		return impact
	}
	withServers := 0
	for _, c := range a.connections()[address.IP] {
		if a.endsWithServer(c) {
			withServers++
		} else {
			impact.Connections++
		}
	}
	if withServers > 0 {
		impact.Detail += fmt.Sprintf("; %d are counted with their real servers", withServers)
	}
	impact.Unknown = a.readError != nil
	if impact.Connections+withServers > 0 || impact.Unknown {
		impact.Effect = Cuts
	}
	return impact
}

// isRemoved reports whether a device had the VIP before the changes, and none has it
// afterwards.
func (a *analyzer) isRemoved(vip netip.Addr) bool {
	on := a.devices()
	_, removed := on.removed[vip]
	_, kept := on.kept[vip]
	_, added := on.added[vip]
	return removed && !kept && !added
}

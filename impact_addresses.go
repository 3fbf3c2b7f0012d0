package lvsmark

import (
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
)

func (j *analyzer) addressChanges(list []hostaddr.Address, op Op) []Change {
	changes := make([]Change, len(list))
	for i, a := range list {
		changes[i] = Change{Op: op, Kind: "address", Where: "device " + a.Device}
		if op == Add {
			changes[i].After, changes[i].Impact = a.IP.String(), Impact{Effect: Safe}
		} else {
			changes[i].Before, changes[i].Impact = a.IP.String(), j.addressDeleted(a)
		}
	}
	return changes
}

// addressDeleted: IPVS takes the packets that come in for the director itself.
// Without the address they are forwarded, or refused.
func (j *analyzer) addressDeleted(a hostaddr.Address) Impact {
	on := j.devices()
	if device, ok := on.staying[a.IP]; ok {
		return Impact{Effect: Safe, Detail: "still on device " + device}
	}
	impact := Impact{Effect: Drains, Cluster: j.clusterOf(a.IP), Detail: "no new connections to " + a.IP.String()}
	if device, ok := on.coming[a.IP]; ok {
		impact.Detail = "no new connections until it is on device " + device
		return impact
	}
	leaving := 0
	for _, c := range j.connections()[a.IP] {
		if j.leaves(c) {
			leaving++
		} else {
			impact.Connections++
		}
	}
	if leaving > 0 {
		impact.Detail += fmt.Sprintf("; %d are counted with their real servers", leaving)
	}
	impact.Unknown = j.err != nil
	if impact.Connections+leaving > 0 || impact.Unknown {
		impact.Effect = Cuts
	}
	return impact
}

// vipGoes reports whether a VIP will be no address of the director's.
func (j *analyzer) vipGoes(vip netip.Addr) bool {
	on := j.devices()
	_, goes := on.going[vip]
	_, stays := on.staying[vip]
	_, comes := on.coming[vip]
	return goes && !stays && !comes
}

// clusterOf is the cluster of a VIP, or "" where several have it.
func (j *analyzer) clusterOf(vip netip.Addr) string {
	name := ""
	for _, ports := range j.ports()[vip] {
		next := j.cluster(ipvs.Key{Mark: ports.Mark, Family: config.FamilyOf(vip)})
		if name != "" && next != name {
			return ""
		}
		name = next
	}
	return name
}

package impact

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// removedAddress returns the impact of a removed VIP address or network. IPVS takes packets
// that are addressed to the director itself; without the address, the kernel forwards or
// rejects them.
func (a *analyzer) removedAddress(address hostaddr.Address) Impact {
	on, vips := a.devices(), address.Range()
	if device, ok := on.kept.ofAll(address); ok {
		return Impact{Effect: Safe, Detail: "still on device " + device}
	}
	device, added := on.added.ofAll(address)
	if added && on.replaced[address] {
		return Impact{Effect: Safe, Detail: "still on device " + device}
	}
	impact := Impact{Effect: Drains, Cluster: a.vipCluster(address.IP), Detail: "no new connections to " + vips.String()}
	if added {
		impact.Detail = "no new connections until it is on device " + device
		return impact
	}
	withServers := 0
	for _, c := range a.connectionsTo(vips) {
		switch vip := c.VIP.Addr(); {
		case on.kept.has(vip) || on.added.has(vip):
		case a.endsWithServer(c):
			withServers++
		default:
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
	return on.removed.has(vip) && !on.kept.has(vip) && !on.added.has(vip)
}

func (a *analyzer) devices() *devices {
	if a.on != nil {
		return a.on
	}
	removed := setOf(a.Changes.Removed)
	kept := slices.DeleteFunc(slices.Clone(a.Addresses), func(address hostaddr.Address) bool { return removed[address] })
	a.on = &devices{kept: indexDevices(kept), removed: indexDevices(a.Changes.Removed), added: indexDevices(a.Changes.Added), replaced: setOf(a.Changes.Replaced)}
	return a.on
}

func setOf(list []hostaddr.Address) map[hostaddr.Address]bool {
	set := make(map[hostaddr.Address]bool, len(list))
	for _, address := range list {
		set[address] = true
	}
	return set
}

// A deviceIndex has addresses of devices, with the first device of each.
type deviceIndex struct {
	single   map[netip.Addr]string
	networks []hostaddr.Address
}

func indexDevices(list []hostaddr.Address) deviceIndex {
	x := deviceIndex{single: make(map[netip.Addr]string, len(list))}
	for _, a := range list {
		if a.IsRoute() {
			x.networks = append(x.networks, a)
		} else if _, known := x.single[a.IP]; !known {
			x.single[a.IP] = a.Device
		}
	}
	return x
}

// has reports whether a device has the address, alone or in a network.
func (x deviceIndex) has(vip netip.Addr) bool {
	_, ok := x.ofAll(hostaddr.Address{IP: vip})
	return ok
}

// ofAll returns a device that has the address, or all addresses of the network.
func (x deviceIndex) ofAll(address hostaddr.Address) (device string, ok bool) {
	if device, ok := x.single[address.IP]; ok && !address.IsRoute() {
		return device, true
	}
	for _, network := range x.networks {
		if network.Range().Encloses(address.Range()) {
			return network.Device, true
		}
	}
	return "", false
}

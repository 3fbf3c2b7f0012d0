package draft

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxGateways is the number of gateways that a spec may have.
const maxGateways = 16

// takeVRRP takes the group of directors. The addresses that move are the VIPs of clusters, on the
// device of the VRRP instance or on vip-device of the cluster, and gateways.
func (d *Draft) takeVRRP(v *oldconfig.VRRP) {
	taken := *v
	taken.Gateways = nil
	moved := map[oldconfig.Family][]vip{}
	for _, a := range v.Addresses {
		at := vip{addresses: rangeOf(a.VIPs), family: a.VIPs.Family(), line: a.Line}
		moved[at.family] = append(moved[at.family], at)
		if !d.movesVIP(a) {
			d.addGateway(&taken, a)
		}
	}
	switch {
	case !slices.ContainsFunc(v.Addresses, d.movesVIP):
		d.remark(v.Line, "no address of the VRRP instance is a VIP of a cluster: keep it in keepalived")
		return
	case len(taken.Gateways) > maxGateways:
		d.remark(v.Line, "the VRRP instance has %d addresses that are no VIP of a cluster; a spec has at most %d (gateways): keep VRRP in keepalived", len(taken.Gateways), maxGateways)
		return
	}
	all := coalesced(slices.Concat(moved[config.IPv4], moved[config.IPv6]))
	for _, c := range d.clusters {
		d.setMovedDevice(c, v)
		for _, one := range c.vips {
			if !isWithin(one, all) {
				d.remark(one.line, "the VIP %s is no address of the VRRP instance (%s): with vrrp in the spec, keepalived adds it too", one, v.Line)
			}
		}
	}
	d.vrrp = &taken
}

// movesVIP reports whether an address is a VIP of a cluster.
func (d *Draft) movesVIP(a oldconfig.MovedAddress) bool {
	at := vip{addresses: rangeOf(a.VIPs), family: a.VIPs.Family()}
	return slices.ContainsFunc(d.clusters, func(c *cluster) bool { return slices.ContainsFunc(c.vips, at.overlaps) })
}

func (d *Draft) addGateway(v *oldconfig.VRRP, a oldconfig.MovedAddress) {
	if !a.VIPs.IsSingle() {
		d.remark(a.Line, "no cluster has VIPs in %s, which moves with the VIPs: keep the route in keepalived", a.VIPs)
		return
	}
	if a.VIPs.First.Is6() && a.VIPs.First.IsLinkLocalUnicast() {
		d.remark(a.Line, "the link-local address %s moves with the VIPs; a spec has none: give real servers another address of the director as their route, or keep VRRP in keepalived", a.VIPs)
		return
	}
	g := config.Gateway{Address: a.VIPs.First, Device: a.Device}
	if !slices.Contains(v.Gateways, g) {
		v.Gateways = append(v.Gateways, g)
	}
}

// setMovedDevice sets the device of the cluster's VIPs if it is not that of the instance.
func (d *Draft) setMovedDevice(c *cluster, v *oldconfig.VRRP) {
	var devices []string
	for _, a := range v.Addresses {
		at := vip{addresses: rangeOf(a.VIPs), family: a.VIPs.Family()}
		if slices.ContainsFunc(c.vips, at.overlaps) && !slices.Contains(devices, a.Device) {
			devices, c.deviceLine = append(devices, a.Device), a.Line
		}
	}
	switch {
	case len(devices) > 1:
		d.remark(c.line(), "keepalived has VIPs of this cluster on the devices %v; a cluster has one vip-device: make a cluster for each", devices)
	case len(devices) == 1 && devices[0] != v.Device:
		c.device = devices[0]
	}
}

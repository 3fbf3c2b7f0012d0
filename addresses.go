package lvsmark

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// An addressPlan is the changes of VIP addresses of devices.
type addressPlan struct {
	added, removed []hostaddr.Address
	reasons        map[hostaddr.Address]string // why an address that exists is added; most have none
	lifetimes      []lifetimeChange
	present        []hostaddr.Address // all addresses of devices, added by any process
	emptied        map[string]bool    // devices that lose their last IPv4 address
}

func (p addressPlan) empty() bool { return len(p.added)+len(p.removed)+len(p.lifetimes) == 0 }

// A lifetimeChange makes an address of lvsmark permanent, or a permanent one temporary. A
// lifetime of 0 is permanent.
type lifetimeChange struct {
	hostaddr.Address
	before, after hostaddr.Lifetime
}

// diffAddresses does not change addresses that lvsmark did not add. If a VIP has such an
// address already, lvsmark uses it, and delete does not remove it.
func (p *Plan) diffAddresses(have *State, want *Desired) error {
	present := make(map[hostaddr.Address]hostaddr.Local, len(have.addresses))
	for _, a := range have.addresses {
		p.addresses.present = append(p.addresses.present, a.Address)
		if !present[a.Address].Ours { // an address can exist twice, with different prefixes
			present[a.Address] = a
		}
	}
	p.noteLocalServers(have)
	routes := foreignRoutes(have)
	p.addresses.reasons = map[hostaddr.Address]string{}
	desired := make(map[hostaddr.Address]bool, len(want.addresses))
	for _, a := range want.addresses {
		if err := have.devices[a.Device]; want.exact && isDeviceGone(err) {
			p.lose(fmt.Sprintf("VIP %s on %s", a.Range(), a.Device), err)
			continue
		} else if err != nil {
			return fmt.Errorf("vip-device %s of VIP %s: %w; `ip link` lists the devices", a.Device, a.Range(), err)
		}
		desired[a] = true
		local, exists := present[a]
		if other, foreign := routes[a.Prefix()]; foreign && a.IsRoute() && !exists {
			local, exists = other, true // the kernel accepts no second one
		}
		p.diffAddress(a, local, exists, want)
	}
	if !want.exact {
		p.checkIPv6(have, want)
	}
	for _, a := range have.addresses {
		if a.Ours && !desired[a.Address] {
			p.addresses.removed = append(p.addresses.removed, a.Address)
		}
	}
	p.addresses.readdFlushed(have, desired)
	return nil
}

// readdFlushed removes and adds IPv4 networks of devices that lose their last IPv4 address:
// the kernel deletes all IPv4 routes of the device then (fib_inetaddr_event of
// net/ipv4/fib_frontend.c). Addresses that are added do not help, because they are added
// later. Routes are removed before addresses, so that each removal and its undo is known.
func (p *addressPlan) readdFlushed(have *State, desired map[hostaddr.Address]bool) {
	if !slices.ContainsFunc(slices.Concat(p.added, p.removed, p.present), hostaddr.Address.IsRoute) {
		return
	}
	p.emptied = map[string]bool{}
	removed := make(map[hostaddr.Address]bool, len(p.removed))
	for _, a := range p.removed {
		removed[a] = true
		p.emptied[a.Device] = p.emptied[a.Device] || a.IP.Is4() && !a.IsRoute()
	}
	for _, a := range have.addresses {
		if a.IP.Is4() && !a.IsRoute() && !(a.Ours && removed[a.Address]) {
			p.emptied[a.Device] = false
		}
	}
	for _, a := range have.addresses {
		if a.Ours && a.IsRoute() && a.IP.Is4() && desired[a.Address] && p.emptied[a.Device] {
			p.removed, p.added = append(p.removed, a.Address), append(p.added, a.Address)
			p.reasons[a.Address] = "the kernel deletes the IPv4 routes of a device with its last IPv4 address"
		}
	}
	slices.SortStableFunc(p.removed, func(a, b hostaddr.Address) int { return cmp.Compare(b.Kind(), a.Kind()) })
}

// noteLocalServers notes real servers with an address of the director. IPVS delivers their
// packets locally (IP_VS_CONN_F_LOCALNODE; __ip_vs_get_out_rt in
// net/netfilter/ipvs/ip_vs_xmit.c): with nat to the real server's address, with direct and
// tunnel to the VIP, which they leave as the destination.
func (p *Plan) noteLocalServers(have *State) {
	if p.spec == nil || !p.spec.Director.Bind {
		return
	}
	devices := make(map[netip.Addr]string, len(have.addresses))
	var networks []hostaddr.Address
	for _, a := range have.addresses {
		if a.IsRoute() {
			networks = append(networks, a.Address)
		} else {
			devices[a.IP] = a.Device
		}
	}
	for i := range p.spec.Clusters {
		cluster := &p.spec.Clusters[i]
		for _, server := range cluster.RealServers {
			listens := "the VIP"
			if server.Forwarding == config.NAT {
				listens = "that address"
			}
			device, local := devices[server.Address]
			if i := slices.IndexFunc(networks, func(a hostaddr.Address) bool { return a.Prefix().Contains(server.Address) }); i >= 0 {
				device, local = networks[i].Device, true
			}
			if local {
				p.notes = append(p.notes, printable.Line(fmt.Sprintf("real server %s of %s is an address of the director, on %s: IPVS delivers its connections to the director, where a server must listen on %s",
					server.Address, cluster.Name, device, listens)))
			}
		}
	}
}

// foreignRoutes returns the local routes of other programs, by network.
func foreignRoutes(have *State) map[netip.Prefix]hostaddr.Local {
	routes := map[netip.Prefix]hostaddr.Local{}
	for _, a := range have.addresses {
		if a.IsRoute() && !a.Ours {
			routes[a.Address.Prefix()] = a
		}
	}
	return routes
}

// splitRemoved separates the addresses that others replace. They are removed when those
// have been added, so that their IP addresses stay. A network that moves to another device is
// removed first: the kernel has no two routes to it.
func (p *addressPlan) splitRemoved() (removed, replaced []hostaddr.Address) {
	networks := func(list []hostaddr.Address) bool { return slices.ContainsFunc(list, hostaddr.Address.IsRoute) }
	if !networks(p.added) && !networks(p.removed) {
		return p.removed, nil
	}
	for _, a := range p.removed {
		moves := a.IsRoute() && slices.ContainsFunc(p.added, func(b hostaddr.Address) bool { return b.Prefix() == a.Prefix() })
		if !moves && slices.ContainsFunc(p.added, a.IsReplacedBy) && !(p.emptied[a.Device] && a.IP.Is4()) {
			replaced = append(replaced, a)
		} else {
			removed = append(removed, a)
		}
	}
	return removed, replaced
}

// disableIPv6 returns the sysctl that disables IPv6 on a device. With slashes, the name of a
// device may contain dots.
func disableIPv6(device string) string { return "net/ipv6/conf/" + device + "/disable_ipv6" }

// checkIPv6 blocks the plan if it adds an IPv6 address to a device on which IPv6 is
// disabled, unless the spec sets such a sysctl.
func (p *Plan) checkIPv6(have *State, want *Desired) {
	if slices.ContainsFunc(want.settings, func(s config.Setting) bool { return strings.HasSuffix(s.Name, "disable_ipv6") }) {
		return
	}
	for _, a := range p.addresses.added {
		if a.IP.Is6() && have.noIPv6[a.Device] {
			p.blocked = append(p.blocked, fmt.Errorf("add %s %s: IPv6 is disabled on the device: `sysctl -w %s=0` enables it", a.Kind(), a, disableIPv6(a.Device)))
		}
	}
}

// diffAddress compares a desired address with the kernel's. An address that the kernel does
// not use, because duplicate address detection has not passed, is added again without
// detection. A lifetime is removed; a saved state has its own.
func (p *Plan) diffAddress(a hostaddr.Address, local hostaddr.Local, exists bool, want *Desired) {
	lifetime := want.lifetimes[a]
	switch {
	case !exists:
		p.addresses.added = append(p.addresses.added, a)
	case canAddBeside(local):
		p.addresses.added = append(p.addresses.added, a)
		p.addresses.reasons[a] = fmt.Sprintf("%s/%d of another program has a lifetime of %s, after which the kernel deletes it", a.IP, local.Prefix, local.Lifetime)
	case !local.Ours:
		if warning := unreliable(local); warning != "" {
			p.warnings = append(p.warnings, printable.Line(warning))
		}
	case local.Tentative:
		p.addresses.removed = append(p.addresses.removed, a)
		p.addresses.added = append(p.addresses.added, a)
	case (local.Lifetime == 0) != (lifetime == 0):
		p.addresses.lifetimes = append(p.addresses.lifetimes, lifetimeChange{a, local.Lifetime, lifetime})
	}
}

// canAddBeside reports whether the kernel will delete an address of another program, and
// accepts the same address with a full prefix beside it. It does so for IPv4 only.
func canAddBeside(a hostaddr.Local) bool {
	return !a.Ours && a.Lifetime > 0 && a.IP.Is4() && a.Prefix < a.IP.BitLen()
}

// unreliable describes why a VIP that another program added does not work, or not for
// long; empty: it works.
func unreliable(a hostaddr.Local) string {
	vip := fmt.Sprintf("VIP %s, which another program added,", a.Address)
	remove := fmt.Sprintf("after `ip address del %s/%d dev %s` apply adds it", a.IP, a.Prefix, a.Device)
	switch {
	case a.DADFailed:
		return fmt.Sprintf("%s has failed duplicate address detection: another host has the address, and the kernel does not use it here; %s without detection", vip, remove)
	case a.Tentative:
		return vip + " has not passed duplicate address detection yet, and the kernel does not use it before"
	case a.Lifetime > 0:
		return fmt.Sprintf("%s has a lifetime: the kernel deletes it unless that program renews it; %s without a lifetime", vip, remove)
	}
	return ""
}

// readded writes an address that is removed and added again, without duplicate address
// detection, with the flag that `ip address` prints.
func readded(a hostaddr.Address, others []hostaddr.Address, flag string) string {
	if a.IsRoute() {
		return "local " + a.Range().String()
	}
	if slices.Contains(others, a) {
		return a.IP.String() + " " + flag
	}
	return a.IP.String()
}

func (p *addressPlan) addedAddresses() []Change {
	changes := make([]Change, len(p.added))
	for i, a := range p.added {
		changes[i] = Change{
			Op: Add, Kind: a.Kind(), Where: "device " + a.Device, After: readded(a, p.removed, "nodad"),
			Impact: impact.Impact{Effect: impact.Safe, Detail: p.reasons[a]},
		}
		changes[i].makePrintable()
	}
	return changes
}

func (p *addressPlan) removedAddresses(impacts []impact.Impact) []Change {
	changes := make([]Change, len(p.removed))
	for i, a := range p.removed {
		changes[i] = Change{Op: Delete, Kind: a.Kind(), Where: "device " + a.Device, Before: readded(a, p.added, "tentative"), Impact: impacts[i]}
		changes[i].makePrintable()
	}
	return changes
}

// lifetimeChanges writes lifetimes as `ip address` does, without the remaining time, which
// would make a plan file out of date.
func lifetimeChanges(list []lifetimeChange) []Change {
	changes := make([]Change, len(list))
	for i, c := range list {
		changes[i] = Change{
			Op: Edit, Kind: "address", Where: "device " + c.Device,
			Before: lifetimeText(c.Address, c.before), After: lifetimeText(c.Address, c.after),
			Impact: impact.Impact{Effect: impact.Safe},
		}
		if c.before > 0 {
			changes[i].Impact.Detail = fmt.Sprintf("it has a lifetime of %s, after which the kernel would delete it", c.before)
		}
		changes[i].makePrintable()
	}
	return changes
}

func lifetimeText(a hostaddr.Address, lifetime hostaddr.Lifetime) string {
	if lifetime > 0 {
		return a.IP.String() + " dynamic"
	}
	return a.IP.String() + " valid_lft forever"
}

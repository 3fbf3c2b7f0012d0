package director

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
	"github.com/lvsmark/lvsmark/internal/route"
)

func routingChecks() []check {
	return []check{
		{
			Name: "forwarding", Summary: "net.ipv4.ip_forward and net.ipv6.conf.all.forwarding, if real servers have nat",
			Why: "the kernel drops the replies of real servers and active data", Run: forwarding,
		},
		{
			Name: hostcheck.DeviceForwards, Summary: "net.ipv4.conf.DEVICE.forwarding of each device, if ip_forward is 1",
			Why: "the kernel drops packets that come in by that device", Run: ofHostcheck(hostcheck.DeviceForwards),
		},
		{
			Name: hostcheck.VIPLocal, Summary: "the director receives packets to each VIP itself, and no other host has the address",
			Why: "IPVS sees only packets to addresses of the director", Run: vipLocal,
		},
		{
			Name: "vip-arp", Summary: "net.ipv4.conf.DEVICE.arp_ignore, if a VIP is in a subnet of the director, but no address of that device (IPv4)",
			Why: "the director does not answer ARP requests for the VIP: hosts and routers of the subnet do not find it", Run: vipARP,
		},
		{
			Name: "rp-filter", Summary: "strict rp_filter, if there are several default routes or rules of policy routing",
			Why: "the kernel drops packets of clients whose way back is another device", Run: reversePathFilter,
		},
		{
			Name: hostcheck.RulesOfMarks, Summary: "rules of policy routing that match a cluster's mark, also by src_valid_mark with rp_filter, or that take packets to VIPs ahead of the lookup of local addresses",
			Why: "packets take another route: they pass IPVS by, or the kernel drops them", Run: ofHostcheck(hostcheck.RulesOfMarks),
		},
		{
			Name: "masquerade-address", Summary: "the address of active data with translate: masquerade, which must be the VIP",
			Why: "clients and their firewalls refuse data connections from an address other than the VIP", Run: masqueradeAddress,
		},
	}
}

func forwarding(s *Subject) (found []doctor.Finding, err error) {
	for _, family := range config.Families() {
		nat := slices.ContainsFunc(s.Spec.Bindings(family), func(b config.Binding) bool { return len(config.ServersBy(config.NAT, b.RealServers)) > 0 })
		name := "net.ipv4.ip_forward"
		if family == config.IPv6 {
			name = "net.ipv6.conf.all.forwarding"
		}
		if nat && s.Value(name, "0") == "0" {
			found = append(found, s.setting(name+" is 0, and real servers have nat", name, "1"))
		}
	}
	return found, nil
}

// addressCommand adds missing VIPs to a device. Of a range only the ends are known to be missing,
// so that is left to vip-device.
func addressCommand(c *config.Cluster, missing []string) string {
	const device = inSpec + "vip-device: DEVICE"
	if slices.ContainsFunc(c.VIPs, func(r config.AddressRange) bool { return r.First != r.Last }) {
		return device
	}
	prefixes := make([]string, len(missing))
	for i, text := range missing {
		prefixes[i] = fmt.Sprintf("%s/%d", text, netip.MustParseAddr(text).BitLen())
	}
	if len(prefixes) == 1 {
		return fmt.Sprintf("ip address add %s dev DEVICE, or %s", prefixes[0], device)
	}
	return fmt.Sprintf("for a in %s; do ip address add $a dev DEVICE; done, or %s", strings.Join(prefixes, " "), device)
}

func vipLocal(s *Subject) (found []doctor.Finding, err error) {
	if s.Spec.Director.VRRP != nil {
		return nil, errors.New("keepalived has the VIPs on one director at a time (director.vrrp)")
	}
	for c := range s.clusters {
		missing, problem := s.notLocal(c)
		if problem != nil {
			return found, problem
		}
		if len(missing) > 0 {
			f := doctor.Finding{Text: fmt.Sprintf("cluster %s: %s is no address of the director", c.Name, missing[0]), Command: addressCommand(c, missing)}
			if len(missing) > 1 {
				f.Text = fmt.Sprintf("cluster %s: %s are no addresses of the director", c.Name, listed(missing))
			}
			if c.VIPDevice != "" {
				f.Command, f.Apply = apply, true
			}
			found = append(found, f)
		}
	}
	addresses, err := s.Addresses.Get()
	for _, a := range addresses {
		if a.DADFailed && s.isVIP(a.IP) {
			found = append(found, doctor.Finding{Text: fmt.Sprintf("another host on %s has VIP %s: the kernel does not use the address", a.Device, a.IP), Command: fmt.Sprintf("remove it from the other host, then ip address del %s/%d dev %s; %s", a.IP, a.Prefix, a.Device, apply)})
		}
	}
	return found, err
}

// notLocal returns the VIPs of a cluster whose packets the kernel does not receive, with the
// cluster's mark or without.
func (s *Subject) notLocal(c *config.Cluster) (missing []string, err error) {
	for vip, mark := range hostcheck.EndsOfVIPs(c) {
		local, problem := hostcheck.IsLocal(s.Route, vip, mark)
		err = cmp.Or(err, problem)
		if text := vip.String(); !local && problem == nil && !slices.Contains(missing, text) {
			missing = append(missing, text)
		}
	}
	return missing, err
}

func (s *Subject) isVIP(a netip.Addr) bool {
	for c := range s.clusters {
		if hasAddress(c.VIPs, a) {
			return true
		}
	}
	return false
}

func hasAddress(list []config.AddressRange, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(r config.AddressRange) bool { return r.Contains(a) })
}

// reversePathFilter finds devices with a strict filter, if the way back to a client can be
// another device. IPv6 has no such filter.
func reversePathFilter(s *Subject) ([]doctor.Finding, error) {
	if !s.Spec.Serves(config.IPv4) {
		return nil, nil
	}
	reason, err := s.severalWays()
	if reason == "" {
		return nil, err
	}
	const strict = "1"
	var devices []string
	for _, d := range s.Devices {
		if d.Up && !d.Loopback && s.Effective(d.Name, "rp_filter") == strict {
			devices = append(devices, d.Name)
		}
	}
	if len(devices) == 0 {
		return nil, nil
	}
	words := []string{"sysctl", "-w"}
	for _, name := range devices { // the kernel uses the larger one of all and the device, so 2 (loose) is enough
		words = append(words, host.ConfSysctl(name, "rp_filter")+"=2")
	}
	return one(fmt.Sprintf("rp_filter is 1 (strict) on %s, and %s", listed(devices), reason), strings.Join(words, " ")), nil
}

// severalWays returns why clients may be behind several devices; empty: they are not.
func (s *Subject) severalWays() (string, error) {
	gateways, err := s.Gateways.Get()
	if err != nil {
		return "", err
	}
	var devices []string
	for _, g := range gateways {
		if g.Family == config.IPv4 && !slices.Contains(devices, g.Device) {
			devices = append(devices, g.Device)
		}
	}
	if len(devices) > 1 {
		return "there are default routes by " + listed(devices), nil
	}
	rules, err := s.Rules.Get()
	i := slices.IndexFunc(rules, func(r route.Rule) bool { return r.Family == config.IPv4 && !isDefaultRule(r) })
	if i < 0 {
		return "", err
	}
	return fmt.Sprintf("ip rule %d selects routes by other properties than the destination", rules[i].Priority), nil
}

// isDefaultRule reports whether it is one of the rules that the kernel has from the beginning,
// see ip-rule(8).
func isDefaultRule(r route.Rule) bool {
	const main, byDefault, local = 254, 253, 255
	return r.Mask == 0 && !r.Selects && !r.Inverted && (r.Table == main || r.Table == byDefault || r.Table == local)
}

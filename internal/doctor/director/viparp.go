package director

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// vipARP finds VIPs of a subnet of the director for which it answers no ARP request, because
// arp_ignore restricts the answers (arp_ignore of net/ipv4/arp.c): 1 and 2 to addresses of the
// device itself, which a local route and an address of lo are not; 3 to addresses of devices,
// which a local route is not; 8 to none. Hosts and routers of the subnet do not find the VIP
// then.
func vipARP(s *Subject) (found []doctor.Finding, err error) {
	addresses, err := s.Addresses.Get()
	for c := range s.clusters {
		silent := map[string][]string{} // VIPs by device
		var names []string
		for _, vip := range s.localEnds(c) {
			for _, a := range addresses {
				onLink := !a.IsRoute() && a.Prefix < a.IP.BitLen() && netip.PrefixFrom(a.IP, a.Prefix).Contains(vip)
				if !onLink || !s.ignoresARP(a.Device, vip, addresses) || slices.Contains(silent[a.Device], vip.String()) {
					continue
				}
				if silent[a.Device] == nil {
					names = append(names, a.Device)
				}
				silent[a.Device] = append(silent[a.Device], vip.String())
			}
		}
		for _, device := range names {
			found = append(found, doctor.Finding{
				Text:    fmt.Sprintf("cluster %s: the director does not answer ARP requests for %s on %s, whose arp_ignore is %s", c.Name, listed(silent[device]), device, s.Effective(device, "arp_ignore")),
				Command: s.answersARP(device),
			})
		}
	}
	return found, err
}

// localEnds returns the first and the last address of each range of IPv4 VIPs that the kernel
// receives itself: what it does not receive is a finding of vip-local.
func (s *Subject) localEnds(c *config.Cluster) (local []netip.Addr) {
	for _, vips := range c.VIPsOf(config.IPv4) {
		for _, vip := range slices.Compact([]netip.Addr{vips.First, vips.Last}) {
			if r, err := s.Route(vip, 0); err == nil && r.IsLocal() {
				local = append(local, vip)
			}
		}
	}
	return local
}

func (s *Subject) ignoresARP(device string, vip netip.Addr, addresses []hostaddr.Local) bool {
	switch s.Effective(device, "arp_ignore") {
	case "1", "2":
		return !slices.ContainsFunc(addresses, func(a hostaddr.Local) bool { return a.Device == device && a.IP == vip && !a.IsRoute() })
	case "3":
		return !slices.ContainsFunc(addresses, func(a hostaddr.Local) bool { return a.IP == vip && !a.IsRoute() })
	case "8":
		return true
	}
	return false
}

// answersARP returns the command that turns arp_ignore off where it is on: the kernel uses the
// larger value of all and of the device.
func (s *Subject) answersARP(device string) string {
	words := []string{"sysctl", "-w"}
	for _, name := range []string{"all", device} {
		if sysctl := host.ConfSysctl(name, "arp_ignore"); s.Value(sysctl, "0") != "0" {
			words = append(words, sysctl+"=0")
		}
	}
	return strings.Join(words, " ")
}

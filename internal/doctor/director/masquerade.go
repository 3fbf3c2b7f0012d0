package director

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
)

func masqueradeAddress(s *Subject) (found []doctor.Finding, err error) {
	for c := range s.clusters {
		if c.FTP == nil || c.FTP.Active == nil || c.FTP.Active.Translate != config.Masquerade {
			continue
		}
		for _, family := range config.Families() {
			if !c.Serves(family) {
				continue
			}
			address, problem := s.masquerade(family)
			if problem != nil {
				err = cmp.Or(err, problem)
				continue
			}
			found = append(found, masqueraded(c, c.VIPsOf(family), address)...)
		}
	}
	return found, err
}

// masqueraded compares the address of active data with the VIPs of one family.
func masqueraded(c *config.Cluster, vips []config.AddressRange, address netip.Addr) []doctor.Finding {
	if len(vips) == 1 && vips[0].IsSingle() && vips[0].First == address {
		return nil
	}
	return []doctor.Finding{{
		Text:    fmt.Sprintf("active data of cluster %s leaves with %s, the address of the outgoing device, and not with the VIP that the client knows (%s)", c.Name, address, vips[0]),
		Command: inSpec + "ftp.active-data.translate: snat, for one VIP in each cluster; then " + apply,
	}}
}

// masquerade returns the address that the kernel gives to packets of active data towards the
// default route.
func (s *Subject) masquerade(f config.Family) (netip.Addr, error) {
	gateways, err := s.Gateways.Get()
	i := slices.IndexFunc(gateways, func(g host.Gateway) bool { return g.Family == f })
	if i < 0 {
		return netip.Addr{}, cmp.Or(err, fmt.Errorf("there is no %s default route: the device towards clients is not known", f))
	}
	if f == config.IPv4 {
		return s.masquerade4(gateways[i])
	}
	return s.masquerade6(gateways[i])
}

// masquerade4 returns the first primary address in the network of the gateway, as
// inet_select_addr of net/ipv4/devinet.c.
func (s *Subject) masquerade4(gateway host.Gateway) (first netip.Addr, err error) {
	addresses, err := s.Addresses.Get()
	for _, a := range addresses {
		if a.Device != gateway.Device || !a.IP.Is4() || a.IsRoute() {
			continue
		}
		if network := netip.PrefixFrom(a.IP, a.Prefix); network.Contains(gateway.Address) {
			return a.IP, nil
		}
		if !first.IsValid() {
			first = a.IP
		}
	}
	if !first.IsValid() {
		err = cmp.Or(err, fmt.Errorf("device %s has no IPv4 address", gateway.Device))
	}
	return first, err
}

// masquerade6 asks the kernel: it selects the address of masquerading as that of its own
// packets (ipv6_dev_get_saddr of net/ipv6/addrconf.c), unless the route has one.
func (s *Subject) masquerade6(gateway host.Gateway) (netip.Addr, error) {
	client := netip.AddrFrom16([16]byte{0x20, 0x00, 15: 1}) // of no network: 2000::/16 is not assigned
	source, err := s.Source(client)
	if err == nil && (!source.IsValid() || source.IsLoopback()) {
		err = fmt.Errorf("device %s has no global IPv6 address", gateway.Device)
	}
	return source, err
}

package director

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
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
			f, problem := s.masqueraded(c, family)
			found, err = append(found, f...), cmp.Or(err, problem)
		}
	}
	return found, err
}

// masqueraded compares the addresses of active data to clients with the VIPs of one family.
func (s *Subject) masqueraded(c *config.Cluster, family config.Family) ([]doctor.Finding, error) {
	vips := c.VIPsOf(family)
	var err error
	for _, client := range hostcheck.Clients(c, family) {
		address, problem := s.masquerade(client)
		if problem != nil {
			err = cmp.Or(err, problem)
			continue
		}
		if len(vips) == 1 && vips[0].IsSingle() && vips[0].First == address {
			continue
		}
		return []doctor.Finding{{
			Text:    fmt.Sprintf("active data of cluster %s leaves with %s, the address of the outgoing device, and not with the VIP that the client knows (%s)", c.Name, address, vips[0]),
			Command: inSpec + "ftp.active-data.translate: snat, for one VIP in each cluster; then " + apply,
		}}, err
	}
	return nil, err
}

// masquerade returns the address that the kernel gives to packets of active data to a client.
func (s *Subject) masquerade(client netip.Addr) (netip.Addr, error) {
	device, err := s.DeviceTo(client)
	if device == nil {
		return netip.Addr{}, cmp.Or(err, fmt.Errorf("there is no %s route to clients: the device towards them is not known", config.FamilyOf(client)))
	}
	if client.Is6() {
		return s.masquerade6(client, device)
	}
	to, err := s.Route(client, 0)
	if err != nil {
		return netip.Addr{}, err
	}
	if !to.Gateway.IsValid() {
		to.Gateway = client
	}
	return s.masquerade4(to.Gateway, device)
}

// masquerade4 returns the first primary address in the network of the gateway, as
// inet_select_addr of net/ipv4/devinet.c.
func (s *Subject) masquerade4(gateway netip.Addr, device *host.Device) (first netip.Addr, err error) {
	addresses, err := s.Addresses.Get()
	for _, a := range addresses {
		if a.Device != device.Name || !a.IP.Is4() || a.IsRoute() {
			continue
		}
		if network := netip.PrefixFrom(a.IP, a.Prefix); network.Contains(gateway) {
			return a.IP, nil
		}
		if !first.IsValid() {
			first = a.IP
		}
	}
	if !first.IsValid() {
		err = cmp.Or(err, fmt.Errorf("device %s has no IPv4 address", device.Name))
	}
	return first, err
}

// masquerade6 asks the kernel: it selects the address of masquerading as that of its own
// packets (ipv6_dev_get_saddr of net/ipv6/addrconf.c), unless the route has one.
func (s *Subject) masquerade6(client netip.Addr, device *host.Device) (netip.Addr, error) {
	source, err := s.Source(client)
	if err == nil && (!source.IsValid() || source.IsLoopback()) {
		err = fmt.Errorf("device %s has no global IPv6 address", device.Name)
	}
	return source, err
}

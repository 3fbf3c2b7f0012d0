package director

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
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

// masqueraded compares the addresses of active data to clients with the VIPs of one family. Without
// a route to clients that are known, the clients are those behind other routes.
func (s *Subject) masqueraded(c *config.Cluster, family config.Family) ([]doctor.Finding, error) {
	networks, unknown := s.Networks.Get()
	certain, err := networks.Certain(c, family, hostcheck.LocalBy(s.Route)), error(nil)
	for _, client := range certain {
		address, problem := s.masquerade(client)
		if err = cmp.Or(err, problem); problem == nil && !isOnlyVIP(c, address) {
			return notTheVIP(c, family, "leaves with "+address.String()), err
		}
	}
	if len(certain) > 0 && !errors.Is(err, errNoRoute) {
		return nil, err
	}
	possible := networks.Of(c, family)
	if len(possible) == 0 {
		return nil, cmp.Or(unknown, err)
	}
	err = unknown
	for _, client := range possible {
		address, problem := s.masquerade(client.Address)
		if err = cmp.Or(err, problem); problem == nil && !isOnlyVIP(c, address) {
			return notTheVIP(c, family, fmt.Sprintf("to clients that may be behind %s, such as %s, leaves with %s", client.Device, client.Address, address)), err
		}
	}
	return nil, err
}

// isOnlyVIP reports whether an address is the only VIP of a cluster in its family.
func isOnlyVIP(c *config.Cluster, address netip.Addr) bool {
	vips := c.VIPsOf(config.FamilyOf(address))
	return len(vips) == 1 && vips[0].IsSingle() && vips[0].First == address
}

func notTheVIP(c *config.Cluster, family config.Family, leaves string) []doctor.Finding {
	return []doctor.Finding{{
		Text:    fmt.Sprintf("active data of cluster %s %s, the address of the outgoing device, and not with the VIP that the client knows (%s)", c.Name, leaves, c.VIPsOf(family)[0]),
		Command: inSpec + "ftp.active-data.translate: snat, for one VIP in each cluster; then " + apply,
	}}
}

var errNoRoute = errors.New("the device towards them is not known")

// masquerade returns the address that the kernel gives to packets of active data to a client.
func (s *Subject) masquerade(client netip.Addr) (netip.Addr, error) {
	device, err := s.DeviceTo(client)
	if device == nil {
		return netip.Addr{}, cmp.Or(err, fmt.Errorf("there is no %s route to clients: %w", config.FamilyOf(client), errNoRoute))
	}
	source, err := s.Masquerade(client)
	if err == nil && (!source.IsValid() || source.IsLoopback()) {
		err = fmt.Errorf("device %s has no global %s address", device.Name, config.FamilyOf(client))
	}
	return source, err
}

package realserver

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
)

func routeChecks() []check {
	return []check{
		{
			Name: "default-route", Summary: "there is a default route; with nat, by the device with the real server's address",
			Why: "replies do not reach clients, or, with nat, pass the director by: clients drop replies from another address than the VIP", Run: defaultRoute,
		},
		{
			Name: "rp-filter", Summary: "rp_filter is not 1 (strict) on the tunnel device, nor on the device towards the director if the default route is another one (IPv4)",
			Why: "the host drops packets of clients, whose way back is another device", Run: reversePathFilter,
		},
	}
}

// gateways returns the devices of the default routes of a family.
func (s *Subject) gateways(f config.Family) (devices []string, err error) {
	list, err := s.Gateways.Get()
	for _, g := range list {
		if g.Family == f && !slices.Contains(devices, g.Device) {
			devices = append(devices, g.Device)
		}
	}
	return devices, err
}

func defaultRoute(s *Subject) (found []doctor.Finding, err error) {
	for _, family := range config.Families() {
		i := slices.IndexFunc(s.Servers, func(r Server) bool {
			return r.Binding.Family == family && (r.Forwarding != config.NAT || r.Binding.Cluster.SourceNAT == config.NoSourceNAT)
		})
		if i < 0 {
			continue
		}
		r := s.Servers[i]
		devices, problem := s.gateways(family)
		own, other := s.device(r.Address)
		err = cmp.Or(err, problem, other)
		switch {
		case err != nil:
		case len(devices) == 0:
			found = append(found, one(fmt.Sprintf("there is no %s default route", family), command(family)+" route add default via "+next(r)))
		case r.Forwarding == config.NAT && own != nil && !slices.Contains(devices, own.Name):
			found = append(found, one(fmt.Sprintf("the %s default route is by %s, but the director is behind %s", family, devices[0], own.Name), command(family)+" route replace default via "+next(r)))
		}
	}
	return found, err
}

func command(f config.Family) string {
	if f == config.IPv6 {
		return "ip -6"
	}
	return "ip"
}

// next names the router of a real server.
func next(r Server) string {
	if r.Forwarding == config.NAT {
		return "DIRECTOR, the director's address on the link of " + r.Address.String()
	}
	return "ROUTER"
}

func reversePathFilter(s *Subject) (found []doctor.Finding, err error) {
	const strict = "1"
	filters := func(device string) bool { return s.Effective(device, "rp_filter") == strict }
	for _, r := range s.direct(config.IPv4) {
		var devices []string
		if r.Forwarding == config.Tunnel {
			for _, d := range s.tunnels(r) {
				devices = append(devices, d.Name)
			}
		} else if own, problem := s.device(r.Address); own != nil {
			gateways, other := s.gateways(config.IPv4)
			if err = cmp.Or(err, problem, other); len(gateways) > 0 && !slices.Contains(gateways, own.Name) {
				devices = []string{own.Name}
			}
		}
		for _, name := range devices {
			f := one("rp_filter of "+name+" is 1, and packets of clients come in there", looseFilter(name))
			if filters(name) && !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found, err
}

// looseFilter is the remedy. The kernel uses the larger one of two values, so 2 (loose) on the device is
// enough.
func looseFilter(device string) string {
	return fmt.Sprintf("sysctl -w %s=2", host.ConfSysctl(device, "rp_filter"))
}

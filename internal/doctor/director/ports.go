package director

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
)

func portChecks() []check {
	return []check{
		{
			Name: "local-ports", Summary: "net.ipv4.ip_local_port_range, compared with the clusters' ports: UDP; TCP with sloppy_tcp or without nft_socket",
			Why: "IPVS takes answers to connections that programs of the director open from a VIP", Run: localPorts,
		},
		{
			Name: "listeners", Summary: "programs of the director that listen on a port of a cluster",
			Why: "clients of the VIP never reach the program, and it answers them whenever the mark or the service is missing", Run: listeners,
		},
	}
}

func localPorts(s *Subject) ([]doctor.Finding, error) {
	found, err := s.findings(hostcheck.LocalPorts)
	if err != nil {
		return found, err
	}
	if state, err := s.Module("nft_socket"); err != nil || state != host.Absent {
		return found, nil // apply says what the rule for answers needs, if the kernel lacks it
	}
	low, high, ok := hostcheck.PortRange(s.Value("net.ipv4.ip_local_port_range", "32768 60999"))
	if !ok || reserved(s.Value("net.ipv4.ip_local_reserved_ports", ""), low, high) {
		return found, nil
	}
	names := s.clustersWhere(func(c *config.Cluster) bool {
		return slices.ContainsFunc(c.MarkedPorts(), config.PortRange{Protocol: config.TCP, Low: low, High: high}.Meets)
	})
	if len(names) > 0 {
		found = append(found, one(fmt.Sprintf("net.ipv4.ip_local_port_range (%d-%d) has TCP ports of %s, and the kernel has no module nft_socket, by which lvsmark leaves out connections of the director", low, high, listed(names)),
			"sysctl -w net.ipv4.ip_local_reserved_ports=RANGE, with the ports of the clusters")...)
	}
	return found, nil
}

// reserved reports whether all ports are in the list of the sysctl.
func reserved(list string, low, high uint16) bool {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
		b, problem := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
		if isRange && err == nil && problem == nil && uint16(a) <= low && high <= uint16(b) {
			return true
		}
	}
	return false
}

// listeners leaves out clusters that have an address of the director as a real server.
func listeners(s *Subject) (found []doctor.Finding, err error) {
	list, err := s.Listeners.Get()
	for _, l := range list {
		for c := range s.clusters {
			if !s.concerns(l, c) {
				continue
			}
			found = append(found, doctor.Finding{
				Text:    fmt.Sprintf("a program of the director listens on %s %s, a port of cluster %s", l.Protocol, l.Address, c.Name) + unlessOnlyIPv6(l, c),
				Command: fmt.Sprintf("ss -lnp 'sport = %d' shows the program: bind it to an address that is no VIP, or stop it", l.Address.Port()),
			})
			break
		}
	}
	return found, err
}

// unlessOnlyIPv6 is the condition of the finding, if the host did not tell what the socket takes.
func unlessOnlyIPv6(l host.Listener, c *config.Cluster) string {
	if len(l.Families()) < 2 || l.OnlyIPv6 != nil || c.Serves(config.IPv6) {
		return ""
	}
	return " (unless it takes IPv6 only: then `ss -lne` shows v6only:1)"
}

// concerns reports whether packets to a VIP of the cluster reach the listener without IPVS. A
// listener on any address is no trap of a cluster of all ports: it is there for the
// director's own address.
func (s *Subject) concerns(l host.Listener, c *config.Cluster) bool {
	for _, server := range c.RealServers {
		if r, err := s.Route(server.Address, 0); err == nil && r.IsLocal() {
			return false
		}
	}
	port := config.PortRange{Protocol: l.Protocol, Low: l.Address.Port(), High: l.Address.Port()}
	if !l.Address.Addr().IsUnspecified() {
		return slices.ContainsFunc(c.MarkedPorts(), port.Meets) && hasAddress(c.VIPs, l.Address.Addr())
	}
	return slices.ContainsFunc(c.MarkedPorts(), port.Overlaps) && slices.ContainsFunc(l.Families(), c.Serves)
}

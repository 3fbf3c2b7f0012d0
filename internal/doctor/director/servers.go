package director

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
)

func serverChecks() []check {
	return []check{
		{
			Name: hostcheck.ServerRoute, Summary: "the director has a route to each real server; with direct, on a link of its own",
			Why: "IPVS cannot send packets to the real server", Run: serverRoute,
		},
		{
			Name: hostcheck.ReplyRoute, Summary: "rules of policy routing and routes that refuse what real servers with nat send to clients: those of only, or those behind the default route, and those that may be behind others",
			Why: "clients get no replies, or no active data", Run: ofHostcheck(hostcheck.ReplyRoute),
		},
		{
			Name: "server-neighbor", Summary: "the neighbor entries (ARP, ND) of real servers on a link of the director",
			Why: "the real server is off, or has another address", Run: serverNeighbor,
		},
		{
			Name: "server-port", Summary: "each real server with a weight accepts TCP connections on its port",
			Why: "clients that IPVS sends there get no answer", Run: serverPort,
		},
		{
			Name: "server-arp", Summary: "with direct or tunnel, no other host answers ARP requests or neighbor solicitations for a VIP (one VIP of each cluster)",
			Why: "clients and routers send packets to that host, past the director", Run: serverARP,
		},
	}
}

// A server is a real server of a cluster.
type server struct {
	config.RealServer
	cluster *config.Cluster
}

func (s server) String() string { return hostcheck.NameOf(s.RealServer, s.cluster) }

// endpoint returns the address and the port of the real server's program; port 0: not known.
func (s server) endpoint() netip.AddrPort {
	return netip.AddrPortFrom(s.Address, cmp.Or(s.Port, firstTCP(s.cluster)))
}

// servers yields the real servers of all clusters.
func (s *Subject) servers(yield func(server) bool) {
	for c := range s.clusters {
		for _, r := range c.RealServers {
			if !yield(server{r, c}) {
				return
			}
		}
	}
}

func serverRoute(s *Subject) (found []doctor.Finding, err error) {
	for r := range s.servers {
		to, problem := s.Route(r.Address, 0)
		err = cmp.Or(err, problem)
		if problem != nil {
			continue
		}
		if f, wrong := hostcheck.RouteProblem(to, r.RealServer, r.String()); wrong {
			found = append(found, doctor.Finding{Text: f.What, Command: cmp.Or(f.Command, f.Remedy)})
		}
	}
	return found, err
}

// serverNeighbor connects to real servers of which no neighbor entry shows that they answer: the
// kernel asks them then. Without weight, a real server may be off.
func serverNeighbor(s *Subject) (found []doctor.Finding, err error) {
	neighbors, err := s.Neighbors()
	var silent []server
	var ask []netip.AddrPort
	for r := range s.servers {
		if r.Weight > 0 && !neighbors[r.Address] && s.onLink(r.Address) {
			silent, ask = append(silent, r), append(ask, r.endpoint())
		}
	}
	if len(silent) == 0 || err != nil {
		return nil, err
	}
	s.Connect(ask)
	neighbors, err = s.Neighbors()
	for _, r := range silent {
		if answers, known := neighbors[r.Address]; known && !answers {
			found = append(found, doctor.Finding{Text: fmt.Sprintf("%s does not answer ARP or neighbor solicitations", r), Command: fmt.Sprintf("ping -c 3 %s; %sweight: 0 until it is back", r.Address, inSpec)})
		}
	}
	return found, err
}

// onLink reports whether the director asks for the link-layer address of another host itself.
func (s *Subject) onLink(a netip.Addr) bool {
	to, err := s.Route(a, 0)
	return err == nil && to.Refused == 0 && !to.IsLocal() && !to.Gateway.IsValid()
}

// serverPort connects to the first TCP port of each cluster. With direct and tunnel the
// program of the real server may accept connections to the VIP only.
func serverPort(s *Subject) (found []doctor.Finding, err error) {
	ports := map[netip.AddrPort]server{}
	var all []netip.AddrPort
	for r := range s.servers {
		at := r.endpoint()
		if _, twice := ports[at]; !twice && at.Port() != 0 && r.Weight > 0 {
			ports[at], all = r, append(all, at)
		}
	}
	failed := s.Connect(all)
	var unknown []string
	for _, at := range all {
		r := ports[at]
		switch problem := failed[at]; {
		case problem == nil:
		case r.Forwarding == config.NAT:
			found = append(found, doctor.Finding{Text: fmt.Sprintf("%s: no connection to port %d: %v", r, at.Port(), problem), Command: r.reach(problem)})
		default:
			unknown = append(unknown, r.Address.String())
		}
	}
	if len(unknown) > 0 {
		err = fmt.Errorf("no connections to %s; with direct and tunnel the server may listen on the VIP only", listed(unknown))
	}
	return found, err
}

// reach returns how to find what refuses connections to a real server: only a host that is
// reached refuses them itself.
func (s server) reach(err error) string {
	there := "on it, lvsmark doctor --real-server " + cmp.Or(s.Name, s.Address.String())
	if errors.Is(err, unix.ECONNREFUSED) {
		return "start the server there; " + there
	}
	return "lvsmark doctor --check server-route,server-neighbor,firewall; its own firewall; " + there
}

// firstTCP returns the port on which a server of the cluster listens; 0: none is known.
func firstTCP(c *config.Cluster) uint16 {
	if c.FTP != nil {
		return c.FTP.ControlPorts[0]
	}
	for _, r := range c.Ports {
		if r.Protocol == config.TCP && r.Low == r.High {
			return r.Low
		}
	}
	return 0
}

// maxAsked bounds the VIPs that ARP asks for, each of which takes most of a second.
const maxAsked = 8

func serverARP(s *Subject) (found []doctor.Finding, err error) {
	asked := 0
	for _, family := range config.Families() {
		for _, b := range s.Spec.Bindings(family) {
			i := slices.IndexFunc(b.RealServers, func(r config.RealServer) bool { return r.Forwarding != config.NAT })
			if i < 0 {
				continue
			}
			if asked++; asked > maxAsked {
				return found, cmp.Or(err, fmt.Errorf("only the VIPs of the first %d clusters were asked for", maxAsked))
			}
			f, problem := s.whoHas(b.Cluster, b.VIPs[0].First, b.RealServers[i].Address)
			found, err = append(found, f...), cmp.Or(err, problem)
		}
	}
	return found, err
}

// whoHas asks on the links that have the VIP and the real server.
func (s *Subject) whoHas(c *config.Cluster, vip, towards netip.Addr) (found []doctor.Finding, err error) {
	addresses, err := s.Addresses.Get()
	var devices []string
	for _, a := range addresses {
		if !a.IsRoute() && a.Prefix < a.IP.BitLen() && netip.PrefixFrom(a.IP, a.Prefix).Contains(vip) {
			devices = append(devices, a.Device)
		}
	}
	to, problem := s.DeviceTo(towards)
	if err = cmp.Or(err, problem); to != nil {
		devices = append(devices, to.Name)
	}
	slices.Sort(devices)
	for _, name := range slices.Compact(devices) {
		if d := s.DeviceNamed(name); d == nil || d.Loopback || !d.Running || d.MAC == "" {
			continue
		}
		answers, problem := s.WhoHas(name, vip)
		answers = slices.DeleteFunc(answers, s.isOwnMAC)
		if err = cmp.Or(err, problem); len(answers) > 0 {
			found = append(found, answered(c, vip, name, answers))
		}
	}
	return found, err
}

// answered returns the finding about hosts that answer for a VIP.
func answered(c *config.Cluster, vip netip.Addr, device string, hosts []string) doctor.Finding {
	question, remedy := "ARP requests", "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2, and the VIP on lo"
	if vip.Is6() {
		question, remedy = "neighbor solicitations", "the VIP on lo, and not on the device of the link"
	}
	return doctor.Finding{
		Text:    fmt.Sprintf("on %s, %s answers %s for VIP %s of cluster %s", device, strings.Join(hosts, ", "), question, vip, c.Name),
		Command: "on that host: " + remedy,
	}
}

// isOwnMAC reports whether a device of the director has the Ethernet address: with two
// devices on a link, the director answers itself.
func (s *Subject) isOwnMAC(mac string) bool {
	return slices.ContainsFunc(s.Devices, func(d host.Device) bool { return d.MAC == mac })
}

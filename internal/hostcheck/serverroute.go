package hostcheck

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
)

// serverRoutes finds real servers to which IPVS cannot send packets, among the first ones with
// different addresses. Real servers with the same problem are one finding. While no device is
// up, the host has no network yet, and nothing is found.
func serverRoutes(spec *config.Spec, devices []net.Interface, routes *route.Table) (found []Finding, err error) {
	if !slices.ContainsFunc(devices, isUp) {
		return nil, nil
	}
	type problem struct {
		refused unix.Errno
		gateway netip.Addr
	}
	type question struct {
		address netip.Addr
		direct  bool // a cluster may have another forwarding method for the same real server
	}
	servers, first, others := newBounded[question](), map[problem]int{}, map[problem]int{}
	for i := range spec.Clusters {
		for _, s := range spec.Clusters[i].RealServers {
			if !servers.isNew(question{s.Address, s.Forwarding == config.Direct}) {
				continue
			}
			to, err := routes.To(s.Address, 0)
			if err != nil {
				return found, err
			}
			f, wrong := RouteProblem(to, s, NameOf(s, &spec.Clusters[i]))
			same := problem{to.Refused, to.Gateway}
			_, known := first[same]
			switch {
			case wrong && known:
				others[same]++
			case wrong:
				first[same], found = len(found), append(found, f)
			}
		}
	}
	for same, n := range others {
		found[first[same]].What += fmt.Sprintf(" (the same for %d more)", n)
	}
	return found, servers.err("real servers")
}

func isUp(d net.Interface) bool { return d.Flags&net.FlagLoopback == 0 && d.Flags&net.FlagUp != 0 }

// RouteProblem returns why IPVS cannot send packets to a real server by its route: a route
// refuses them or there is none, its address is a broadcast address, or a router is between the
// director and a real server with direct forwarding. name is that of NameOf.
func RouteProblem(to route.Route, s config.RealServer, name string) (f Finding, wrong bool) {
	switch {
	case to.IsLocal():
		return f, false
	case to.Refused != 0:
		return noRoute(s.Address, name, to.Refused), true
	case to.Type == unix.RTN_BROADCAST:
		return Finding{
			Check: ServerRoute, What: name + " is the broadcast address of a network of the director, which no host has",
			Remedy: "give the address of the host in the spec",
		}, true
	case s.Forwarding == config.Direct && to.Gateway.IsValid():
		return Finding{
			Check: ServerRoute, What: fmt.Sprintf("%s has direct forwarding, but is behind the router %s, which sends packets to the VIP back", name, to.Gateway),
			Remedy: "set forwarding: tunnel or nat in the spec, or give the director an address on the real server's link",
		}, true
	}
	return f, false
}

// noRoute returns the finding about a real server without a route, or with one that refuses it:
// of the type unreachable, prohibit or blackhole, see fib_props in net/ipv4/fib_semantics.c.
func noRoute(address netip.Addr, name string, refused unix.Errno) Finding {
	f := Finding{Check: ServerRoute, What: fmt.Sprintf("there is no route to %s: %v", name, refused)}
	if refused == unix.EINVAL {
		f.What = fmt.Sprintf("there is no route to %s: a blackhole route", name)
	}
	if refused == unix.ENETUNREACH {
		f.Command = fmt.Sprintf("ip route add %s via ROUTER", address)
		f.Remedy = "`" + f.Command + "`"
		return f
	}
	lists := fmt.Sprintf("%s route show table all match %s", ipCommand(config.FamilyOf(address)), address)
	f.Command, f.Remedy = lists+" lists the route that refuses it, or else a rule does: delete that one", "`"+lists+"` lists the route that refuses it, or else a rule does: delete that one"
	return f
}

// NameOf returns, for example, "real server rs1 (10.0.0.11) of cluster ftp".
func NameOf(s config.RealServer, c *config.Cluster) string {
	if s.Name == "" {
		return fmt.Sprintf("real server %s of cluster %s", s.Address, c.Name)
	}
	return fmt.Sprintf("real server %s (%s) of cluster %s", s.Name, s.Address, c.Name)
}

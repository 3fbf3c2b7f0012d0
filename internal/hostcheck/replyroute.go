package hostcheck

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
	"github.com/lvsmark/lvsmark/internal/sysctl"
)

// replyRoutes finds rules and routes that refuse what real servers with nat send to clients:
// replies and active data that come in from the real server, and replies after IPVS has given them
// the VIP (ip_vs_route_me_harder of net/netfilter/ipvs/ip_vs_core.c). The clients are those of
// Clients to which the director itself has a route.
func (h Host) replyRoutes(spec *config.Spec, devices []net.Interface, routes *route.Table) (found []Finding, err error) {
	if !slices.ContainsFunc(devices, isUp) {
		return nil, nil
	}
	r := replies{Host: h, devices: devices, routes: routes, known: map[netip.Addr]bool{}, asked: map[[2]netip.Addr]bool{}, first: map[refusal]int{}, others: map[int]int{}}
	for _, family := range config.Families() {
		for _, b := range spec.Bindings(family) {
			servers := config.ServersBy(config.NAT, b.RealServers)
			if len(servers) == 0 {
				continue
			}
			for _, client := range Clients(b.Cluster, family) {
				if err := r.find(b, servers, client); err != nil {
					return r.found, err
				}
			}
		}
	}
	for i, n := range r.others {
		r.found[i].What += fmt.Sprintf(" (the same for %d more)", n)
	}
	return r.found, nil
}

type replies struct {
	Host

	devices []net.Interface
	routes  *route.Table
	known   map[netip.Addr]bool    // clients, and whether there is a route
	asked   map[[2]netip.Addr]bool // source and client
	found   []Finding
	first   map[refusal]int // findings
	others  map[int]int     // how many more have the problem of a finding
}

// A refusal is why packets have no route.
type refusal struct {
	why    unix.Errno
	server bool // of the replies of real servers; else of those from a VIP
}

func (r *replies) find(b config.Binding, servers []config.RealServer, client netip.Addr) error {
	if known, err := r.knows(client); err != nil || !known || len(r.asked) == maxRoutes {
		return err
	}
	for _, s := range servers {
		if err := r.fromServer(s, NameOf(s, b.Cluster), client); err != nil {
			return err
		}
	}
	if r.Value("net.ipv4.vs.snat_reroute", "1") == "0" {
		return nil
	}
	for _, vips := range b.VIPs {
		if err := r.fromVIP(vips.First, b.Cluster.Name, client); err != nil {
			return err
		}
	}
	return nil
}

// knows reports whether the director has a route to the client; it asks once, as thousands of
// clusters may have the same clients.
func (r *replies) knows(client netip.Addr) (bool, error) {
	if known, asked := r.known[client]; asked || len(r.known) == maxRoutes {
		return known, nil
	}
	to, err := r.routes.To(client, 0)
	r.known[client] = err == nil && to.Refused == 0 && !to.IsLocal()
	return r.known[client], err
}

// isNew reports whether the question is to be asked.
func (r *replies) isNew(from, client netip.Addr) bool {
	q := [2]netip.Addr{from, client}
	if r.asked[q] || len(r.asked) == maxRoutes {
		return false
	}
	r.asked[q] = true
	return true
}

func (r *replies) fromServer(s config.RealServer, name string, client netip.Addr) error {
	if !r.isNew(s.Address, client) {
		return nil
	}
	towards, err := r.routes.To(s.Address, 0)
	i := slices.IndexFunc(r.devices, func(d net.Interface) bool { return d.Index == int(towards.Device) })
	if err != nil || towards.Refused != 0 || towards.IsLocal() || i < 0 || !forwards(r.devices[i].Name, s.Address) {
		return err
	}
	back, err := r.routes.Forwarded(s.Address, client, towards.Device)
	r.note(refusal{back.Refused, true}, "replies of "+name, client, fmt.Sprintf("from %s iif %s", s.Address, r.devices[i].Name))
	return err
}

// forwards reports whether the kernel forwards packets from a device now: without it, it has no
// route for them. IPv6 finds the route first.
func forwards(device string, from netip.Addr) bool {
	value, err := sysctl.Read(SysctlOf(device, "forwarding"))
	return from.Is6() || err == nil && value == "1"
}

func (r *replies) fromVIP(vip netip.Addr, cluster string, client netip.Addr) error {
	if !r.isNew(vip, client) {
		return nil
	}
	if local, err := r.routes.To(vip, 0); err != nil || !local.IsLocal() {
		return err
	}
	back, err := r.routes.From(vip, client)
	r.note(refusal{why: back.Refused}, fmt.Sprintf("replies from VIP %s of cluster %s", vip, cluster), client, "from "+vip.String())
	return err
}

// note adds the finding about a route that refuses packets, if it does. The reverse path filter
// (EXDEV) is another check.
func (r *replies) note(problem refusal, packets string, client netip.Addr, selector string) {
	if problem.why == 0 || problem.why == unix.EXDEV {
		return
	}
	if i, known := r.first[problem]; known {
		r.others[i]++
		return
	}
	r.first[problem] = len(r.found)
	what := problem.why.Error()
	if problem.why == unix.EINVAL {
		what = "a blackhole"
	}
	command := fmt.Sprintf("%s route get %s %s", ipCommand(config.FamilyOf(client)), client, selector)
	rules := ipCommand(config.FamilyOf(client)) + " rule"
	r.found = append(r.found, Finding{
		Check: ReplyRoute, What: fmt.Sprintf("a rule or a route refuses %s to clients such as %s: %s", packets, client, what),
		Remedy: fmt.Sprintf("`%s` asks for it, and `%s` lists the rules: delete or narrow the one that matches", command, rules), Command: command + "; " + rules,
	})
}

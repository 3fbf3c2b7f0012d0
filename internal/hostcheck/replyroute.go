package hostcheck

import (
	"cmp"
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
// replies and active data that come in from the real server, replies after IPVS has given them the
// VIP (ip_vs_route_me_harder of net/netfilter/ipvs/ip_vs_core.c), and what clients answer to active
// data. The clients are those of ClientNetworks to which the director itself has a route: those that
// are certain, and then the others.
func (h Host) replyRoutes(spec *config.Spec, devices []net.Interface, routes *route.Table) (found []Finding, err error) {
	if !slices.ContainsFunc(devices, isUp) {
		return nil, nil
	}
	r := replies{Host: h, devices: devices, routes: routes, known: map[netip.Addr]route.Route{}, asked: map[[2]netip.Addr]bool{}, first: map[refusal]int{}, others: map[int]int{}, refused: map[source]bool{}}
	networks, unknown := clientNetworks(spec, devices, routes)
	isLocal := LocalBy(routes.To)
	err = r.each(spec, func(c *config.Cluster, f config.Family) []netip.Addr { return networks.Certain(c, f, isLocal) })
	if err = cmp.Or(err, unknown); err == nil {
		err = r.toPossible(spec, networks)
	}
	if err == nil && r.partial {
		err = errReplies
	}
	for i, n := range r.others {
		r.found[i].What += fmt.Sprintf(" (the same for %d more)", n)
	}
	return r.found, err
}

// errReplies means that there are more pairs of a real server or VIP and a client than replyRoutes asks
// for.
var errReplies = fmt.Errorf("those of replies to clients other than the first %d that are asked for, each from one real server or VIP to one client", maxRoutes)

// toPossible looks for refused replies to clients of which nothing says that there are any.
func (r *replies) toPossible(spec *config.Spec, networks ClientNetworks) error {
	r.perhaps, r.known, r.asked = true, map[netip.Addr]route.Route{}, map[[2]netip.Addr]bool{}
	possible := func(c *config.Cluster, f config.Family) (clients []netip.Addr) {
		for _, client := range networks.Of(c, f) {
			clients = append(clients, client.Address)
		}
		return clients
	}
	r.most = maxRoutes / maxNetworks // so that the bound has room for each network
	err := r.each(spec, possible)
	if r.most = 0; err == nil {
		err = r.each(spec, possible)
	}
	return cmp.Or(err, networks.Err())
}

// each looks for refused replies to the clients of each cluster.
func (r *replies) each(spec *config.Spec, clients func(*config.Cluster, config.Family) []netip.Addr) error {
	for _, family := range config.Families() {
		for _, b := range spec.Bindings(family) {
			servers := config.ServersBy(config.NAT, b.RealServers)
			if len(servers) == 0 {
				continue
			}
			for _, client := range clients(b.Cluster, family) {
				if err := r.find(b, servers, client); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

type replies struct {
	Host

	devices []net.Interface
	routes  *route.Table
	known   map[netip.Addr]route.Route // to clients
	asked   map[[2]netip.Addr]bool     // source and client
	found   []Finding
	first   map[refusal]int // findings
	others  map[int]int     // how many more have the problem of a finding
	perhaps bool            // nothing says that there are such clients
	most    int             // real servers and VIPs of a cluster to ask for; 0: all
	partial bool            // there are more questions than are asked
	refused map[source]bool // whose packets to certain clients are refused
}

// A refusal is why packets have no route.
type refusal struct {
	why     unix.Errno
	sender  sender
	perhaps bool // to clients of which nothing says that there are any
}

// A sender is whose packets are refused.
type sender int

const (
	serverReplies sender = iota
	vipReplies
	clientAnswers // to active data
)

// A source is a real server or a VIP of which packets are refused.
type source struct {
	address netip.Addr
	sender  sender
	why     unix.Errno
}

func (r *replies) find(b config.Binding, servers []config.RealServer, client netip.Addr) error {
	if known, err := r.knows(client); err != nil || !known || r.partial && len(r.asked) == maxRoutes {
		return err
	}
	vips := b.VIPs
	if r.most > 0 {
		servers, vips = servers[:min(len(servers), r.most)], vips[:min(len(vips), r.most)]
	}
	for _, s := range servers {
		if err := r.fromServer(s, b.Cluster, client); err != nil {
			return err
		}
	}
	if r.Value("net.ipv4.vs.snat_reroute", "1") == "0" {
		return nil
	}
	for _, vip := range vips {
		if err := r.fromVIP(vip.First, b.Cluster.Name, client); err != nil {
			return err
		}
	}
	return nil
}

// knows reports whether the director has a route to the client; it asks once, as thousands of
// clusters may have the same clients.
func (r *replies) knows(client netip.Addr) (bool, error) {
	to, asked := r.known[client]
	if !asked && len(r.known) == maxRoutes {
		r.partial = true
		return false, nil
	}
	var err error
	if !asked {
		to, err = r.routes.To(client, 0)
		r.known[client] = to
	}
	return err == nil && to.Refused == 0 && !to.IsLocal(), err
}

// isNew reports whether the question is to be asked.
func (r *replies) isNew(from, client netip.Addr) bool {
	q := [2]netip.Addr{from, client}
	if r.asked[q] || len(r.asked) == maxRoutes {
		r.partial = r.partial || !r.asked[q]
		return false
	}
	r.asked[q] = true
	return true
}

func (r *replies) fromServer(s config.RealServer, c *config.Cluster, client netip.Addr) error {
	if !r.isNew(s.Address, client) {
		return nil
	}
	towards, err := r.routes.To(s.Address, 0)
	i := slices.IndexFunc(r.devices, func(d net.Interface) bool { return d.Index == int(towards.Device) })
	if to := r.known[client]; r.perhaps && to.Device == towards.Device && !to.Gateway.IsValid() && !towards.Gateway.IsValid() {
		return err // the packets pass the director by
	}
	if err != nil || towards.Refused != 0 || towards.IsLocal() || i < 0 || !forwards(r.devices[i].Name, s.Address) {
		return err
	}
	back, err := r.routes.Forwarded(s.Address, client, towards.Device)
	if err != nil {
		return err
	}
	r.note(refusal{back.Refused, serverReplies, r.perhaps}, s.Address, "replies of "+NameOf(s, c)+" to clients "+r.which(client), client, fmt.Sprintf("from %s iif %s ipproto tcp", s.Address, r.devices[i].Name))
	if back.Refused == 0 && c.FTP != nil && c.FTP.Active != nil && c.FTP.Active.Translate != config.NoTranslation {
		return r.toServer(s, c, client)
	}
	return nil
}

// toServer asks for the route of what a client answers to active data, after connection tracking has
// given it the real server's address again.
func (r *replies) toServer(s config.RealServer, c *config.Cluster, client netip.Addr) error {
	device := r.known[client].Device
	i := slices.IndexFunc(r.devices, func(d net.Interface) bool { return d.Index == int(device) })
	if i < 0 || !forwards(r.devices[i].Name, client) {
		return nil
	}
	there, err := r.routes.Forwarded(client, s.Address, device)
	if err != nil {
		return err
	}
	r.note(refusal{there.Refused, clientAnswers, r.perhaps}, s.Address, "active data: answers to "+NameOf(s, c)+" from clients "+r.which(client), s.Address, fmt.Sprintf("from %s iif %s ipproto tcp", client, r.devices[i].Name))
	return nil
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
	r.note(refusal{back.Refused, vipReplies, r.perhaps}, vip, fmt.Sprintf("replies from VIP %s of cluster %s to clients %s", vip, cluster, r.which(client)), client, "from "+vip.String())
	return err
}

// note adds the finding about a route that refuses packets, if it does. The reverse path filter
// (EXDEV) is another check. A rule that refuses packets to clients of which it is certain that they
// exist is found once.
func (r *replies) note(problem refusal, from netip.Addr, packets string, to netip.Addr, selector string) {
	of := source{from, problem.sender, problem.why}
	if problem.why == 0 || problem.why == unix.EXDEV || r.perhaps && r.refused[of] {
		return
	}
	r.refused[of] = r.refused[of] || !r.perhaps
	if i, known := r.first[problem]; known {
		r.others[i]++
		return
	}
	r.first[problem] = len(r.found)
	what := problem.why.Error()
	if problem.why == unix.EINVAL {
		what = "a blackhole"
	}
	command := fmt.Sprintf("%s route get %s %s", ipCommand(config.FamilyOf(to)), to, selector)
	rules := ipCommand(config.FamilyOf(to)) + " rule"
	r.found = append(r.found, Finding{
		Check: ReplyRoute, What: fmt.Sprintf("a rule or a route refuses %s: %s", packets, what),
		Remedy: fmt.Sprintf("`%s` asks for it, and `%s` lists the rules: delete or narrow the one that matches", command, rules), Command: command + "; " + rules,
	})
}

// which describes the clients of which one was asked for.
func (r *replies) which(client netip.Addr) string {
	i := slices.IndexFunc(r.devices, func(d net.Interface) bool { return d.Index == int(r.known[client].Device) })
	if !r.perhaps || i < 0 {
		return fmt.Sprintf("such as %s", client)
	}
	return fmt.Sprintf("that may be behind %s, such as %s", r.devices[i].Name, client)
}

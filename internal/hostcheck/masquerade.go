package hostcheck

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
)

// MasqueradeAddresses returns the addresses that masquerade gives to active data of the spec to
// clients: those of `only`, and for clusters with any clients those behind the default routes.
// possible has the other ones that it gives in ClientNetworks. An error is one of the route netlink;
// the addresses that are known come with it.
func MasqueradeAddresses(spec *config.Spec) (addresses, possible []netip.Addr, err error) {
	if !slices.ContainsFunc(config.Families(), func(f config.Family) bool { return slices.ContainsFunc(spec.Bindings(f), masquerades) }) {
		return nil, nil, nil
	}
	networks, unknown := ReadClientNetworks(spec)
	routes, err := route.Open()
	if err != nil {
		return nil, nil, err
	}
	defer routes.Close()
	masquerade := route.NewMasquerade(routes)
	certain, perhaps := masqueradedClients(spec, networks, routes)
	if addresses, err = sources(masquerade, certain); err != nil {
		return addresses, nil, err
	}
	possible, err = sources(masquerade, perhaps)
	possible = slices.DeleteFunc(possible, func(a netip.Addr) bool { return slices.Contains(addresses, a) })
	return addresses, possible, cmp.Or(err, unknown)
}

// sources returns the source addresses of masqueraded packets to clients.
func sources(masquerade *route.Masquerade, clients []netip.Addr) (addresses []netip.Addr, err error) {
	for _, to := range clients {
		source, err := masquerade.To(to)
		if err != nil {
			return addresses, err
		}
		if source.IsValid() && !slices.Contains(addresses, source) {
			addresses = append(addresses, source)
		}
	}
	return addresses, nil
}

// masqueradedClients returns clients to which active data is masqueraded: one of each network, and
// one of each in which clients may be.
func masqueradedClients(spec *config.Spec, networks ClientNetworks, routes *route.Table) (certain, perhaps []netip.Addr) {
	isLocal := LocalBy(routes.To)
	known, possible := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, f := range config.Families() {
		for _, b := range spec.Bindings(f) {
			if !masquerades(b) {
				continue
			}
			for _, client := range networks.Certain(b.Cluster, f, isLocal) {
				if !known[client] {
					known[client] = true
					certain = append(certain, client)
				}
			}
			for _, client := range networks.Of(b.Cluster, f) {
				if !possible[client.Address] {
					possible[client.Address] = true
					perhaps = append(perhaps, client.Address)
				}
			}
		}
	}
	return certain, perhaps
}

// LocalBy returns a function that reports whether an address is one of the director. It asks for each
// address once, and for no more than maxRoutes: thousands of clusters may have client networks. ask
// is as for IsLocal.
func LocalBy(ask func(netip.Addr, uint32) (route.Route, error)) func(netip.Addr) bool {
	known := map[netip.Addr]bool{}
	return func(a netip.Addr) bool {
		local, asked := known[a]
		if !asked && len(known) < maxRoutes {
			to, err := ask(a, 0)
			local = err == nil && to.IsLocal()
			known[a] = local
		}
		return local
	}
}

// Certain returns an address of each client network of a cluster, or one to which only a default
// route leads: none, if the packets of its clients come in by other devices than that of the route.
// isLocal is that of LocalBy: the director often has the first address of a network.
func (n ClientNetworks) Certain(c *config.Cluster, f config.Family, isLocal func(netip.Addr) bool) (clients []netip.Addr) {
	for _, network := range c.Only.SourcesOf(f) {
		list := candidates(network)
		client := slices.IndexFunc(list, func(a netip.Addr) bool { return !isLocal(a) })
		clients = append(clients, list[max(0, client)])
	}
	if _, uncertain := n.byOtherDevices(c, f); len(clients) == 0 && !uncertain {
		clients = []netip.Addr{defaultClient(f)}
	}
	return clients
}

// defaultClient returns an address to which only a default route leads.
func defaultClient(f config.Family) netip.Addr {
	if f == config.IPv4 {
		return netip.AddrFrom4([4]byte{240, 0, 0, 1}) // reserved (RFC 1112), so no network has it
	}
	return netip.AddrFrom16([16]byte{0x20, 15: 1}) // 2000::/16 is not assigned (RFC 4291)
}

// masquerades reports whether active data of the cluster is masqueraded.
func masquerades(b config.Binding) bool {
	ftp := b.Cluster.FTP
	return ftp != nil && ftp.Active != nil && ftp.Active.Translate == config.Masquerade && len(config.ServersBy(config.NAT, b.RealServers)) > 0
}

package hostcheck

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
)

// MasqueradeAddresses returns the addresses that masquerade gives to active data of the spec to
// clients: those of `only`, and for clusters with any clients those behind the default routes. A
// route with a source of its own (`src`) yields that one. An error is one of the route netlink; the
// addresses that are known come with it.
func MasqueradeAddresses(spec *config.Spec) (addresses []netip.Addr, err error) {
	clients := masqueradedClients(spec)
	if len(clients) == 0 {
		return nil, nil
	}
	routes, err := route.Open()
	if err != nil {
		return nil, err
	}
	defer routes.Close()
	for _, to := range clients {
		source, err := routes.Source(to)
		if err != nil {
			return addresses, err
		}
		if source.IsValid() && !slices.Contains(addresses, source) {
			addresses = append(addresses, source)
		}
	}
	return addresses, nil
}

// masqueradedClients returns clients to which active data is masqueraded: one of each network.
func masqueradedClients(spec *config.Spec) (clients []netip.Addr) {
	for _, f := range config.Families() {
		known := map[netip.Addr]bool{}
		for _, b := range spec.Bindings(f) {
			if !masquerades(b) {
				continue
			}
			for _, client := range Clients(b.Cluster, f) {
				if !known[client] {
					known[client] = true
					clients = append(clients, client)
				}
			}
		}
	}
	return clients
}

// Clients returns an address of each client network of a cluster, or one to which only a default
// route leads.
func Clients(c *config.Cluster, f config.Family) (clients []netip.Addr) {
	for _, network := range c.Only.SourcesOf(f) {
		client := network.Addr()
		if next := client.Next(); network.Contains(next) { // the first is no address of a client
			client = next
		}
		clients = append(clients, client)
	}
	switch {
	case len(clients) > 0:
		return clients
	case f == config.IPv4:
		return []netip.Addr{netip.AddrFrom4([4]byte{240, 0, 0, 1})} // reserved (RFC 1112), so no network has it
	}
	return []netip.Addr{netip.AddrFrom16([16]byte{0x20, 15: 1})} // 2000::/16 is not assigned (RFC 4291)
}

// masquerades reports whether active data of the cluster is masqueraded.
func masquerades(b config.Binding) bool {
	ftp := b.Cluster.FTP
	return ftp != nil && ftp.Active != nil && ftp.Active.Translate == config.Masquerade && len(config.ServersBy(config.NAT, b.RealServers)) > 0
}

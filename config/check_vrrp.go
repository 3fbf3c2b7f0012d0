package config

import (
	"net/netip"
	"slices"
)

// vrrp checks the peers. A real server that is a peer has the packets of its own clients
// marked once more.
func (c *checker) vrrp() {
	given := c.file.director.vrrp
	if !given.valid {
		return
	}
	v := &given.value
	var seen []netip.Addr
	for _, peer := range v.peers.value {
		switch {
		case slices.Contains(seen, peer.value):
			c.mistake(peer.position, "peer %s is given twice; remove one", peer.value)
		case len(seen) > 0 && seen[0].Is4() != peer.value.Is4():
			c.mistake(peer.position, "peer %s is of another family than %s; keepalived sends the advertisements of one instance in one family: give addresses of one, the VIPs of both move together", peer.value, seen[0])
		}
		seen = append(seen, peer.value)
	}
	if v.source.valid && len(seen) > 0 && v.source.value.Is4() != seen[0].Is4() {
		c.mistake(v.source.position, "source %s is of another family than peer %s; give an address of the same family", v.source.value, seen[0])
	}
	if v.source.valid && slices.Contains(seen, v.source.value) {
		c.mistake(v.source.position, "source %s is also a peer; peers are the other directors", v.source.value)
	}
	c.loopbackDevice(v.device)
	c.linkLocalSource(v)
	c.addressesOfPair(v)
	c.advertisedVIP(v)
	c.gateways(given)
}

// linkLocalSource reports IPv6 peers without a source: keepalived then sends from the link-local
// address and binds the socket for received advertisements to it (vrrp_complete_instance and
// open_sockpool_socket), so advertisements to another address of the director are lost.
func (c *checker) linkLocalSource(v *fileVRRP) {
	if v.source.present || len(v.peers.value) == 0 || v.peers.value[0].value.Is4() {
		return
	}
	peer := v.peers.value[0]
	c.mistake(peer.position, "with an IPv6 peer (%s) vrrp needs a source: without it keepalived receives at its link-local address only, and each director takes the VIPs; give the address of this director, which the peer names in its peers", peer.value)
}

// gateways checks the addresses that move with the VIPs, and notes real servers behind nat whose
// replies would go to a director without the VIPs.
func (c *checker) gateways(given field[fileVRRP]) {
	v := &given.value
	seen := map[netip.Addr]bool{}
	for _, g := range v.gateways.value {
		gateway := g.value.address
		switch {
		case !gateway.valid:
			continue
		case seen[gateway.value]:
			c.mistake(gateway.position, "gateway %s is given twice; remove one", gateway.value)
		case v.source.valid && v.source.value == gateway.value || slices.ContainsFunc(v.peers.value, func(peer item[netip.Addr]) bool { return peer.value == gateway.value }):
			c.mistake(gateway.position, "gateway %s is the address of a director, which does not move; give an address of its own", gateway.value)
		}
		seen[gateway.value] = true
		c.gatewayOfServer(gateway)
	}
	for _, family := range Families() {
		if !slices.ContainsFunc(v.gateways.value, func(g item[fileGateway]) bool { return FamilyOf(g.value.address.value) == family }) {
			c.withoutGateway(given, family)
		}
	}
}

func (c *checker) gatewayOfServer(gateway field[netip.Addr]) {
	for i := range c.spec.Clusters {
		in, _ := c.cluster(i)
		for k := range in.servers.value {
			if server := in.servers.value[k].value.address; server.valid && server.value == gateway.value {
				c.mistake(gateway.position, "gateway %s is a real server of %s; give the address that real servers have as their route to the clients", gateway.value, c.label(i))
				return
			}
		}
	}
}

// withoutGateway notes a cluster whose real servers of the family reply through the director.
func (c *checker) withoutGateway(given field[fileVRRP], family Family) {
	for i := range c.spec.Clusters {
		in, cluster := c.cluster(i)
		if cluster.SourceNAT != NoSourceNAT || in.forwardingUnreadable() || len(ServersBy(NAT, cluster.RealServersOf(family))) == 0 {
			continue
		}
		example := map[Family]string{IPv4: "10.0.0.1", IPv6: `"fd00::1"`}[family]
		c.note(given.position, "%s real servers of %s reply through the director (forwarding: nat), and vrrp has no %[1]s gateways: give the address that they have as their route to the clients, which must move with the VIPs, like gateways: [{address: %[3]s, device: eth1}], or use source-nat", family, c.label(i), example)
		return
	}
}

// advertisedVIP checks that an advertisement has a VIP. keepalived wants one of the family of
// its peers; the others are not advertised.
func (c *checker) advertisedVIP(v *fileVRRP) {
	if len(v.peers.value) == 0 || len(c.spec.Clusters) == 0 {
		return
	}
	peers := v.peers.value[0]
	for i := range c.spec.Clusters {
		in, cluster := c.cluster(i)
		if in.vips.unreadable() || slices.ContainsFunc(cluster.VIPs, func(vips AddressRange) bool {
			return vips.IsSingle() && vips.Family() == FamilyOf(peers.value)
		}) {
			return
		}
	}
	c.mistake(peers.position, "no cluster has a VIP that keepalived can advertise to peer %s: it needs a single %s address; give peers of the family of the VIPs, or add a VIP", peers.value, FamilyOf(peers.value))
}

// addressesOfPair compares the addresses of the directors with VIPs and real servers.
func (c *checker) addressesOfPair(v *fileVRRP) {
	directors := slices.Clone(v.peers.value)
	if v.source.valid {
		directors = append(directors, item[netip.Addr]{v.source.position, v.source.value})
	}
	for _, director := range directors {
		for i := range c.spec.Clusters {
			in, cluster := c.cluster(i)
			if slices.ContainsFunc(cluster.VIPs, func(vips AddressRange) bool { return vips.Contains(director.value) }) {
				c.mistake(director.position, "%s is a VIP of %s; give an address that stays on its director", director.value, c.label(i))
			}
			for k := range in.servers.value {
				if server := in.servers.value[k].value.address; server.valid && server.value == director.value && cluster.Only.acceptsAllSenders() {
					c.note(server.position, "real server %s is also a director (line %d): what one director sends it, it marks and schedules once more, so packets can loop; give only: {except-macs: [...]} with the link-layer address of the other director, or let keepalived own IPVS with net.ipv4.vs.backup_only: 1 (docs/operations.md, two directors)", server.value, director.line)
				}
			}
		}
	}
}

// acceptsAllSenders reports whether packets of all link-layer senders are marked.
func (o *Only) acceptsAllSenders() bool { return o == nil || len(o.ExceptMACs) == 0 }

package config

import (
	"net/netip"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// A VRRP is a pair or group of directors of which one has the VIPs. It is for `lvsmark
// render keepalived` only: keepalived adds the VIPs, and apply does not.
type VRRP struct {
	Device   string
	RouterID uint8        // virtual_router_id, 1 to 255; the same on all directors
	Priority uint8        // 1 to 254; the highest one has the VIPs
	Peers    []netip.Addr // the other directors, all of one family
	Source   netip.Addr   // of advertisements; zero: the first address of the device
	Interval time.Duration
	Preempt  bool // a director with a higher priority takes the VIPs when it comes back
	Gateways []Gateway
}

// A Gateway is an address that moves with the VIPs: what real servers behind nat have as their
// route to the clients.
type Gateway struct {
	Address netip.Addr
	Device  string
}

// DefaultAdvertInterval is the interval of VRRP advertisements.
const DefaultAdvertInterval = time.Second

const (
	maxAdvertInterval = 40 * time.Second // VRRP version 3 has 12 bits for hundredths of a second
	maxPeers          = 16
)

type fileVRRP struct {
	device   field[string]
	routerID field[uint64]
	priority field[uint64]
	peers    field[[]item[netip.Addr]]
	source   field[netip.Addr]
	interval field[time.Duration]
	preempt  field[bool]
	gateways field[[]item[fileGateway]]
}

type fileGateway struct {
	address field[netip.Addr]
	device  field[string]
}

var gatewayKeys = []key[fileGateway]{
	{"address", set(func(g *fileGateway) *field[netip.Addr] { return &g.address }, (*decoder).address)},
	{"device", set(func(g *fileGateway) *field[string] { return &g.device }, (*decoder).device)},
}

func (d *decoder) gateway(n *yaml.Node, what string) (fileGateway, bool) {
	var g fileGateway
	ok := mapping(d, n, what, gatewayKeys, &g)
	if ok {
		d.require(n, g.address.present, what, "address", "address: 10.0.0.1")
		d.require(n, g.device.present, what, "device", "device: eth1")
	}
	return g, ok
}

var vrrpKeys = []key[fileVRRP]{
	{"device", set(func(v *fileVRRP) *field[string] { return &v.device }, (*decoder).device)},
	{"router-id", set(func(v *fileVRRP) *field[uint64] { return &v.routerID }, number(1, 255, "1 to 255"))},
	{"priority", set(func(v *fileVRRP) *field[uint64] { return &v.priority }, number(1, 254, "1 to 254"))},
	{"peers", set(func(v *fileVRRP) *field[[]item[netip.Addr]] { return &v.peers }, atMost(maxPeers, list("peer", (*decoder).address)))},
	{"source", set(func(v *fileVRRP) *field[netip.Addr] { return &v.source }, (*decoder).address)},
	{"interval", set(func(v *fileVRRP) *field[time.Duration] { return &v.interval }, duration(time.Second, maxAdvertInterval, "40 seconds"))},
	{"preempt", set(func(v *fileVRRP) *field[bool] { return &v.preempt }, (*decoder).boolean)},
	{"gateways", set(func(v *fileVRRP) *field[[]item[fileGateway]] { return &v.gateways }, atMost(maxPeers, list("gateway", (*decoder).gateway)))},
}

func (d *decoder) vrrp(n *yaml.Node, what string) (fileVRRP, bool) {
	var v fileVRRP
	ok := mapping(d, n, what, vrrpKeys, &v)
	if ok {
		d.require(n, v.device.present, what, "device", "device: eth0")
		d.require(n, v.routerID.present, what, "router-id", "router-id: 51")
		d.require(n, v.priority.present, what, "priority", "priority: 150")
		d.require(n, v.peers.present, what, "peers", "peers: [192.0.2.2]")
	}
	return v, ok
}

func (v *fileVRRP) vrrp() *VRRP {
	vrrp := &VRRP{
		Device:   v.device.value,
		RouterID: uint8(v.routerID.value),
		Priority: uint8(v.priority.value),
		Peers:    values(v.peers.value),
		Source:   v.source.value,
		Interval: v.interval.or(DefaultAdvertInterval),
		Preempt:  v.preempt.value,
	}
	for _, g := range v.gateways.value {
		vrrp.Gateways = append(vrrp.Gateways, Gateway{g.value.address.value, g.value.device.value})
	}
	return vrrp
}

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
	c.addressesOfPair(v)
	c.advertisedVIP(v)
	c.gateways(given)
}

// gateways notes real servers behind nat whose replies would go to a director without the VIPs.
func (c *checker) gateways(given field[fileVRRP]) {
	for i := range c.spec.Clusters {
		in, cluster := c.cluster(i)
		if cluster.Forwards(NAT) && cluster.SourceNAT == NoSourceNAT && !given.value.gateways.present && !in.forwarding.unreadable() {
			c.note(given.position, "real servers of %s reply through the director (forwarding: nat), and vrrp has no gateways: give the address that they have as their route to the clients, which must move with the VIPs, like gateways: [{address: 10.0.0.1, device: eth1}], or use source-nat", c.label(i))
			return
		}
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

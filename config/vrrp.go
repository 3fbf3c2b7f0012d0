package config

import (
	"net/netip"
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

// AdvertisedVIP returns the VIP in VRRP advertisements: the lowest single one of the family of the
// peers, also one of a range that is no network (see AddressRange.Prefixes). It is the zero Addr
// without VRRP.
func (s *Spec) AdvertisedVIP() (lowest netip.Addr) {
	if s.Director.VRRP == nil {
		return lowest
	}
	family := FamilyOf(s.Director.VRRP.Peers[0])
	for i := range s.Clusters {
		for _, vips := range s.Clusters[i].VIPsOf(family) {
			for _, p := range vips.Prefixes() {
				if p.IsSingleIP() && (!lowest.IsValid() || p.Addr().Less(lowest)) {
					lowest = p.Addr()
				}
			}
		}
	}
	return lowest
}

// DefaultAdvertInterval is the interval of VRRP advertisements.
const DefaultAdvertInterval = time.Second

// PreemptDelay is the time that a director with Preempt waits before it takes the VIPs back, if the
// directors synchronize connections: each connection that sends packets is received in it. The
// kernel sends one again after 50 packets (net.ipv4.vs.sync_threshold).
const PreemptDelay = time.Minute

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
	{"address", set(func(g *fileGateway) *field[netip.Addr] { return &g.address }, (*decoder).hostAddress)},
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
	{"peers", set(func(v *fileVRRP) *field[[]item[netip.Addr]] { return &v.peers }, atMost(maxPeers, list("peer", (*decoder).hostAddress)))},
	{"source", set(func(v *fileVRRP) *field[netip.Addr] { return &v.source }, (*decoder).hostAddress)},
	{"interval", set(func(v *fileVRRP) *field[time.Duration] { return &v.interval }, duration(time.Second, maxAdvertInterval, "40 seconds", "1s"))},
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

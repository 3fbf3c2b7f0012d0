package specgen

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// Spec returns a valid spec of one to about twelve clusters, in one family or both,
// with one to eight different sets of ports. The same state of r gives the same spec.
func Spec(r *rand.Rand) *config.Spec {
	for {
		if spec := Check(draw(r)); spec != nil {
			return spec
		}
	}
}

// Check returns the spec as config parses it from YAML's text, or nil if config
// refuses the text.
func Check(spec *config.Spec) *config.Spec {
	read, _, err := config.Parse("random.yaml", strings.NewReader(YAML(spec)))
	if err != nil {
		return nil
	}
	return read
}

// A draft is an incomplete spec.
type draft struct {
	*rand.Rand
	spec *config.Spec
}

func draw(r *rand.Rand) *config.Spec {
	d := &draft{r, &config.Spec{Director: config.Director{
		Table: config.DefaultTable, Bind: r.IntN(3) > 0, IPForward: r.IntN(2) > 0,
	}}}
	if d.oneIn(5) {
		d.spec.Director.Table = "ftp_marks"
	}
	if d.oneIn(3) {
		d.spec.Director.Marks = config.FirstPacket
	}
	d.spec.Director.KeepMarks, d.spec.Director.LocalClients = d.oneIn(4), d.oneIn(4)
	services := make([]service, 1+d.IntN(8))
	for i := range services {
		services[i] = d.service()
	}
	for i := range len(services) + d.IntN(5) {
		d.addCluster(services[i%len(services)])
	}
	if d.spec.Director.Bind && d.oneIn(4) {
		d.spec.Director.Sync = d.sync()
	}
	return d.spec
}

// sync returns sync daemons on lo, which each network namespace has.
func (d *draft) sync() *config.Sync {
	return &config.Sync{Role: config.SyncRole(d.IntN(3)), SyncDaemon: config.SyncDaemon{
		Device: "lo", ID: uint32(d.IntN(256)), MaxLen: uint16(1024 + d.IntN(60_000)),
		Group: config.DefaultSyncGroup(), Port: uint16(1 + d.IntN(65535)), TTL: uint8(1 + d.IntN(255)),
	}}
}

func (d *draft) oneIn(n int) bool { return d.IntN(n) == 0 }

// families returns one or both families.
func (d *draft) families() []config.Family {
	switch d.IntN(4) {
	case 0:
		return []config.Family{config.IPv6}
	case 1:
		return config.Families()
	}
	return []config.Family{config.IPv4}
}

// addCluster adds a cluster, unless all its random VIPs are taken.
func (d *draft) addCluster(s service) {
	c := config.Cluster{
		Name:      d.clusterName(),
		Scheduler: config.Schedulers()[d.IntN(6)],
	}
	if !d.oneIn(4) {
		c.Forwarding = config.NAT
	} else {
		c.Forwarding = config.Direct + config.Forwarding(d.IntN(2))
	}
	s.give(&c)
	translate := config.Translation(d.IntN(3))
	for _, family := range d.families() {
		limit := 1 + d.IntN(4)
		if s.ftp && translate == config.SNAT {
			limit = 1
		} else if d.oneIn(40) {
			limit = 100 + d.IntN(1000)
		}
		if limit < 100 && !(translate == config.SNAT && s.ftp) && d.oneIn(5) {
			d.addNetworks(&c, family)
		}
		d.addVIPs(&c, family, limit)
	}
	if len(c.VIPs) == 0 {
		return
	}
	c.Mark = d.freeMark(&c)
	if d.oneIn(6) {
		d.setOnly(&c)
	}
	d.addServers(&c)
	if c.Forwards(config.NAT) && d.oneIn(3) {
		c.SourceNAT = config.SourceNAT(d.IntN(3))
	}
	if s.ftp && c.Forwards(config.NAT) {
		d.addActiveData(&c, translate)
	}
	d.setPersistence(&c)
	d.setServiceKeys(&c)
	d.setShards(&c)
	d.spec.Clusters = append(d.spec.Clusters, c)
}

// addVIPs adds random VIPs, mostly from a few addresses: many are adjacent, and
// clusters with different ports share them.
func (d *draft) addVIPs(c *config.Cluster, family config.Family, n int) {
	vip := d.vip(family)
	for range n {
		if r := config.SingleAddress(vip); !slices.ContainsFunc(c.VIPs, r.Overlaps) && !d.conflicts(r, c) {
			c.VIPs = append(c.VIPs, r)
		}
		if n > 10 || d.oneIn(2) {
			vip = vip.Next()
		} else {
			vip = d.vip(family)
		}
	}
}

// addNetworks adds networks and ranges of VIPs, small ones and large ones. Another cluster
// with the same ports may have VIPs within them.
func (d *draft) addNetworks(c *config.Cluster, family config.Family) {
	for range 1 + d.IntN(3) {
		first := d.vip(family)
		r := config.AddressRange{First: first, Last: first.Next()}
		switch d.IntN(4) {
		case 0:
			r = config.RangeOfPrefix(netip.PrefixFrom(first, first.BitLen()-1-d.IntN(8)))
		case 1:
			r = config.RangeOfPrefix(netip.PrefixFrom(first, first.BitLen()-9-d.IntN(6)))
		default:
			for range d.IntN(40) {
				r.Last = r.Last.Next()
			}
		}
		if !slices.ContainsFunc(c.VIPs, r.Overlaps) && !d.conflicts(r, c) {
			c.VIPs = append(c.VIPs, r)
		}
	}
}

// conflicts reports whether config refuses the VIPs because another cluster has some of
// them.
func (d *draft) conflicts(vips config.AddressRange, c *config.Cluster) bool {
	for i := range d.spec.Clusters {
		other := &d.spec.Clusters[i] // if it has only, c gets the rest
		for _, r := range other.VIPs {
			nested := r != vips && (r.Encloses(vips) || vips.Encloses(r)) && slices.Equal(other.MarkedPorts(), c.MarkedPorts()) && shardsOf(other)+shardsOf(c) == 0
			if r.Overlaps(vips) && !nested && other.Only == nil && overlap(other.MarkedPorts(), c.MarkedPorts()) {
				return true
			}
		}
	}
	return false
}

// vip returns a random address of the documentation networks (RFC 5737, RFC 3849), or
// rarely one that is not adjacent to others.
func (d *draft) vip(family config.Family) netip.Addr {
	last := byte(1 + d.IntN(24))
	switch {
	case family == config.IPv4 && d.oneIn(20):
		return netip.MustParseAddr("223.255.240.254")
	case family == config.IPv4:
		return netip.AddrFrom4([4]byte{198, 51, 100, last})
	case d.oneIn(20):
		return netip.MustParseAddr("2001:db8:ffff:ffff:ffff:ffff:ffff:fffe")
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last})
}

func overlap(a, b []config.PortRange) bool {
	return slices.ContainsFunc(a, func(r config.PortRange) bool { return slices.ContainsFunc(b, r.Overlaps) })
}

// freeMark returns a random mark that no cluster of the same family has: small ones,
// any of 32 bits, and special values.
func (d *draft) freeMark(c *config.Cluster) uint32 {
	for {
		mark := []uint32{
			1 + d.Uint32N(99), 1 + d.Uint32N(99), max(d.Uint32(), 1), 1 << d.IntN(32), 0xffffffff, 0x01020304,
		}[d.IntN(6)]
		if !d.markTaken(mark, c) {
			return mark
		}
	}
}

func (d *draft) markTaken(mark uint32, c *config.Cluster) bool {
	taken := d.takenMarks(c)
	for i := range shardsOf(c) {
		if c.FTP.MarkOfShard(i) == mark {
			return true
		}
	}
	return taken[mark]
}

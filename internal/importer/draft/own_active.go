package draft

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A claim is a source of active data from one port that a rule of lvsmark translates.
type claim struct {
	of     translation
	source oldconfig.Range
	port   uint16
	taken  bool // a cluster has it
}

// claims are the sources of active data that rules translate, and the clusters that have them.
// If clusters share real servers, the rules do not tell them apart, and each of them has it.
type claims struct {
	all      []claim
	hosts    map[netip.Addr][]int // indices of sources that are one address
	networks []int                // indices of the others
	owners   []owner
}

type owner struct {
	*cluster
	f       *ftp
	indices []int // in claims.all
}

func newClaims(translations []translation) *claims {
	a := &claims{hosts: map[netip.Addr][]int{}}
	for _, t := range translations {
		if t.isToServers() {
			continue
		}
		for _, port := range t.ports {
			for _, source := range t.sources {
				a.add(claim{of: t, source: source, port: port})
			}
		}
	}
	return a
}

func (a *claims) add(c claim) {
	if c.source.Low == c.source.High {
		host := c.source.Low.Address(c.of.family)
		a.hosts[host] = append(a.hosts[host], len(a.all))
	} else {
		a.networks = append(a.networks, len(a.all))
	}
	a.all = append(a.all, c)
}

// natServers returns the real servers whose active data goes through the director.
func natServers(c *cluster) []oldconfig.RealServer {
	var servers []oldconfig.RealServer
	for _, s := range c.services {
		servers = append(servers, active(s)...)
	}
	return servers
}

// of returns the claims of the cluster: the ports from which most of its real servers are
// translated in the same way, preferably with claims that no cluster has.
func (a *claims) of(c *cluster) []int {
	return slices.MaxFunc(append(a.choices(c), nil), func(x, y []int) int {
		return cmp.Or(cmp.Compare(a.free(x), a.free(y)), cmp.Compare(len(x), len(y)))
	})
}

func (a *claims) free(indices []int) int {
	free := 0
	for _, i := range indices {
		if !a.all[i].taken {
			free++
		}
	}
	return free
}

// choices returns the claims that may be those of the cluster: for each set of sources that
// contain most of its real servers, those from all ports.
func (a *claims) choices(c *cluster) (choices [][]int) {
	byPort, covered, most := a.byPort(c)
	place := map[string]int{}
	for _, port := range slices.Sorted(maps.Keys(byPort)) {
		if covered[port] < most {
			continue
		}
		key := a.sourcesText(byPort[port])
		if _, known := place[key]; !known {
			place[key], choices = len(choices), append(choices, nil)
		}
		choices[place[key]] = append(choices[place[key]], byPort[port]...)
	}
	return choices
}

// byPort returns the claims that contain real servers of the cluster, by their port, and the
// number of these real servers.
func (a *claims) byPort(c *cluster) (byPort map[uint16][]int, covered map[uint16]int, most int) {
	byPort, covered = map[uint16][]int{}, map[uint16]int{}
	usable := map[oldconfig.Family]func(translation) bool{}
	for _, f := range config.Families() {
		usable[f] = c.translatesTo(f)
	}
	seen := map[int]bool{}
	for _, r := range natServers(c) {
		for _, i := range a.containing(r) {
			one := &a.all[i]
			if !usable[one.of.family](one.of) {
				continue
			}
			covered[one.port]++
			most = max(most, covered[one.port])
			if !seen[i] {
				seen[i] = true
				byPort[one.port] = append(byPort[one.port], i)
			}
		}
	}
	return byPort, covered, most
}

// containing returns the claims with the address of a real server.
func (a *claims) containing(r oldconfig.RealServer) (indices []int) {
	n, family := oldconfig.AddressNumber(r.Address), config.FamilyOf(r.Address)
	for _, i := range a.networks {
		if a.all[i].of.family == family && a.all[i].source.Contains(oldconfig.Range{Low: n, High: n}) {
			indices = append(indices, i)
		}
	}
	return append(indices, a.hosts[r.Address]...)
}

func (a *claims) sourcesText(indices []int) string {
	var texts []string
	for _, i := range indices {
		texts = append(texts, a.all[i].source.Addresses(a.all[i].of.family)+" "+translationText(a.all[i].of))
	}
	slices.Sort(texts) // sets of the kernel have no order
	return strings.Join(texts, " ")
}

func translationText(t translation) string {
	if len(t.to) == 0 {
		return config.Masquerade.String()
	}
	return config.SNAT.String()
}

// translatesTo returns whether a spec can say for the cluster what a rule of the family
// translates to.
func (c *cluster) translatesTo(f oldconfig.Family) func(translation) bool {
	var vips []vip
	for _, v := range c.vips {
		if v.family == f {
			vips = append(vips, v)
		}
	}
	return func(t translation) bool {
		return len(t.to) == 0 || len(vips) == 1 && len(t.to) == 1 && t.to[0] == vips[0].addresses
	}
}

// give gives the claims to the cluster.
func (a *claims) give(c *cluster, f *ftp, indices []int) {
	for _, i := range indices {
		a.all[i].taken = true
		f.line = a.all[i].of.line
	}
	a.owners = append(a.owners, owner{c, f, indices})
}

// settle gives claims that contain no real server to a cluster with the same port and
// translation, and writes the sources of all clusters. It returns the claims that no cluster has.
func (a *claims) settle() (rest []translation) {
	for i := range a.all {
		if one := &a.all[i]; !one.taken && !a.addTo(i) {
			rest = append(rest, one.of)
		}
	}
	for _, o := range a.owners {
		var sources []oldconfig.Range
		for _, i := range o.indices {
			if one := a.all[i]; !slices.Contains(sources, one.source) {
				sources = append(sources, one.source)
				o.f.sources = append(o.f.sources, one.source.Addresses(one.of.family))
			}
		}
		if areServers(sources, natServers(o.cluster)) {
			o.f.sources = nil
		}
	}
	return rest
}

func (a *claims) addTo(i int) bool {
	one := &a.all[i]
	for k := range a.owners {
		o := &a.owners[k]
		if len(o.indices) == 0 || !o.serves(one.of.family) || !o.translatesTo(one.of.family)(one.of) || translationText(a.all[o.indices[0]].of) != translationText(one.of) {
			continue
		}
		same := a.same(i, o.f.activePorts)
		if slices.Contains(o.f.activePorts, one.port) && len(same) == len(o.f.activePorts) {
			for _, j := range same {
				a.all[j].taken = true
			}
			o.indices = append(o.indices, same...)
			return true
		}
	}
	return false
}

// same returns the claims of the ports with the source and translation of a claim.
func (a *claims) same(i int, ports []uint16) (indices []int) {
	for j, other := range a.all {
		if slices.Contains(ports, other.port) && other.source == a.all[i].source && other.of.family == a.all[i].of.family &&
			translationText(other.of) == translationText(a.all[i].of) && slices.Equal(other.of.to, a.all[i].of.to) {
			indices = append(indices, j)
		}
	}
	return indices
}

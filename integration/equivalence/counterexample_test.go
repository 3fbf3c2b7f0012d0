package equivalence

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestCounterexamples compares pairs of random tables beside lvsmark's. The packet of each
// difference is sent through both: it is dropped in one, or has another mark. If there is
// no difference, packets of the clusters have the same mark in both.
func TestCounterexamples(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	sites := [2]*Site{newSite(t), newSite(t)}
	count := map[string]int{}
	for i := range cases(60) {
		seed, r := random(i)
		spec := specgen.Spec(r)
		packets := clusterPackets(r, spec)
		sides := loadPair(t, r, sites, spec, packets, i%2 == 0)
		result := exact.Compare(sides[0], sides[1], exact.Scope{})
		if len(result.Unproven) > 0 {
			count["not proven"]++
			continue
		}
		kind := "equivalent"
		if len(result.Differences) > 0 {
			kind, packets = "different", nil
		}
		for _, d := range result.Differences {
			if isSendable(spec, d.Packet) {
				packets = append(packets, Packet{d.Packet.To.Addr(), d.Packet.Protocol, d.Packet.To.Port()})
			}
		}
		if kind == "different" && len(packets) == 0 {
			count["different from other clients only"]++
			continue
		}
		count[kind]++
		var seen [2]Observation
		for n, site := range sites {
			observer := Observer{Name: "observer", Priority: 1000, Then: "drop", Size: len(packets)}
			require.NoError(t, site.Load(observer.Text()), seed)
			require.NoError(t, site.wire.Send(packets))
			var err error
			seen[n], err = observer.Seen(site.Namespace)
			require.NoError(t, err, seed)
			require.NoError(t, site.Load("delete table ip observer\ndelete table ip6 observer"))
		}
		for _, p := range packets {
			before, came := seen[0].Marks[p]
			after, cameAfter := seen[1].Marks[p]
			same := came == cameAfter && before == after
			assert.Equal(t, len(result.Differences) == 0, same, "%s: %s: %#x %t, %#x %t", seed, p, before, came, after, cameAfter)
		}
		if t.Failed() {
			t.Fatalf("%s\n%+v", specgen.YAML(spec), result.Differences)
		}
	}
	t.Log(count)
	assert.NotZero(t, count["equivalent"])
	assert.NotZero(t, count["different"])
}

// isSendable reports whether the wire can send the packet: it begins a connection, and neither
// its sender nor its device matters. They do if a cluster takes only some of the packets to the
// address.
func isSendable(spec *config.Spec, p exact.Packet) bool {
	matters := p.Device != "" || p.MAC != oldconfig.Number{} || !slices.Contains([]string{"192.0.2.1", "2001:db8::1", "2001:db8:1::1"}, p.From.Addr().String())
	for _, c := range spec.Clusters {
		matters = matters || c.Only != nil && slices.ContainsFunc(c.VIPs, func(r config.AddressRange) bool { return r.Contains(p.To.Addr()) })
	}
	return !matters && (p.Flags == exact.SYN || p.Protocol != uint8(config.TCP))
}

// loadPair loads a random table into both sites: the same one if equal.
func loadPair(t *testing.T, r *rand.Rand, sites [2]*Site, spec *config.Spec, packets []Packet, equal bool) (sides [2]exact.Side) {
	t.Helper()
	table := ""
	for n, site := range sites {
		if n == 0 || !equal {
			table = loadRandomTable(t, site, foreignGenerator{r, packets, true, true})
		} else {
			require.NoError(t, site.Load(table))
		}
		require.NoError(t, site.Commit(spec))
		sides[n] = sideOf(t, site)
		sides[n].Services = servicesOf(spec)
	}
	return sides
}

// servicesOf returns a service for each mark that the rules may set, each with another real
// server.
func servicesOf(spec *config.Spec) []*oldconfig.Service {
	var list []*oldconfig.Service
	marks := map[uint32]bool{}
	for i := range spec.Clusters {
		for _, base := range append(spec.Clusters[i].Marks(), 7, 5, 0) {
			for _, mark := range []uint32{base, base ^ 2} {
				marks[mark], marks[mark|0x10000] = true, true
			}
		}
	}
	delete(marks, 0)
	for mark := range marks {
		for _, family := range config.Families() {
			server := netip.AddrFrom4([4]byte{byte(mark >> 24), byte(mark >> 16), byte(mark >> 8), byte(mark)})
			list = append(list, &oldconfig.Service{
				Family: family, Mark: mark, Scheduler: "rr",
				RealServers: []oldconfig.RealServer{{Destination: ipvs.Destination{Address: server}}},
			})
		}
	}
	return list
}

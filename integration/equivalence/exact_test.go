package equivalence

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// TestExact sends packets through random tables beside lvsmark's. Each gets the mark that
// package exact computes for it, or is dropped if that says so.
func TestExact(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	site := newSite(t)
	count := map[string]int{}
	for i := range max(cases(80), 80) { // fewer say nothing about the share that is not understood
		seed, r := random(i)
		spec := specgen.Spec(r)
		if slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool { return c.Only != nil && len(c.Only.ExceptMACs) > 0 }) {
			continue // packets of the wire have no Ethernet header
		}
		packets := clusterPackets(r, spec)
		foreign := loadRandomTable(t, site, foreignGenerator{r, packets, true, true})
		require.NoError(t, site.Commit(spec), seed)
		side := sideOf(t, site)
		observer := Observer{Name: "observer", Priority: 1000, Then: "drop", Size: len(packets)}
		require.NoError(t, site.Load(observer.Text()), seed)
		require.NoError(t, site.wire.Send(packets))
		sight, err := observer.Seen(site.Namespace)
		require.NoError(t, err, seed)
		for _, p := range packets {
			followed := exact.Follow(side, exactPacket(p), false)
			if slices.ContainsFunc(followed.Steps, func(s exact.Step) bool { return strings.Contains(s.Effect, "not understood") }) {
				count["not understood"]++ // a set of concatenations that the rule excludes, before a map or goto
				continue
			}
			mark, came := sight.Marks[p]
			dropped := followed.Outcome == "dropped"
			if dropped {
				count["dropped"]++
			} else {
				count["marked"]++
			}
			assert.Equal(t, !dropped, came, "%s: %+v", p, followed)
			if came {
				assert.Equal(t, followed.Mark, mark, "%s: %+v", p, followed)
			}
		}
		if t.Failed() {
			t.Fatalf("%s\n%s\n%s", seed, specgen.YAML(spec), foreign)
		}
		require.NoError(t, site.Load("delete table ip observer\ndelete table ip6 observer"))
	}
	t.Log(count)
	assert.NotZero(t, count["dropped"])
	assert.NotZero(t, count["marked"])
	assert.Less(t, count["not understood"], count["marked"]/5)
}

// sideOf reads the chains of the site that packets meet before the observer: not those of
// keep-marks, which are in the input hook.
func sideOf(t *testing.T, site *Site) (side exact.Side) {
	t.Helper()
	require.NoError(t, site.withConn(func(conn *nft.Conn) error {
		tables, err := conn.All()
		if err != nil {
			return err
		}
		c, err := firewall.Chains(tables, conn)
		if err == nil {
			require.Empty(t, c.NotUnderstood)
			side.Chains = slices.DeleteFunc(c.Chains, func(c *oldconfig.Chain) bool {
				return c.Base != nil && c.Base.Hook != oldconfig.Prerouting
			})
		}
		return err
	}))
	return side
}

func exactPacket(p Packet) exact.Packet {
	e := exact.Packet{
		Protocol: p.Protocol, From: netip.AddrPortFrom(client(config.FamilyOf(p.To)), clientPort), To: netip.AddrPortFrom(p.To, p.Port),
		Device: receiver, FromType: exact.Unicast,
	}
	if p.Protocol == uint8(config.TCP) {
		e.Flags = exact.SYN
	}
	return e
}

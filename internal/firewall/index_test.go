package firewall

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// TestRangeEnds: each interval ends before the next end at another key, in whatever order
// the kernel lists the ends.
func TestRangeEnds(t *testing.T) {
	begin := func(key byte) rangeEnd { return rangeEnd{key: string([]byte{key}), begins: true} }
	end := func(key byte) rangeEnd { return rangeEnd{key: string([]byte{key})} }
	want := []interval{{[]byte{10}, []byte{19}}, {[]byte{20}, []byte{29}}, {[]byte{40}, []byte{255}}}
	for name, ends := range map[string][]rangeEnd{
		"ascending":       {end(0), begin(10), end(20), begin(20), end(30), begin(40)},
		"begin first":     {end(0), begin(10), begin(20), end(20), end(30), begin(40)},
		"descending":      {begin(40), end(30), begin(20), end(20), begin(10), end(0)},
		"begin last":      {begin(40), end(30), end(20), begin(20), begin(10), end(0)},
		"in no order":     {end(30), begin(10), end(0), begin(40), end(20), begin(20)},
		"without an end":  {begin(10), begin(20), end(30), begin(40)},
		"with equal ends": {begin(10), end(20), end(20), begin(20), end(30), end(30), begin(40)},
	} {
		i := indexer{space: spaceOf(nft.IPv4, "10.0.0.0"), set: &nft.Set{}, x: &index{}, entries: map[nft.Answer]int{}, ends: ends}
		i.finish()
		require.Len(t, i.x.list, 1, name)
		assert.Equal(t, want, i.x.list[0].keys, name)
	}
}

// TestTableNumbers: findings are sorted by the order of the tables.
func TestTableNumbers(t *testing.T) {
	for i, loaded := range newTables([]*nft.Table{{Name: "b"}, {Name: "a"}, {Name: "c"}}) {
		assert.Equal(t, i, loaded.number)
	}
}

// TestOpaqueExpressions: an expression that cannot be decoded is a condition if it may only
// compare, and has an effect if it may act on packets.
func TestOpaqueExpressions(t *testing.T) {
	for name, want := range map[string]step{
		"objref":  condition{"an object"},
		"cmp":     condition{"the unknown expression [cmp]"},
		"range":   condition{"the unknown expression [range]"},
		"lookup":  condition{"the unknown expression [lookup]"},
		"ct":      ctMarkSet{},
		"nat":     interception{effect: Redirects, ends: true},
		"another": interception{effect: Unknown, condition: "the unknown expression [another]"},
	} {
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), nil)
		l.opaque(nft.Expression{Name: name})
		assert.Equal(t, []step{want}, l.steps, name)
	}
}

// TestActiveEnds: active data to or from the VIP exists only if its source is translated to
// the VIP and there are real servers.
func TestActiveEnds(t *testing.T) {
	server := config.RealServer{Address: netip.MustParseAddr("10.0.0.11")}
	vips := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	translated := func(to config.Translation) *config.FTP {
		return &config.FTP{Active: &config.ActiveData{Translate: to, Ports: []uint16{20}, Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}}
	}
	for name, c := range map[string]struct {
		flow    flow
		ftp     *config.FTP
		servers []config.RealServer
		want    []netip.Addr
	}{
		"to the VIP":         {activeToVIP, translated(config.SNAT), []config.RealServer{server}, vips[:1]},
		"from the VIP":       {activeFromVIP, translated(config.SNAT), []config.RealServer{server}, vips[:1]},
		"without servers":    {activeToVIP, translated(config.SNAT), nil, nil},
		"masqueraded":        {activeToVIP, translated(config.Masquerade), []config.RealServer{server}, nil},
		"of the real server": {active, translated(config.Masquerade), []config.RealServer{server}, []netip.Addr{server.Address}},
		"without FTP":        {activeToVIP, nil, []config.RealServer{server}, nil},
	} {
		b := activeEnds(c.flow, config.Binding{VIPs: config.SingleAddresses(vips...), RealServers: c.servers, Cluster: &config.Cluster{FTP: c.ftp}}, Tracking{})
		assert.Equal(t, config.SingleAddresses(c.want...), append([]config.AddressRange{}, b.VIPs...), name)
		if c.want != nil {
			assert.Equal(t, []config.PortRange{{Protocol: config.TCP, Low: 20, High: 20}}, b.Ports, name)
		}
	}
}

// TestPartialClass: if a set has some addresses of a class only, its packets may be in the
// set or not.
func TestPartialClass(t *testing.T) {
	s := spaceOf(nft.IPv4, "10.0.0.0", "10.0.0.4", "10.0.0.8")
	w := newWalk(newReader(nil, s), 0, 100)
	x := &index{present: newBitset(3), partial: newBitset(3)}
	x.present.set(0)
	b := branch{part: part{classes: fullBitset(3)}}
	found, rest := w.answersByClass(b, "ip daddr", x, false)
	require.Len(t, found, 1)
	require.Len(t, rest, 1)
	assert.Equal(t, []int{1, 2}, []int{found[0].classes.count(), rest[0].classes.count()})
	assert.Empty(t, found[0].conditions)

	x.partial.set(1)
	found, rest = w.answersByClass(b, "ip daddr", x, false)
	require.Len(t, found, 1)
	require.Len(t, rest, 1)
	for _, part := range []branch{found[0].branch, rest[0]} {
		assert.Equal(t, 3, part.classes.count())
		assert.Equal(t, []string{"ip daddr"}, part.conditions)
	}
}

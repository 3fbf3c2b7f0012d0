package impact

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/nft"
)

func addressRange(first, last string) config.AddressRange {
	return config.AddressRange{First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last)}
}

// TestDeviceOfNetwork: a VIP is on the device that has its network.
func TestDeviceOfNetwork(t *testing.T) {
	routes := slices.DeleteFunc(hostaddr.Compile(parse(t, `clusters:
- {name: web, mark: 80, vips: [10.64.0.0/16], vip-device: lo, ports: [80], real-servers: [{address: 10.0.0.11}]}
`)), func(a hostaddr.Address) bool { return !a.IsRoute() })
	require.Len(t, routes, 1)
	x := indexDevices(routes)
	device, ok := x.ofAll(hostaddr.Address{IP: netip.MustParseAddr("10.64.9.9")})
	assert.True(t, ok)
	assert.Equal(t, routes[0].Device, device)
	assert.False(t, x.has(netip.MustParseAddr("10.65.0.0")))
}

// TestReplaced: an address that another device gets is safe only if it stays until then.
func TestReplaced(t *testing.T) {
	single := hostaddr.Address{Device: "wan", IP: netip.MustParseAddr("10.64.0.0")}
	network := hostaddr.Address{Device: "lan", IP: single.IP, Bits: 16}
	for _, c := range []struct {
		added    hostaddr.Address
		replaced []hostaddr.Address
		want     Impact
	}{
		{network, []hostaddr.Address{single}, Impact{Effect: Safe, Detail: "still on device lan"}},
		{network, nil, Impact{Effect: Drains, Detail: "no new connections until it is on device lan"}},
		{hostaddr.Address{Device: "lan", IP: netip.MustParseAddr("10.65.0.0"), Bits: 16}, nil, Impact{Effect: Drains, Detail: "no new connections to 10.64.0.0"}},
	} {
		changes := Changes{Added: []hostaddr.Address{c.added}, Removed: []hostaddr.Address{single}, Replaced: c.replaced}
		a := newAnalyzer(Input{Before: State{Ruleset: &nft.Ruleset{}}, Changes: changes, Connections: &fakeConnections{}})
		assert.Equal(t, c.want, a.removedAddress(single), "%+v", c)
	}
}

// TestPartsWithoutMarks: addresses between networks, which have no marks, are not compared.
func TestPartsWithoutMarks(t *testing.T) {
	marks := marksWith(nft.Compile(parse(t, `clusters:
- {name: web, mark: 80, vips: [10.64.0.0/16, 10.66.0.0/16], ports: [80], real-servers: [{address: 10.0.0.11}]}
`)), nil)
	assert.Equal(t, []config.AddressRange{
		addressRange("10.64.0.0", "10.64.255.255"), addressRange("10.66.0.0", "10.66.255.255"),
	}, marks.parts(marks, nil))
}

// TestVIPsWithConditions: of the given VIPs, those with marks under conditions are compared.
func TestVIPsWithConditions(t *testing.T) {
	vip, other := netip.MustParseAddr("198.51.100.21"), netip.MustParseAddr("198.51.100.22")
	marks := marksWith(nft.Compile(parse(t, `clusters:
- {name: web, mark: 80, vips: [198.51.100.21], ports: [80], only: {sources: [10.1.0.0/16]}, real-servers: [{address: 10.0.0.11}]}
`)), []netip.Addr{vip, other})
	assert.Equal(t, []netip.Addr{vip}, marks.vips([]netip.Addr{vip, other}))
}

// TestTakenByEqualRank: a cluster for other packets to the same ports takes none: its rule does
// not come first.
func TestTakenByEqualRank(t *testing.T) {
	ports := config.PortRange{Protocol: config.TCP, Low: 21, High: 21}
	with := func(mark uint32) restrictedPorts {
		return restrictedPorts{firewall.MarkedPorts{PortRange: ports, Mark: mark}, &conditions{known: map[*conditions]bool{}}}
	}
	ftp, web := with(21), with(80)
	mark, some := ftp.takenBy(ports, []restrictedPorts{ftp}, []restrictedPorts{ftp, web})
	assert.Equal(t, uint32(21), mark)
	assert.False(t, some)
}

// TestLookups: a map leads to a chain with the entries of that chain only; two maps of one family
// are joined, whichever has networks.
func TestLookups(t *testing.T) {
	network := func(r config.AddressRange, chain string) nft.VIPEntry {
		return nft.VIPEntry{AddressRange: r, Chain: chain}
	}
	a, b := network(addressRange("198.51.100.0", "198.51.100.15"), "a"), network(addressRange("198.51.100.64", "198.51.100.79"), "b")
	l := vipLookup{networks: []nft.VIPEntry{a, b}}
	assert.Equal(t, []nft.VIPEntry{a}, l.to("a").networks)
	assert.Equal(t, []nft.VIPEntry{b}, l.to("b").networks)
	assert.Equal(t, []nft.VIPEntry{a}, l.to("a").join(vipLookup{}).networks)
	assert.Equal(t, []nft.VIPEntry{a}, vipLookup{}.join(l.to("a")).networks)
}

// TestMarksChangedOfVIPs: the impact counts the VIPs if several change.
func TestMarksChangedOfVIPs(t *testing.T) {
	change := func(vip string) markChange {
		return markChange{vips: config.SingleAddress(netip.MustParseAddr(vip)), MarkedPorts: firewall.MarkedPorts{PortRange: config.PortRange{Protocol: config.TCP, Low: 21, High: 21}, Mark: 21}}
	}
	a := newAnalyzer(Input{Spec: parse(t, ftpAndDNS), Connections: &fakeConnections{}})
	const one = "no new connections to ports 21 of fwmark 21 (ftp)"
	assert.Equal(t, one, a.marksChanged([]markChange{change("198.51.100.21")}).Detail)
	assert.Equal(t, "2 VIPs: "+one, a.marksChanged([]markChange{change("198.51.100.21"), change("198.51.100.22")}).Detail)
}

// TestTableWithFurtherHooks: a deleted table says nothing about its chain for local clients.
func TestTableWithFurtherHooks(t *testing.T) {
	before := nft.Compile(parse(t, furtherHooks))
	found := compare(before, &nft.Ruleset{})
	for i := range found.changes {
		assert.False(t, found.of(i).localClients)
	}
}

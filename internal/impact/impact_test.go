package impact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

func TestImpactString(t *testing.T) {
	for want, i := range map[string]Impact{
		"safe":                                  {Effect: Safe, Connections: 3, Cluster: "ftp"},
		"safe: why":                             {Effect: Safe, Detail: "why"},
		"drains: why":                           {Effect: Drains, Detail: "why", Unknown: true},
		"cuts":                                  {Effect: Cuts},
		"cuts 1 connection":                     {Effect: Cuts, Connections: 1},
		"cuts 2 connections":                    {Effect: Cuts, Connections: 2},
		"cuts of ftp":                           {Effect: Cuts, Cluster: "ftp"},
		"cuts with 10.0.0.11":                   {Effect: Cuts, Server: "10.0.0.11"},
		"cuts an unknown number of connections": {Effect: Cuts, Unknown: true},
		"cuts an unknown number of connections of ftp with rs1: no": {Effect: Cuts, Unknown: true, Connections: 4, Cluster: "ftp", Server: "rs1", Detail: "no"},
	} {
		assert.Equal(t, want, i.String())
	}
}

func TestAtLeast(t *testing.T) {
	order := []Effect{Safe, Drains, Cuts}
	for i, effect := range order {
		assert.True(t, effect.AtLeast(""))
		for j, other := range order {
			assert.Equal(t, i >= j, effect.AtLeast(other), "%s, %s", effect, other)
		}
	}
}

// TestAttributions: a mark change belongs to the change of the element that had the mark,
// else to another change of an element of the VIP, else to the deleted rule for the port,
// else to the last change that is not an addition.
func TestAttributions(t *testing.T) {
	table := nft.Compile(parse(t, `clusters:
- {name: a, mark: 21, vips: [198.51.100.21, 198.51.100.22], ports: [21, 80], real-servers: [{address: 10.0.0.11}]}
- {name: b, mark: 25, vips: [198.51.100.21], ports: [25, udp/53], real-servers: [{address: 10.0.0.11}]}
`)).Tables[0]
	all := nft.Compare(&nft.Ruleset{Tables: []*nft.Table{table}}, &nft.Ruleset{}).Changes()
	changes := append(all, nft.Compare(&nft.Ruleset{}, &nft.Ruleset{Tables: []*nft.Table{table}}).Changes()...)
	rulesOnly := func(c nft.Change) bool { return c.Op == nft.Add || c.Before.Rule != nil }
	change := func(vip string, mark uint32, low, high uint16) markChange {
		return markChange{config.SingleAddress(netip.MustParseAddr(vip)), firewall.MarkedPorts{PortRange: config.PortRange{Protocol: config.TCP, Low: low, High: high}, Mark: mark}, 0, false}
	}
	for _, c := range []struct {
		change       markChange
		of, ofRemain string // with all changes, and with those of rules only
	}{
		{change("198.51.100.21", 21, 21, 21), "198.51.100.21 : 0x00000015", "tcp dport 21 "},
		{change("198.51.100.21", 25, 25, 25), "198.51.100.21 : 0x00000019", "tcp dport 25 "},
		{change("198.51.100.22", 21, 80, 80), "198.51.100.22 : 0x00000015", "tcp dport 80 "},
		{change("198.51.100.22", 7, 1, 30), "198.51.100.22 : 0x00000015", "tcp dport 21 "},
		{change("198.51.100.99", 7, 25, 26), "tcp dport 25 ", "tcp dport 25 "},
		{change("198.51.100.99", 7, 9000, 9001), "udp dport 53 ", "udp dport 53 "}, // the last deletion
	} {
		for _, part := range []struct {
			changes []nft.Change
			want    string
		}{{changes, c.of}, {filter(changes, rulesOnly), c.ofRemain}} {
			found := findConsequences(part.changes, &nft.Ruleset{}, &nft.Ruleset{})
			i := newAttributions(found).of(c.change)
			assert.Equal(t, nft.Delete, part.changes[i].Op)
			assert.Contains(t, part.changes[i].BeforeText(), part.want, "%v", c.change)
		}
	}
}

func filter(changes []nft.Change, keep func(nft.Change) bool) (kept []nft.Change) {
	for _, c := range changes {
		if keep(c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// TestJoinMarkChanges: the ports of the same two marks are joined; other marks are not.
func TestJoinMarkChanges(t *testing.T) {
	change := func(vip string, port uint16, from, to uint32) markChange {
		return markChange{config.SingleAddress(netip.MustParseAddr(vip)), firewall.MarkedPorts{PortRange: config.PortRange{Protocol: config.TCP, Low: port, High: port}, Mark: from}, to, false}
	}
	key := func(family config.Family, mark uint32) ipvs.Key { return ipvs.Key{Family: family, Mark: mark} }
	port := func(n uint16) config.PortRange { return config.PortRange{Protocol: config.TCP, Low: n, High: n} }
	assert.Equal(t, []redirection{
		{key(config.IPv4, 1), key(config.IPv4, 2), false, []config.PortRange{port(21), port(22)}},
		{key(config.IPv4, 1), key(config.IPv4, 3), false, []config.PortRange{port(21)}},
		{key(config.IPv4, 4), key(config.IPv4, 2), false, []config.PortRange{port(21)}},
		{key(config.IPv6, 1), key(config.IPv6, 2), false, []config.PortRange{port(21)}},
	}, joinMarkChanges([]markChange{
		change("192.0.2.1", 21, 1, 2), change("192.0.2.1", 22, 1, 2), change("192.0.2.2", 21, 1, 2),
		change("192.0.2.1", 21, 1, 3), change("192.0.2.1", 21, 4, 2), change("2001:db8::1", 21, 1, 2),
	}))
}

// TestRulesetChange: each kind of change has its effect and says why.
func TestRulesetChange(t *testing.T) {
	const notOurs, noLonger = "rule not made by lvsmark: ", "established active data connections are no longer translated"
	end := &natEnd{family: config.IPv4, sources: []sourceRange{{20, nft.AddressRange{First: netip.MustParseAddr("10.0.0.12"), Last: netip.MustParseAddr("10.0.0.12")}}}}
	broken := busyConnections()
	broken.err = assert.AnError
	for _, c := range []struct {
		consequence consequence
		kind        ruleKind
		connections Connections
		want        Impact
	}{
		{consequence{}, noRule, nil, Impact{Effect: Safe}},
		{consequence{}, ruleMarks, nil, Impact{Effect: Safe}},
		{consequence{}, ruleTranslates, nil, Impact{Effect: Safe}},
		{consequence{}, rulePassThrough, nil, Impact{Effect: Safe}},
		{consequence{untranslated: true}, ruleTranslates, nil, Impact{Effect: Drains, Detail: "new active data connections from these addresses keep their source address"}},
		{consequence{}, ruleVerdict, nil, Impact{Effect: Drains, Detail: notOurs + "new connections that it marked, accepted or dropped are handled differently"}},
		{consequence{}, ruleOpaque, nil, Impact{Effect: Cuts, Unknown: true, Detail: notOurs + "its effect is unknown"}},
		{consequence{natEnd: end}, noRule, busyConnections(), Impact{Effect: Cuts, Connections: 1, Detail: noLonger}},
		{consequence{natEnd: end}, noRule, &fakeConnections{}, Impact{Effect: Safe}},
		{consequence{natEnd: end}, noRule, broken, Impact{Effect: Cuts, Unknown: true, Detail: noLonger}},
	} {
		assert.Equal(t, c.want, (&analyzer{Input: Input{Connections: c.connections}}).rulesetChange(c.consequence, c.kind))
	}
}

// TestRuleKinds: each rule of lvsmark has its kind; the first leaves packets unmarked.
func TestRuleKinds(t *testing.T) {
	table := nft.Compile(parse(t, ftpAndDNS)).Tables[0]
	var kinds []ruleKind
	for _, c := range table.Chains {
		for _, r := range c.Rules {
			kinds = append(kinds, kindOf(table, r))
		}
	}
	assert.Equal(t, []ruleKind{rulePassThrough, ruleMarks, ruleMarks, ruleMarks, ruleMarks, ruleTranslates}, kinds)
}

// TestCompareMarks: each port whose mark changes is in one change, also between and around
// the new ranges.
func TestCompareMarks(t *testing.T) {
	ports := func(low, high uint16, mark uint32) firewall.MarkedPorts {
		return firewall.MarkedPorts{PortRange: config.PortRange{Protocol: config.TCP, Low: low, High: high}, Mark: mark}
	}
	vip := config.SingleAddress(netip.MustParseAddr("192.0.2.1"))
	change := func(low, high uint16, from, to uint32) markChange {
		return markChange{vip, ports(low, high, from), to, false}
	}
	for _, c := range []struct {
		before, after []firewall.MarkedPorts
		want          []markChange
	}{
		{[]firewall.MarkedPorts{ports(10, 30, 5)}, []firewall.MarkedPorts{ports(10, 30, 5)}, nil},
		{[]firewall.MarkedPorts{ports(10, 30, 5)}, []firewall.MarkedPorts{ports(5, 40, 5)}, nil},
		{[]firewall.MarkedPorts{ports(10, 30, 5)}, nil, []markChange{change(10, 30, 5, 0)}},
		{[]firewall.MarkedPorts{ports(10, 30, 5)}, []firewall.MarkedPorts{ports(15, 20, 5)}, []markChange{change(10, 14, 5, 0), change(21, 30, 5, 0)}},
		{[]firewall.MarkedPorts{ports(10, 30, 5)}, []firewall.MarkedPorts{ports(1, 12, 6), ports(13, 20, 5), ports(30, 40, 7)}, []markChange{
			change(10, 12, 5, 6), change(21, 29, 5, 0), change(30, 30, 5, 7),
		}},
		{nil, []firewall.MarkedPorts{ports(10, 30, 5)}, nil},
	} {
		assert.Equal(t, c.want, compareMarks(vip, c.before, c.after))
	}
}

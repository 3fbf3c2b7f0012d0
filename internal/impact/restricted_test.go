package impact

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/nft"
)

// TestRestrictedShards: the rule of shards is not the last with marks of a VIP.
func TestRestrictedShards(t *testing.T) {
	spec := parse(t, `clusters:
- {name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-10001, passive-shards: 2}, only: {sources: [10.1.0.0/16]}, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}
- {name: web, mark: 80, vips: [198.51.100.21], ports: [80], only: {sources: [10.1.0.0/16]}, real-servers: [{address: 10.0.0.11}]}
`)
	marks := map[uint16]uint32{}
	for _, ports := range restrictedOf(nft.Compile(spec)).of(netip.MustParseAddr("198.51.100.21")) {
		marks[ports.Low] = ports.Mark
	}
	assert.Equal(t, map[uint16]uint32{21: 21, 80: 80, 10000: 22, 10001: 23}, marks)
}

// TestOnlyChanged: a change of only drains if some packets lose or exchange their mark.
func TestOnlyChanged(t *testing.T) {
	const (
		head    = "clusters:\n"
		all     = head + "- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], real-servers: [{address: 10.0.0.11}]}\n"
		inside  = head + "- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {sources: [10.1.0.0/16]}, real-servers: [{address: 10.0.0.11}]}\n"
		other   = head + "- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {sources: [10.2.0.0/16]}, real-servers: [{address: 10.0.0.11}]}\n"
		both    = head + "- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {sources: [10.1.0.0/16, 10.2.0.0/16]}, real-servers: [{address: 10.0.0.11}]}\n"
		device  = head + "- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {sources: [10.1.0.0/16], devices: [wan0]}, real-servers: [{address: 10.0.0.11}]}\n"
		senders = head + "- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {except-macs: [\"02:00:00:00:00:02\"]}, real-servers: [{address: 10.0.0.11}]}\n"
		web     = "- {name: web, mark: 80, vips: [198.51.100.21], ports: [21], real-servers: [{address: 10.0.0.12}]}\n"
		port    = head + "- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21], only: {sources: [10.1.0.0/16]}, real-servers: [{address: 10.0.0.11}]}\n"
		rest    = "- {name: rest, mark: 7, vips: [198.51.100.21], ports: [all], real-servers: [{address: 10.0.0.12}]}\n"
		some    = "- {name: rest, mark: 7, vips: [198.51.100.21], ports: [all], only: {devices: [wan0]}, real-servers: [{address: 10.0.0.12}]}\n"
		ports   = "new connections to ports 21, 100-200 "
		kept    = "; 1 established connection not affected"
		fewer   = ports + "of fwmark 21 (ftp) from fewer packets: the conditions of only change" + kept
		taken   = "that meet the conditions of only go to fwmark 21 (ftp) instead of "
	)
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"added", all, inside, []string{fewer}},
		{"removed", inside, all, nil},
		{"the same", inside, inside, nil},
		{"another network", inside, other, []string{fewer}},
		{"a network added", inside, both, nil},
		{"a wider network, in parts", inside, change(t, inside, "[10.1.0.0/16]", "[10.1.128.0/17, 10.1.0.0/17, 192.0.2.0/24]"), nil},
		{"a network removed", both, inside, []string{fewer}},
		{"a condition added", inside, device, []string{fewer}},
		{"a condition removed", device, inside, nil},
		{"a device added", device, change(t, device, "[wan0]", "[wan0, wan1]"), nil},
		{"another device", device, change(t, device, "[wan0]", "[wan1]"), []string{fewer}},
		{"a sender excluded", all, senders, []string{fewer}},
		{"a sender no longer excluded", change(t, senders, "[\"", "[\"02:00:00:00:00:03\", \""), senders, nil},
		{"another sender excluded", senders, change(t, senders, ":02\"", ":03\""), []string{fewer}},
		{"another mark", inside, change(t, inside, "mark: 21", "mark: 22"), []string{"no " + ports + "of fwmark 21 (ftp)" + kept}},
		{"fewer ports", inside, change(t, inside, "100-200", "150-160"), []string{"no new connections to ports 100-149, 161-200 of fwmark 21 (ftp)"}},
		{"a cluster for the rest", inside, inside + web, nil},
		{"only the rest stays", inside + web, change(t, inside+web, "ports: [21, 100-200]", "ports: [100-200]"), []string{"new connections to ports 21 go to fwmark 80 (web) instead of fwmark 21 (ftp)" + kept}},
		{"without the rest", inside + web, inside, []string{"no new connections to ports 21 of fwmark 80 (web)" + kept}},
		{"before a cluster for all", head + web, inside + web, []string{"new connections to ports 21 " + taken + "fwmark 80 (web)" + kept}},
		{"a network added, before a cluster for all", inside + web, both + web, []string{"new connections to ports 21 " + taken + "fwmark 80 (web)" + kept}},
		{"a network removed, before a cluster for all", both + web, inside + web, []string{fewer}},
		{"before all ports", head + rest, inside + rest, []string{ports + taken + "fwmark 7 (rest)" + kept}},
		{"all ports for the rest", inside, inside + rest, nil},
		{"all ports on condition", inside + rest, inside + some, []string{"new connections to ports 0-65535, udp/0-65535, sctp/0-65535 of fwmark 7 (rest) from fewer packets: the conditions of only change" + kept}},
		{"a port of all ports with conditions", head + some, head + web + some, []string{"new connections to ports 21 go to fwmark 80 (web) instead of fwmark 7 (rest)" + kept}},
		{"all ports with conditions do not take others", head + web, head + web + some, nil},
		{"deleted, one port", port, "", []string{"no new connections to ports 21 of fwmark 21 (ftp)" + kept}},
		{"deleted", inside, "", []string{"no " + ports + "of fwmark 21 (ftp)" + kept}},
	} {
		t.Run(c.name, func(t *testing.T) {
			connections := busyConnections()
			connections.underWay = connections.underWay[:1]
			in := plan(t, c.from, c.to, connections)
			in.Changes.Services = nil
			var got []string
			for _, i := range Analyze(in).Ruleset {
				if i.Effect != Safe {
					assert.Equal(t, Drains, i.Effect)
					got = append(got, i.Detail)
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
}

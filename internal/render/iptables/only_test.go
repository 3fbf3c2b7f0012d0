package iptables_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
)

// TestOnlyOfAll: of several marks the last one stays, so rules for all ports come before
// those for ports, larger networks before smaller ones, and only last. First packets to all
// ports need a rule for TCP and one for the other protocols.
func TestOnlyOfAll(t *testing.T) {
	network := func(text string) []config.AddressRange {
		return []config.AddressRange{config.RangeOfPrefix(netip.MustParsePrefix(text))}
	}
	some, rest, inner := web(), web(), web()
	some.VIPs, some.Mark, some.Only = network("198.18.0.0/16"), 1, &config.Only{Devices: []string{"wan0"}}
	some.Ports = []config.PortRange{config.AllPorts()}
	rest.VIPs, rest.Mark, rest.Ports = network("198.18.0.0/15"), 2, some.Ports
	inner.VIPs, inner.Mark, inner.Ports = network("198.18.0.0/24"), 3, []config.PortRange{{Protocol: config.TCP, Low: 80, High: 80}}
	text := iptables.Text(&config.Spec{
		Clusters: []config.Cluster{inner, some, rest},
		Director: config.Director{Marks: config.FirstPacket, LocalClients: true},
	})
	var rules []string
	for line := range strings.Lines(text) {
		if rule, ok := strings.CutPrefix(line, "-A "); ok {
			rules = append(rules, strings.TrimSuffix(rule, "\n"))
		}
	}
	assert.Equal(t, []string{
		"PREROUTING -d 198.18.0.0/15 -p tcp -m tcp --tcp-flags SYN SYN -j MARK --set-mark 2",
		"PREROUTING -d 198.18.0.0/15 ! -p tcp -j MARK --set-mark 2",
		"OUTPUT -d 198.18.0.0/15 -p tcp -m tcp --tcp-flags SYN SYN -j MARK --set-mark 2",
		"OUTPUT -d 198.18.0.0/15 ! -p tcp -j MARK --set-mark 2",
		"PREROUTING -d 198.18.0.0/16 -i wan0 -p tcp -m tcp --tcp-flags SYN SYN -j MARK --set-mark 1",
		"PREROUTING -d 198.18.0.0/16 -i wan0 ! -p tcp -j MARK --set-mark 1",
		"PREROUTING -d 198.18.0.0/24 -p tcp -m tcp --dport 80 --tcp-flags SYN SYN -j MARK --set-mark 3",
		"OUTPUT -d 198.18.0.0/24 -p tcp -m tcp --dport 80 --tcp-flags SYN SYN -j MARK --set-mark 3",
	}, rules)
}

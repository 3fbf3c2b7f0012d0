package firewall_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/firewall"
)

const flowSpec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21, "2001:db8::21"]
    ftp: {active-data: {translate: snat}}
    real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]
director: {bind: false}
`

// What rules do to the flows of flowSpec.
const (
	replies4 = "replies of 10.0.0.11 (ports 21, 10000-20000)"
	later4   = replies4 + " after the first of a connection"
	active4  = "active data from 10.0.0.11 (ports 20)"
	sent4    = "packets that IPVS sends to 10.0.0.11 (ports 21, 10000-20000)"
	fromVIP4 = "replies that IPVS sends from 198.51.100.21 (ports 21, 10000-20000)"
	toVIP4   = "answers of clients to active data from 198.51.100.21 (ports 20)"
	answers4 = "answers of clients to active data from 10.0.0.11 (ports 20)"
)

// TestFlows has rules that affect packets on their way to real servers and back, and
// similar rules that do not.
func TestFlows(t *testing.T) {
	chain := func(hook, rules string) string {
		return "table ip t { chain c { type filter hook " + hook + "; " + rules + "; }; }"
	}
	chain2 := func(hook, rules string) string {
		return "\n" + strings.Replace(chain(hook, rules), " t {", " v {", 1)
	}
	nat := func(priority, rule string) string {
		return "table ip t { chain c { type nat hook postrouting priority " + priority + "; " + rule + "; }; }"
	}
	natOf := func(rule string) string {
		return "table ip t { chain c { type nat hook prerouting priority dstnat; " + rule + "; }; }"
	}
	conntrack := "\ntable ip u { chain unused { ct state new; }; }"
	forward := "forward priority 0"
	for _, c := range []struct {
		name, script string
		tracking     firewall.Tracking
		want         []string
	}{
		// The source of active data.
		{name: "masquerade before", script: nat("srcnat - 10", "ip saddr 10.0.0.0/24 masquerade"), want: []string{"will change the source of " + active4}},
		{name: "masquerade at the same priority", script: nat("srcnat - 1", "masquerade"), want: []string{"will change the source of " + active4}},
		{name: "masquerade after", script: nat("srcnat", "masquerade"), want: nil},
		{name: "another network masqueraded", script: nat("srcnat - 10", "ip saddr 10.0.1.0/24 masquerade"), want: nil},
		{name: "another port masqueraded", script: nat("srcnat - 10", "tcp sport 21 masquerade"), want: nil},
		{name: "the same source", script: nat("srcnat - 10", "ip saddr 10.0.0.11 snat to 198.51.100.21"), want: nil},
		{name: "another source", script: nat("srcnat - 10", "ip saddr 10.0.0.11 snat to 198.51.100.22"), want: []string{"will change the source of " + active4}},
		{name: "masquerade on a device", script: nat("srcnat - 10", `oifname "eth0" masquerade`), want: []string{"may change the source of " + active4 + " [oifname]"}},
		{name: "the same source, another port", script: nat("srcnat - 10", "ip saddr 10.0.0.11 tcp sport 20 snat to 198.51.100.21:4000-5000"), want: []string{"will change the source of " + active4}},
		{name: "the same source, a range with the port", script: nat("srcnat - 10", "ip saddr 10.0.0.11 tcp sport 20 snat to 198.51.100.21:1-1023"), want: nil},
		{name: "the same source, the same port", script: nat("srcnat - 10", "ip saddr 10.0.0.11 tcp sport 20 snat to 198.51.100.21:20"), want: nil},
		{name: "the same source, a port", script: nat("srcnat - 10", "ip saddr 10.0.0.11 tcp sport 20 snat to 198.51.100.21:21"), want: []string{"will change the source of " + active4}},
		{name: "the same source, a random port", script: nat("srcnat - 10", "ip saddr 10.0.0.11 snat to 198.51.100.21 fully-random"), want: []string{"will change the source of " + active4}},
		{name: "an accept does not end the translation", script: nat("srcnat - 10", "accept"), want: nil},
		{name: "a transparent proxy", script: "table ip t { chain c { type nat hook prerouting priority dstnat; ip saddr 10.0.0.0/24 tcp dport 1024-65535 redirect to :3128; }; }", want: []string{"may change the destination of 198.51.100.21 (ports 10000-20000) [ip saddr]", "may change the destination of " + later4 + "; " + active4 + " [unprivileged destination port]"}},
		{name: "a published port", script: "table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to 10.0.0.99; }; }", want: nil},

		// Connection tracking. Chains of type nat get the first packet of tracked connections.
		{name: "nat of later packets", script: natOf("tcp flags & (fin|syn|rst|ack) != syn drop") + conntrack, want: []string{"will drop 198.51.100.21 (ports 21, 10000-20000) after the first of a connection; " + later4}},
		{name: "nat of later packets, strictly", script: natOf("tcp flags & (fin|syn|rst|ack) != syn drop") + conntrack, tracking: firewall.Tracking{Strict: true}, want: nil},
		{name: "nat of later packets, tracked", script: natOf("tcp flags & (fin|syn|rst|ack) != syn drop") + conntrack, tracking: firewall.Tracking{IPVS: true}, want: nil},
		{name: "nat of all packets, tracked", script: natOf("drop") + conntrack, tracking: firewall.Tracking{IPVS: true}, want: []string{"will drop 198.51.100.21 (ports 21, 10000-20000); " + active4}},
		{name: "nat, tracked for the translation of active data", script: natOf("drop"), want: []string{"will drop 198.51.100.21 (ports 21, 10000-20000); " + later4 + "; " + active4}},
		{name: "no tracking", script: chain("prerouting priority raw", "notrack"), want: []string{"will exclude from connection tracking " + active4 + "; " + toVIP4}},
		{name: "no tracking of answers", script: chain("prerouting priority raw", "ip daddr 198.51.100.21 notrack"), want: []string{"will exclude from connection tracking " + toVIP4}},
		{name: "no tracking of replies", script: chain("prerouting priority raw", "tcp sport 21 notrack"), want: nil},
		{name: "a zone of a device", script: chain("prerouting priority raw", `iifname "eth0" ct zone set 1`), want: []string{"may move to another zone of connection tracking " + active4 + "; " + toVIP4 + " [iifname]"}},
		{name: "a zone of all packets", script: chain("prerouting priority raw", "ct zone set 1"), want: nil},
		{name: "a zone of one direction", script: chain("prerouting priority raw", `iifname "eth0" ct original zone set 1`), want: nil},
		{name: "a zone of other packets", script: chain("prerouting priority raw", `iifname "eth0" tcp dport 53 ct zone set 1`), want: nil},
		{name: "no tracking, perhaps too late", script: chain("prerouting priority -200", "notrack"), want: []string{"may exclude from connection tracking " + active4 + "; " + toVIP4 + " [the order of the chain and connection tracking]"}},
		{name: "a state that is perhaps not known yet", script: chain("prerouting priority -200", "ct state new drop"), want: []string{"may drop 198.51.100.21 (ports 21, 10000-20000); " + replies4 + "; " + active4 + "; " + toVIP4 + " [the order of the chain and connection tracking]"}},
		{name: "too late", script: chain("prerouting priority mangle", "notrack"), want: nil},
		{name: "untracked replies accepted", script: chain("prerouting priority raw", "ip saddr 10.0.0.11 tcp sport 21 notrack; ip saddr 10.0.0.11 tcp sport 10000-20000 notrack") + "\ntable ip u { chain c { type filter hook forward priority 0; ct state untracked accept; ip saddr 10.0.0.11 tcp sport != 20 drop; }; }", want: []string{"may drop " + replies4 + " [ct state after notrack]"}},
		{name: "untracked packets to VIPs accepted", script: chain("prerouting priority raw", "ip daddr 198.51.100.21 tcp dport 21 notrack") + "\ntable ip u { chain c { type filter hook input priority 0; ct state untracked accept; tcp dport 21 drop; }; }", want: []string{"may drop 198.51.100.21 (ports 21) [ct state after notrack]"}},
		{name: "no state before tracking", script: chain("prerouting priority raw", "ct state new accept; tcp dport 21 drop"), want: []string{"will drop 198.51.100.21 (ports 21)"}},

		// The forward hook.
		{name: "established only", script: chain(forward+"; policy drop", "ct state established,related accept; ip saddr 10.0.0.11 tcp sport 20 accept"), want: []string{"will drop " + replies4}},
		{name: "established only, tracked", script: chain(forward+"; policy drop", "ct state established,related accept; ip saddr 10.0.0.11 tcp sport 20 accept"), tracking: firewall.Tracking{IPVS: true}, want: nil},
		{name: "real servers accepted", script: chain(forward+"; policy drop", "ct state established,related accept; ip saddr 10.0.0.11 accept"), want: nil},
		{name: "one direction accepted", script: chain(forward+"; policy drop", "ip saddr 10.0.0.11 accept"), want: []string{"may drop " + answers4 + " [ip saddr]"}},
		{name: "devices accepted", script: chain(forward+"; policy drop", `iifname "lan" oifname "wan" accept; ct state established accept`), want: []string{"may drop " + replies4 + "; " + active4 + " [iifname oifname]"}},
		{name: "clients accepted", script: chain(forward+"; policy drop", `ip daddr 203.0.113.0/24 accept; ip saddr 203.0.113.0/24 accept`), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ip daddr ip saddr]"}},
		{name: "not translated", script: chain(forward, "ct status != snat drop"), want: []string{"will drop " + later4 + "; " + active4, "may drop " + answers4 + " [ct status]"}},
		{name: "translated", script: chain(forward, "ct status dnat drop"), want: []string{"may drop " + active4 + " after the first of a connection; " + answers4 + " [ct status]"}},
		{name: "translated accepted", script: chain(forward+"; policy drop", "ip saddr 10.0.0.11 accept; ct status snat accept"), want: []string{"may drop " + answers4 + " [ct status ip saddr]"}},
		{name: "translated accepted, tracked", script: chain(forward+"; policy drop", "ct status & (snat|dnat) != 0 accept"), tracking: firewall.Tracking{IPVS: true}, want: []string{"may drop " + replies4 + "; " + answers4 + " [ct status]", "will drop " + active4}},
		{name: "confirmed", script: chain(forward, "ct status != confirmed drop"), want: []string{"will drop " + later4 + "; " + active4, "may drop " + answers4 + " [ct status]"}},
		{name: "a bit that nat hooks set", script: chain(forward, "ct status 256 drop"), want: []string{"may drop " + later4 + "; " + active4 + "; " + answers4 + " [ct status]"}},
		{name: "a status that an earlier rule may end", script: chain("prerouting priority raw", "ip saddr 10.0.0.11 tcp sport 20 notrack") + chain2("forward priority 0", "tcp sport 20 ct status != snat drop"), want: []string{"will exclude from connection tracking " + active4, "may drop " + active4 + " [ct state after notrack]"}},
		{name: "large packets", script: chain(forward, "meta length > 1000 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [meta length]"}},
		{name: "the time to live", script: chain(forward, "ip ttl < 5 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ip ttl]"}},
		{name: "the type of service", script: chain(forward, "ip dscp != cs0 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ip dscp and ecn]"}},
		{name: "a TCP option", script: chain(forward, "tcp option maxseg size 1-500 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [tcp option]"}},
		{name: "a missing TCP option", script: chain(forward, "tcp flags syn / syn,ack tcp option maxseg missing drop"), want: []string{"may drop " + active4 + " [tcp option]"}},
		{name: "the direction", script: chain(forward, "ct direction reply drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ct direction]"}},
		{name: "the zone", script: chain(forward, "ct zone != 3 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ct zone]"}},
		{name: "properties of a connection", script: chain(forward, "ct expiration < 10s ct label 3 ct helper \"ftp\" ct l3proto ipv4 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ct expiration ct helper ct label ct protocol]"}},
		{name: "the priority", script: chain(forward, "meta priority 1:1 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [meta priority]"}},
		{name: "another field of TCP", script: chain(forward, "tcp window > 9 @th,128,16 7 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [@th,112,16 @th,128,16]"}},
		{name: "fragments", script: chain(forward, "ip frag-off & 0x1fff != 0 drop"), want: nil},
		{name: "a client", script: chain(forward, "ip saddr 203.0.113.7 drop; ip daddr 203.0.113.7 drop; ct original saddr 203.0.113.7 drop"), want: nil},
		{name: "bytes of a connection", script: chain(forward, "ct bytes > 1000000 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ct bytes or packets]"}},
		{name: "packets of a connection", script: chain(forward, "ct original packets > 100 drop"), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ct bytes or packets]"}},
		{name: "invalid", script: chain(forward, "ct state invalid drop"), want: []string{"will drop " + replies4}},
		{name: "invalid, strictly", script: chain(forward, "ct state invalid drop"), tracking: firewall.Tracking{Strict: true}, want: []string{"will drop " + replies4}},
		{name: "invalid, tracked", script: chain(forward, "ct state invalid drop"), tracking: firewall.Tracking{IPVS: true}, want: nil},
		{name: "new without SYN", script: chain(forward, "tcp flags & (fin|syn|rst|ack) != syn ct state new drop"), want: []string{"will drop " + later4}},
		{name: "new without SYN, strictly", script: chain(forward, "tcp flags & (fin|syn|rst|ack) != syn ct state new drop"), tracking: firewall.Tracking{Strict: true}, want: nil},
		{name: "SYN and ACK", script: chain(forward, "tcp flags & (syn|ack) == (syn|ack) ct state invalid drop"), want: []string{"will drop " + replies4}},
		{name: "SYN alone", script: chain(forward, "tcp flags & (fin|syn|rst|ack) == syn drop"), want: []string{"will drop " + active4}},
		{name: "a device", script: chain(forward, `iifname "eth1" drop`), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [iifname]"}},
		{name: "some clients", script: chain(forward, `ip daddr 203.0.113.9 drop; ip saddr 203.0.113.9 drop; tcp dport 25 drop`), want: nil},
		{name: "a limit", script: chain(forward, `limit rate over 5/second drop`), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [limit]"}},
		{name: "a limit of a client", script: chain(forward, `ip daddr 203.0.113.9 limit rate over 5/second drop; ip saddr 203.0.113.9 limit rate over 5/second drop`), want: nil},
		{name: "a limit of each client", script: "table ip t { set m { type ipv4_addr; flags dynamic; size 9; }\nchain c { type filter hook " + forward + "; update @m { ip daddr limit rate over 5/second } drop; }; }", want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [an update of a set]"}},
		{name: "a quota", script: chain(forward, `quota over 1 mbytes drop`), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [quota]"}},
		{name: "a number of connections", script: chain(forward, `ct count over 9 reject`), want: []string{"may reject " + replies4 + "; " + active4 + "; " + answers4 + " [ct count]"}},
		{name: "a part of the packets", script: chain(forward, `numgen random mod 2 0 drop`), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [numgen]"}},
		{name: "a time", script: chain(forward, `meta hour "22:00"-"23:00" drop`), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [meta hour]"}},
		{name: "a kind of device", script: chain(forward, `meta iifkind "vrf" drop`), want: []string{"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [meta iifkind]"}},
		{name: "high ports", script: chain(forward, `ip saddr 10.0.0.11 tcp sport 20 tcp dport >= 1024 reject`), want: []string{"may reject " + active4 + " [unprivileged destination port]"}},
		{name: "a verdict map of clients", script: chain(forward+"; policy drop", `tcp dport vmap { 80 : drop, 443 : accept }; ip saddr 10.0.0.11 tcp sport 20 accept; ct state new,invalid accept`), want: []string{"may drop " + answers4 + " [ip saddr source port]"}},
		{name: "by a set mark", script: "table ip s { chain c { type filter hook prerouting priority raw; ip saddr 10.0.0.11 meta mark set 5; }; }\n" + chain(forward+"; policy drop", "meta mark 5 accept; ct state established accept"), want: []string{"may drop " + replies4 + "; " + active4 + " [meta mark]"}},
		{name: "after IPVS", script: chain("forward priority 101", "ip saddr 198.51.100.21 drop; ip saddr 10.0.0.11 tcp sport 20 accept; ip saddr 10.0.0.11 drop"), want: []string{"will drop " + fromVIP4}},
		{name: "local destinations", script: chain("prerouting priority 0", "ip saddr 10.0.0.11 fib daddr type local drop"), want: []string{"may drop 198.51.100.21 (ports 21, 10000-20000) [ip saddr]"}},
		{name: "the way back", script: chain("prerouting priority raw", "tcp sport 20 fib saddr . iif oif missing drop"), want: []string{"may drop 198.51.100.21 (ports 21, 10000-20000) [fib source port]", "may drop " + active4 + " [fib]"}},
		{name: "IPv6", script: "table ip6 t { chain c { type filter hook forward priority 0; ip6 saddr fd00::11 tcp sport 20 drop; }; }", want: []string{"will drop active data from fd00::11 (ports 20)"}},
		{name: "both families", script: "table inet t { chain c { type filter hook forward priority 0; tcp sport 20 drop; }; }", want: []string{"will drop " + active4 + "; active data from fd00::11 (ports 20)"}},
		{name: "ingress", script: "table netdev t { chain c { type filter hook ingress device lo priority 0; ip saddr 10.0.0.11 tcp sport 20 drop; }; }", want: []string{"may drop 198.51.100.21 (ports 21, 10000-20000) [device lo ip saddr source port]", "may drop " + active4 + " [device lo]"}},

		{name: "answers before the translation", script: chain("prerouting priority -150", "ip daddr 198.51.100.21 tcp dport 20 drop"), want: []string{"will drop " + toVIP4}},
		{name: "answers to the VIP after the translation", script: chain("prerouting priority 0", "ip daddr 198.51.100.21 tcp dport 20 drop"), want: nil},
		{name: "answers after the translation", script: chain("prerouting priority 0", "ip daddr 10.0.0.11 tcp dport 20 drop"), want: []string{"will drop " + answers4}},
		{name: "answers to the real server before the translation", script: chain("prerouting priority -150", "ip daddr 10.0.0.11 tcp dport 20 drop"), want: nil},
		{name: "the real server's address after IPVS", script: chain("forward priority 101", "ip saddr 10.0.0.11 tcp sport 21 drop"), want: nil},
		{name: "the VIP before IPVS", script: chain("forward priority 99", "ip saddr 198.51.100.21 drop"), want: nil},
		{name: "at the priority of IPVS", script: chain("forward priority 100", "tcp sport 21 drop"), want: []string{"may drop replies of 10.0.0.11 (ports 21) [the order of the chain and IPVS]"}},

		// The hooks after IPVS.
		{name: "output", script: chain("output priority 0; policy drop", "ct state established,related accept"), want: []string{"will drop " + sent4}},
		{name: "untracked output", script: chain("output priority 0; policy drop", "ct state established,related,untracked accept"), want: nil},
		{name: "marked output", script: chain("output priority 0; policy drop", "meta mark 21 accept"), want: nil},
		{name: "postrouting", script: chain("postrouting priority mangle", "ct state untracked drop"), want: []string{"will drop " + sent4 + "; " + fromVIP4}},
		{name: "egress", script: "table netdev t { chain c { type filter hook egress device lo priority 0; tcp sport 20 drop; }; }", want: []string{"may drop active data translated to 198.51.100.21 (ports 20); active data translated to 2001:db8::21 (ports 20) [device lo]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inScratch(t, func() {
				run(t, c.script, "-f", "-")
				assert.Equal(t, c.want, foundBy(t, flowSpec, c.tracking))
			})
		})
	}
}

// TestPortsOfMasquerade: a masquerade ahead of lvsmark's must keep the port of active data.
func TestPortsOfMasquerade(t *testing.T) {
	yaml := strings.Replace(flowSpec, "snat", "masquerade", 1)
	changed := []string{"will change the source of " + active4}
	for rule, want := range map[string][]string{
		"masquerade":                                                  nil,
		"masquerade persistent":                                       nil,
		"masquerade random":                                           changed,
		"masquerade fully-random":                                     changed,
		"tcp sport 20 masquerade to :20":                              nil,
		"tcp sport 20 masquerade to :1-20":                            nil,
		"tcp sport 20 masquerade to :21-65535":                        changed,
		"tcp sport 20 masquerade to :1-19":                            changed,
		"tcp sport 20 masquerade to :1-65535 random":                  changed,
		"meta l4proto tcp masquerade to :tcp sport map { 20 : 4000 }": changed,
		"meta l4proto tcp masquerade to :tcp sport map { 20 : 20 }":   nil,
		"tcp sport 21 masquerade to :4000":                            nil,
		`oifname "eth0" tcp sport 20 masquerade to :4000`:             {"may change the source of " + active4 + " [oifname]"},
	} {
		t.Run(rule, func(t *testing.T) {
			inScratch(t, func() {
				run(t, "table ip t { chain c { type nat hook postrouting priority srcnat - 1; "+rule+"; }; }", "-f", "-")
				assert.Equal(t, want, foundBy(t, yaml, firewall.Tracking{}))
			})
		})
	}
}

// TestMasqueradedActiveData: active data with an address of the director, and the answers to it
// before their translation.
func TestMasqueradedActiveData(t *testing.T) {
	const (
		host    = "198.51.100.2"
		data    = "active data translated to " + host + " (ports 20)"
		toHost  = "answers of clients to active data from " + host + " (ports 20)"
		server6 = "active data from fd00::11 (ports 20)"
	)
	chain := func(hook, rules string) string {
		return "table ip t { chain c { type filter hook " + hook + "; " + rules + "; }; }"
	}
	raw, late := "prerouting priority raw", "postrouting priority 150"
	device := "table netdev t { chain c { type filter hook %s device lo priority 0; %s; }; }"
	for script, want := range map[string][]string{
		chain(raw, "ip daddr "+host+" tcp dport 20 drop"):                                                                                   {"will drop " + toHost},
		chain(raw, "ip daddr "+host+" tcp dport != { 20, 22 } drop"):                                                                        nil,
		chain(raw, "ip daddr 198.51.100.3 tcp dport 20 drop"):                                                                               nil,
		chain(raw, "ip daddr 10.0.0.11 tcp dport 20 drop"):                                                                                  nil,
		chain(raw, "ip daddr "+host+" tcp dport 20 fib daddr type local drop"):                                                              {"will drop " + toHost},
		chain(raw, "ip daddr "+host+" notrack"):                                                                                             {"will exclude from connection tracking " + toHost},
		chain(raw, "ip daddr "+host+" tcp sport 1024-65535 drop"):                                                                           {"may drop " + toHost + " [unprivileged source port]"},
		chain(raw, `iifname "eth0" ip daddr `+host+" tcp dport 20 drop"):                                                                    {"may drop " + toHost + " [iifname]"},
		chain(raw+"; policy drop", "ip daddr 198.51.100.21 accept; ip saddr 10.0.0.11 accept; tcp dport 20 tcp flags syn / syn,ack accept"): {"may drop " + toHost + " [ip saddr]"},
		chain("prerouting priority mangle", "ip daddr "+host+" ct state invalid drop"):                                                      nil,
		chain("prerouting priority mangle", "ip daddr "+host+" ct state established tcp dport 20 drop"):                                     {"will drop " + toHost},
		chain("prerouting priority dstnat", "ip daddr "+host+" tcp dport 20 drop"):                                                          nil,
		chain(late, "ip saddr "+host+" tcp sport 20 drop"):                                                                                  {"will drop " + data},
		chain(late, `oifname "eth0" ip saddr != 198.51.100.21 tcp sport 20 drop`):                                                           {"may drop " + data + " [oifname]"},
		chain("postrouting priority srcnat", "ip saddr "+host+" tcp sport 20 drop"):                                                         nil,
		fmt.Sprintf(device, "ingress", "ip daddr "+host+" tcp dport 20 drop"):                                                               {"may drop " + toHost + " [device lo]"},
		fmt.Sprintf(device, "egress", "ip saddr "+host+" tcp sport 20 drop"):                                                                {"may drop " + data + " [device lo]"},
	} {
		t.Run(script, func(t *testing.T) {
			inScratch(t, func() {
				run(t, script, "-f", "-")
				tracking := firewall.Tracking{Masquerade: []netip.Addr{netip.MustParseAddr(host)}}
				assert.Equal(t, want, foundBy(t, strings.Replace(flowSpec, "snat", "masquerade", 1), tracking))
				assert.Empty(t, foundBy(t, strings.Replace(flowSpec, "snat", "masquerade", 1), firewall.Tracking{}), "the address is unknown")
				assert.Empty(t, foundBy(t, flowSpec, tracking), "translated to the VIP")
			})
		})
	}
	for script, want := range map[string][]string{
		chain(raw, "ip daddr 10.0.0.11 tcp dport 20 drop"):                                                              {"will drop " + answers4},
		chain(raw, "ip daddr 10.0.0.11 notrack"):                                                                        nil,
		chain("prerouting priority 0", "ip daddr 10.0.0.11 tcp dport 20 drop"):                                          {"will drop " + answers4},
		chain(late, "ip saddr 10.0.0.11 tcp sport 20 drop"):                                                             {"will drop " + active4},
		chain("forward priority 0", "ip saddr 10.0.0.11 tcp sport 20 drop"):                                             {"will drop " + active4},
		"table ip6 t { chain c { type filter hook postrouting priority 150; ip6 saddr fd00::11 tcp sport 20 drop; }; }": {"will drop " + server6},
	} {
		t.Run("none: "+script, func(t *testing.T) {
			inScratch(t, func() {
				run(t, script, "-f", "-")
				assert.Equal(t, want, foundBy(t, strings.Replace(flowSpec, "snat", "none", 1), firewall.Tracking{}))
			})
		})
	}
}

// foundBy returns the findings in short form.
func foundBy(t *testing.T, yaml string, tracking firewall.Tracking) []string {
	t.Helper()
	conn := dial(t)
	list, err := firewall.Findings(parse(t, yaml), foreign(t, conn), conn, tracking)
	require.NoError(t, err)
	return short(list)
}

// TestFlowsByForwarding: only under nat do replies and active data pass the director.
func TestFlowsByForwarding(t *testing.T) {
	const rules = "table ip t { chain f { type filter hook forward priority 0; policy drop; }; chain o { type filter hook output priority 0; policy drop; }; chain p { type nat hook postrouting priority 0; masquerade; }; }"
	for forwarding, want := range map[string][]string{
		"nat":    {"will drop replies of 10.0.0.11 (ports 21, 10000-20000); active data from 10.0.0.11 (ports 20); answers of clients to active data from 10.0.0.11 (ports 20)", "will drop packets that IPVS sends to 10.0.0.11 (ports 21, 10000-20000)"},
		"direct": {"will drop packets that IPVS sends to 198.51.100.21 (ports 20-21, 10000-20000)"},
		"tunnel": nil,
	} {
		t.Run(forwarding, func(t *testing.T) {
			inScratch(t, func() {
				run(t, rules, "-f", "-")
				yaml := "clusters: [{name: ftp, mark: 21, forwarding: " + forwarding + ", vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]"
				assert.Equal(t, want, foundBy(t, yaml, firewall.Tracking{}))
			})
		})
	}
}

// TestFlowsOfIptables has rules of iptables-nft with extensions.
func TestFlowsOfIptables(t *testing.T) {
	for rules, want := range map[string][]string{
		"nat: -A POSTROUTING -s 10.0.0.0/24 -j MASQUERADE":                                                                               nil,
		"raw: -A PREROUTING -j CT --notrack":                                                                                             {"will exclude from connection tracking " + active4 + "; " + toVIP4},
		"raw: -A PREROUTING -p tcp --sport 20 -j CT --notrack":                                                                           {"will exclude from connection tracking " + active4},
		"filter: :FORWARD DROP\n-A FORWARD -s 10.0.0.0/24 -p tcp -m multiport --sports 20,21,10000:20000 -j ACCEPT":                      {"may drop " + answers4 + " [ip saddr source port]"},
		"filter: -A FORWARD -m conntrack --ctstate INVALID -j DROP":                                                                      {"will drop " + replies4},
		"filter: -A FORWARD -p tcp ! --syn -m state --state NEW -j DROP":                                                                 {"will drop " + later4},
		"filter: -A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP":                                                           nil,
		"filter: -A FORWARD -m state ! --state NEW,INVALID -j ACCEPT\n-A FORWARD -p tcp --sport 20:21 -j REJECT":                         {"will reject replies of 10.0.0.11 (ports 21); " + active4},
		"filter: -A FORWARD -m conntrack --ctstate UNTRACKED -j DROP\n-A OUTPUT -m conntrack --ctstate UNTRACKED -j DROP":                {"will drop " + sent4},
		"filter: -A FORWARD -m conntrack ! --ctstate DNAT -j DROP":                                                                       {"will drop " + replies4 + "; " + active4, "may drop " + answers4 + " [ct status]"},
		"filter: -A FORWARD -m conntrack ! --ctstate NEW,DNAT -j DROP":                                                                   {"will drop " + replies4, "may drop " + active4 + " after the first of a connection; " + answers4 + " [ct status]"},
		"filter: -A FORWARD -m conntrack --ctstate SNAT -j DROP":                                                                         {"may drop " + active4 + " after the first of a connection; " + answers4 + " [ct status]"},
		"filter: :FORWARD DROP\n-A FORWARD -s 10.0.0.11 -j ACCEPT\n-A FORWARD -m conntrack --ctstate DNAT,RELATED,ESTABLISHED -j ACCEPT": nil,
		"filter: :FORWARD DROP\n-A FORWARD -s 10.0.0.11 -j ACCEPT\n-A FORWARD -m conntrack --ctstate SNAT -j ACCEPT":                     {"may drop " + answers4 + " [ct status ip saddr]"},
		"filter: -A FORWARD -p tcp -m tcpmss --mss 1:500 -j DROP":                                                                        {"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [tcpmss]"},
		"filter: -A FORWARD -m conntrack --ctdir REPLY --ctproto 6 --ctexpire 1:9 -j DROP":                                               {"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ct direction ct expiration ct protocol]"},
		"filter: -A FORWARD -m conntrack --ctdir REPLY --ctorigsrc 203.0.113.7 -j DROP":                                                  nil,
		"filter: -A FORWARD -m ttl --ttl-lt 5 -j DROP":                                                                                   {"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [ttl]"},
		"filter: -A FORWARD -m length --length 1400: -j DROP":                                                                            {"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [length]"},
		"filter: -A FORWARD -m dscp ! --dscp 0 -j DROP":                                                                                  {"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [dscp]"},
		"filter: -A FORWARD -m connbytes --connbytes 1000000: --connbytes-dir both --connbytes-mode bytes -j DROP":                       {"may drop " + replies4 + "; " + active4 + "; " + answers4 + " [connbytes]"},
		"filter: -A FORWARD -p tcp --sport 20 -j NFQUEUE":                                                                                {"will queue " + active4},
		"mangle: -A POSTROUTING -p tcp --sport 20 -j DROP":                                                                               {"will drop " + active4},
	} {
		t.Run(rules, func(t *testing.T) {
			need.Programs(t, "iptables-nft-restore")
			inScratch(t, func() {
				table, rules, _ := strings.Cut(rules, ": ")
				restore(t, "iptables-nft-restore", "*"+table+"\n"+rules+"\nCOMMIT\n")
				assert.Equal(t, want, foundBy(t, flowSpec, firewall.Tracking{}))
			})
		})
	}
}

// TestFlowsOfSources: active data is translated, and followed, only from its sources.
func TestFlowsOfSources(t *testing.T) {
	const rules = "table inet t { chain f { type filter hook forward priority 0; tcp sport 20 drop; }; }"
	for source, want := range map[string][]string{
		"[10.0.0.0/28]":              {"will drop active data from 10.0.0.11 (ports 20)"},
		"[10.0.0.0/24, 10.0.1.0/25]": {"will drop active data from 10.0.0.11 and 2 other real servers (ports 20)"},
		"[10.0.0.77, 10.0.1.11]":     {"will drop active data from 10.0.0.77 and another real server (ports 20)"},
		"[192.0.2.0/24]":             nil,
	} {
		t.Run(source, func(t *testing.T) {
			inScratch(t, func() {
				run(t, rules, "-f", "-")
				yaml := "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {active-data: {source: " + source + "}}, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.77}, {address: 10.0.1.11}]}]"
				assert.Equal(t, want, foundBy(t, yaml, firewall.Tracking{}))
			})
		})
	}
}

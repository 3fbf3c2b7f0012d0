package firewall_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/firewall"
)

const findingSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 198.51.100.22, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80, 443], real-servers: [{address: 10.0.0.11}]}
  - {name: dns, mark: 53, vips: [198.51.100.53], ports: [udp/53], real-servers: [{address: 10.0.0.11}]}
director: {bind: false}
`

// TestFindingsOfPrograms looks for findings in the tables of well-known programs.
func TestFindingsOfPrograms(t *testing.T) {
	const (
		all4 = "198.51.100.21 and 3 other VIPs (ports 21, 80, 443, 10000-20000, udp/53)"
		all  = all4 + "; packets to 2001:db8::21 (ports 21, 10000-20000)"
		pass = "accept marked packets before it, for example with `meta mark { 0x00000015, 0x00000035, 0x00000050 } accept`"
	)
	const (
		replies = "replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000, udp/53)"
		data    = "active data from 10.0.0.11 (ports 20)"
		answers = "answers of clients to " + data
		data6   = "active data from fd00::11 (ports 20)"
		vs      = " (while net.ipv4.vs.conntrack is 0, `ct state established` does not match packets of IPVS)"
		devices = replies + "; " + data + "; " + answers + ", depending on iifname, oifname; accept them before it, for example with `ip saddr 10.0.0.11 accept`, `ip daddr 10.0.0.11 accept`" + vs
	)
	for file, want := range map[string][]string{
		"docker.rules": {
			`table ip filter, chain DOCKER-ISOLATION-STAGE-2, rule handle 18 (oifname "docker0" counter drop): may drop ` + devices,
			`table ip filter, chain DOCKER, rule handle 15 (iifname != "docker0" oifname "docker0" counter drop): may drop replies of 10.0.0.11 (ports udp/53); ` + data + "; " + answers + ", depending on destination port, iifname, ip daddr, oifname; accept them before it, for example with `ip saddr 10.0.0.11 accept`, `ip daddr 10.0.0.11 accept`" + vs,
			"table ip filter, chain FORWARD, policy drop: may drop " + devices,
		},
		"kube-proxy.rules": {
			"table ip filter, chain KUBE-FORWARD, rule handle 23 (xt match \"conntrack\" counter drop): will drop replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000); accept them before it, for example with `ip saddr 10.0.0.11 accept`" + vs,
		},
		"kube-proxy.nft": nil,
		"tailscale.rules": {
			`table ip filter, chain ts-input, rule handle 14 (iifname != "tailscale0" ip saddr 100.64.0.0/10 counter drop): may drop packets to ` + all4 + ", depending on iifname, ip saddr; " + pass,
		},
		"firewalld.nft": {
			"table inet firewalld, chain filter_FORWARD, rule handle 39 (ct state invalid drop): will drop replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000); replies of fd00::11 (ports 21, 10000-20000); accept them before it, for example with `ip saddr 10.0.0.11 accept`, `ip6 saddr fd00::11 accept`" + vs,
			"table inet firewalld, chain filter_FORWARD, rule handle 40 (reject with icmpx admin-prohibited): will reject " + replies + "; " + data + "; replies of fd00::11 (ports 21, 10000-20000) after the first of a connection; " + data6 + "; accept them before it, for example with `ip saddr 10.0.0.11 accept`, `ip6 saddr fd00::11 accept`" + vs,
			"table inet firewalld, chain filter_INPUT, rule handle 32 (ct state invalid drop): may drop packets to " + all + ", depending on ct state; " + pass,
			"table inet firewalld, chain filter_INPUT, rule handle 34 (reject with icmpx admin-prohibited): will reject packets to " + all + "; " + pass,
			"table inet firewalld, chain filter_PREROUTING, rule handle 27 (meta nfproto ipv6 fib saddr . mark . iif oif missing drop): may drop packets to 2001:db8::21 (ports 21, 10000-20000); replies of fd00::11 (ports 21, 10000-20000); " + data6 + "; answers of clients to " + data6 + ", depending on fib; accept them before it, for example with `meta mark 0x00000015 accept`, `ip6 saddr fd00::11 accept`, `ip6 daddr fd00::11 accept`" + vs,
		},
	} {
		t.Run(file, func(t *testing.T) {
			inScratch(t, func() {
				load(t, file)
				assert.Equal(t, want, sourceLast(warnings(t)))
			})
		})
	}
}

// sourceLast puts the matches of a rule into the order of iptables-nft 1.8.9 (Debian 12).
// 1.8.11 (Debian 13) writes the source before the device.
func sourceLast(warnings []string) []string {
	const source, device = "ip saddr 100.64.0.0/10", `iifname != "tailscale0"`
	for i, warning := range warnings {
		warnings[i] = strings.ReplaceAll(warning, source+" "+device, device+" "+source)
	}
	return warnings
}

func warnings(t *testing.T) []string {
	t.Helper()
	found := findings(t, parse(t, findingSpec))
	var list []string
	for _, n := range found {
		list = append(list, n.String())
	}
	return list
}

// TestFindings has rules that affect packets of the spec, and similar rules that do not.
func TestFindings(t *testing.T) {
	chain := func(hook, rules string) string {
		return "table ip t { chain c { type filter hook " + hook + "; " + rules + "; }; }"
	}
	chain2 := func(table, hook, rules string) string {
		return "\n" + strings.Replace(chain(hook, rules), " t {", " "+table+" {", 1)
	}
	pre, in, early := "prerouting priority -100", "input priority 0", "prerouting priority raw"
	const (
		wrong     = "will set the mark of 198.51.100.53 (ports udp/53)"
		mayBeBack = "may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]"
		byMark    = "may set the mark of 198.51.100.53 (ports udp/53) [meta mark]"
	)
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		// Addresses and ports.
		{"another address", chain(pre, "ip daddr 198.51.100.99 drop"), nil},
		{"a VIP", chain(pre, "ip daddr 198.51.100.22 drop"), []string{"will drop 198.51.100.22 (ports 21, 10000-20000)"}},
		{"a VIP, another port", chain(pre, "ip daddr 198.51.100.22 tcp dport 80 drop"), nil},
		{"a VIP, another protocol", chain(pre, "ip daddr 198.51.100.22 udp dport 21 drop"), nil},
		{"any protocol of a port", chain(pre, "th dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"a network", chain(pre, "ip daddr 198.51.100.0/27 tcp dport 21 drop"), []string{"will drop 198.51.100.21 and another VIP (ports 21)"}},
		{"a network by octets", chain(pre, "ip daddr 198.51.100.0/24 udp dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"another network", chain(pre, "ip daddr 198.51.101.0/24 drop"), nil},
		{"all but a network", chain(pre, "ip daddr != 198.51.100.0/26 drop"), []string{"will drop 198.51.100.80 (ports 80, 443)", "may drop replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000, udp/53); active data from 10.0.0.11 (ports 20) [ip daddr !=]"}},
		{"a range of addresses", chain(pre, "ip daddr 198.51.100.60-198.51.100.90 tcp dport 443 drop"), []string{"will drop 198.51.100.80 (ports 443)"}},
		{"a range of ports", chain(pre, "tcp dport 400-11000 drop"), []string{"will drop 198.51.100.21 and 2 other VIPs (ports 443, 10000-11000)"}},
		{"all but a range of ports", chain(pre, "tcp dport != 22-30000 drop"), []string{"will drop 198.51.100.21 and another VIP (ports 21)", "may drop replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000); active data from 10.0.0.11 (ports 20) [destination port !=]"}},
		{"ports below", chain(pre, "tcp dport < 80 drop"), []string{"will drop 198.51.100.21 and another VIP (ports 21)"}},
		{"ports from", chain(pre, "tcp dport >= 20000 drop"), []string{"will drop 198.51.100.21 and another VIP (ports 20000)"}},
		{"protocol of the header", chain(pre, "ip protocol icmp drop"), nil},
		{"another family", "table ip6 t { chain c { type filter hook prerouting priority 0; ip6 daddr 2001:db8::21 drop; }; }", []string{"will drop 2001:db8::21 (ports 21, 10000-20000)"}},
		{"a network of IPv6", "table ip6 t { chain c { type filter hook prerouting priority 0; ip6 daddr 2001:db8::/63 tcp dport 21 drop; ip6 daddr 2001:db9::/32 drop; }; }", []string{"will drop 2001:db8::21 (ports 21)"}},
		{"both families", "table inet t { chain c { type filter hook input priority 0; tcp dport 21 drop; }; }", []string{"will drop 198.51.100.21 and another VIP (ports 21); packets to 2001:db8::21 (ports 21)"}},
		{"one of both families", "table inet t { chain c { type filter hook input priority 0; meta nfproto ipv6 tcp dport 21 drop; }; }", []string{"will drop 2001:db8::21 (ports 21)"}},
		{"local addresses", chain(pre, "fib daddr type local udp dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"addresses of other hosts", chain(pre, "fib daddr type != local drop"), []string{"will drop replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000, udp/53); active data from 10.0.0.11 (ports 20)"}},

		// Marks that are set ahead of a match of the same rule.
		{"a mark of packets that do not match", chain(early, "meta mark set 7 udp dport 9 accept; meta mark 0 drop; meta mark 7 ip daddr 198.51.100.80 tcp dport 80 drop"), []string{"will drop 198.51.100.80 (ports 80)"}},

		// Sets and maps.
		{"a set without a VIP", "table ip t { set s { type ipv4_addr; elements = { 192.0.2.1 }; }; chain c { type filter hook " + pre + "; ip daddr @s drop; }; }", nil},
		{"a set with a VIP", "table ip t { set s { type ipv4_addr; elements = { 192.0.2.1, 198.51.100.80 }; }; chain c { type filter hook " + pre + "; ip daddr @s drop; }; }", []string{"will drop 198.51.100.80 (ports 80, 443)"}},
		{"all but a set", "table ip t { set s { type ipv4_addr; elements = { 198.51.100.21, 198.51.100.22, 198.51.100.53 }; }; chain c { type filter hook " + pre + "; ip daddr != @s drop; }; }", []string{"will drop 198.51.100.80 (ports 80, 443)", "may drop replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000, udp/53); active data from 10.0.0.11 (ports 20) [ip daddr !=]"}},
		{"a set of networks", "table ip t { set s { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.64/26 }; }; chain c { type filter hook " + pre + "; ip daddr @s drop; }; }", []string{"will drop 198.51.100.80 (ports 80, 443)"}},
		{"ports in braces", chain(in, "tcp dport { 21, 25, 1000-10100 } drop"), []string{"will drop 198.51.100.21 and another VIP (ports 21, 10000-10100)"}},
		{"a set of sources is not read", "table ip t { set s { type ipv4_addr; elements = { 192.0.2.1 }; }; chain c { type filter hook " + pre + "; udp dport 53 ip saddr @s drop; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"a dynamic set", "table ip t { set s { type ipv4_addr; flags dynamic; }; chain c { type filter hook " + pre + "; udp dport 53 ip daddr @s drop; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [ip daddr]"}},
		{"a concatenation", "table ip t { set s { type ipv4_addr . inet_proto . inet_service; elements = { 198.51.100.80 . tcp . 21, 198.51.100.80 . udp . 80, 198.51.100.80 . tcp . 443 }; }; chain c { type filter hook " + pre + "; ip daddr . meta l4proto . th dport @s drop; }; }", []string{"will drop 198.51.100.80 (ports 443)"}},
		{"a concatenation of ranges", "table ip t { set s { type ipv4_addr . inet_service; flags interval; elements = { 198.51.100.0/27 . 15000-30000, 10.0.0.0/8 . 1-65535 }; }; chain c { type filter hook " + pre + "; ip daddr . tcp dport @s drop; }; }", []string{"will drop 198.51.100.21 and another VIP (ports 15000-20000)"}},
		{"a concatenation with a source", "table ip t { set s { type ipv4_addr . ipv4_addr; elements = { 192.0.2.1 . 198.51.100.53, 192.0.2.1 . 192.0.2.2 }; }; chain c { type filter hook " + pre + "; ip saddr . ip daddr @s drop; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"a verdict map", "table ip t { chain d { drop; }; chain c { type filter hook " + in + "; ip daddr vmap { 198.51.100.53 : goto d, 192.0.2.1 : drop, 198.51.100.80 : accept }; tcp dport 80 drop; }; }", []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"a verdict map of ports", chain(in, "tcp dport vmap { 80 : accept, 1-79 : drop, 81-1023 : drop }"), []string{"will drop 198.51.100.21 and 2 other VIPs (ports 21, 443)"}},
		{"a verdict map with continue", chain(in, "th dport vmap { 53 : continue, 80 : accept } drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"destinations from a map", "table ip t { chain c { type nat hook prerouting priority dstnat; dnat to tcp dport map { 8080 : 10.0.0.1, 443 : 10.0.0.2 }; }; }", []string{"will change the destination of 198.51.100.80 (ports 443)"}},
		{"catch-all of a verdict map", "table ip t { map m { type ipv4_addr : verdict; elements = { 198.51.100.53 : accept, * : drop }; }; chain c { type filter hook " + in + "; udp dport 53 ip daddr vmap @m; tcp dport 443 ip daddr vmap @m; }; }", []string{"will drop 198.51.100.80 (ports 443)"}},

		// Conditions.
		{"a device", chain(in, `iifname "eth0" udp dport 53 drop`), []string{"may drop 198.51.100.53 (ports udp/53) [iifname]"}},
		// The type of packets.
		{"another type", chain(pre, "udp dport 53 meta pkttype set other"), []string{"will set the packet type of 198.51.100.53 (ports udp/53)"}},
		{"another type, of a device", chain(pre, `iifname "eth0" udp dport 53 meta pkttype set other`), []string{"may set the packet type of 198.51.100.53 (ports udp/53) [iifname]"}},
		{"the type of IPVS", chain(pre, "udp dport 53 meta pkttype set host"), nil},
		{"another type, set back", chain(pre, "udp dport 53 meta pkttype set other; meta pkttype set host"), []string{"may set the packet type of 198.51.100.53 (ports udp/53) [later rules that set the packet type]"}},
		{"another type, set back by a chain of the same priority", chain(pre, "udp dport 53 meta pkttype set other") + chain2("s", pre, "udp dport 53 meta pkttype set host"), []string{"may set the packet type of 198.51.100.53 (ports udp/53) [later rules that set the packet type]"}},
		{"another type, perhaps set back by a chain of the same priority", chain(pre, "udp dport 53 meta pkttype set host") + chain2("s", pre, "udp dport 53 meta pkttype set other"), []string{"may set the packet type of 198.51.100.53 (ports udp/53) [later rules that set the packet type]"}},
		{"a type that cannot be set", chain(pre, "udp dport 53 meta pkttype set 5"), nil},
		{"packets to the host", chain(in, "udp dport 53 meta pkttype host drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"packets to other hosts", chain(in, "udp dport 53 meta pkttype != host drop"), nil},
		{"packets of a set type", chain(pre, "udp dport 53 meta pkttype set broadcast; udp dport 53 meta pkttype broadcast drop"), []string{"will set the packet type of 198.51.100.53 (ports udp/53)", "may drop 198.51.100.53 (ports udp/53) [meta pkttype]"}},
		{"a limit", chain(in, "udp dport 53 limit rate over 5/second drop"), []string{"may drop 198.51.100.53 (ports udp/53) [limit]"}},
		{"a device before a jump", "table ip t { chain d { udp dport 53 drop; }; chain c { type filter hook " + in + `; iifname "eth0" jump d; }; }`, []string{"may drop 198.51.100.53 (ports udp/53) [iifname]"}},
		{"a state of later packets", chain(in, "ct state established,related accept; ct state invalid drop"), []string{"may drop 198.51.100.21 and 3 other VIPs (ports 21, 80, 443, 10000-20000, udp/53) [ct state]"}},
		{"a verdict map of states", chain(in, "udp dport 53 ct state vmap { established : accept, invalid : drop }"), []string{"may drop 198.51.100.53 (ports udp/53) [ct state]"}},
		{"a random number", chain(in, "udp dport 53 numgen random mod 2 vmap { 0 : accept, 1 : drop }"), []string{"may drop 198.51.100.53 (ports udp/53) [numgen]"}},

		// Rules before it.
		{"accepted before", chain(in, "tcp dport { 21, 80, 443, 10000-20000 } accept; udp dport 53 ct state new accept; drop"), nil},
		{"accepted by mark", chain(in, "meta mark { 21, 53, 80 } accept; drop"), nil},
		{"accepted by bits of the mark", chain(in, "meta mark & 0xff != 0 accept; drop"), nil},
		{"accepted in part", chain(in, "meta mark { 21, 53 } accept; tcp dport 80 accept; drop"), []string{"will drop 198.51.100.80 (ports 443)"}},
		{"accepted from a device", chain(in, `iifname "eth0" accept; udp dport != 53 drop; tcp dport 0-65535 accept; drop`), []string{"may drop 198.51.100.53 (ports udp/53) [iifname]"}},
		{"accepted from the loopback device", chain(in, `iifname "lo" accept; iif 1 accept; udp dport 53 drop`), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"from the loopback device", chain(in, `iifname "lo" udp dport 53 drop`), nil},
		{"not from the loopback device", chain(in, `iifname != "lo" udp dport 53 drop`), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"from devices with the same first letters", chain(in, `iifname "lo*" udp dport 53 drop`), []string{"may drop 198.51.100.53 (ports udp/53) [iifname]"}},
		{"accepted from a source", chain(in, "ip saddr 203.0.113.0/24 accept; limit rate 5/second accept; udp dport 53 drop"), []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr limit]"}},
		{"other ports accepted from a source", chain(in, "tcp dport 21 ip saddr 203.0.113.0/24 accept; udp dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"accepted by the state of later packets", chain(in, "ct state established accept; ct status dnat accept; udp dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"accepted in a chain", "table ip t { chain d { udp dport 53 ip saddr 203.0.113.1 accept; }; chain c { type filter hook " + in + "; jump d; udp dport 53 drop; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"accepted in a chain for a device", "table ip t { chain d { udp dport 53 accept; }; chain c { type filter hook " + in + `; iifname "eth0" jump d; udp dport 53 drop; }; }`, []string{"may drop 198.51.100.53 (ports udp/53) [iifname]"}},
		{"returned before a drop", "table ip t { chain d { ip saddr 203.0.113.1 return; udp dport 53 drop; }; chain c { type filter hook " + in + "; jump d; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"returned to a drop", "table ip t { chain d { ip saddr 203.0.113.1 return; }; chain c { type filter hook " + in + "; jump d; udp dport 53 drop; }; }", []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"returned to a drop, others accepted", "table ip t { chain d { ip saddr 203.0.113.1 return; udp dport 53 accept; }; chain c { type filter hook " + in + "; jump d; udp dport 53 drop; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"returned to a policy, others accepted", chain(in+"; policy drop", "tcp dport 0-65535 accept; ip saddr 203.0.113.1 return; accept"), []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"a goto whose chain returns nothing", "table ip t { chain d { accept; }; chain c { type filter hook " + in + "; policy drop; ip saddr 203.0.113.1 goto d; accept; }; }", nil},
		{"a goto to a policy, others accepted", "table ip t { chain d { tcp dport 0-65535 accept; }; chain c { type filter hook " + in + "; policy drop; ip saddr 203.0.113.1 goto d; accept; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"a mark before a mark test", chain(early, "meta mark set 5; meta mark 5 accept; udp dport 53 drop"), nil},
		{"a mark for a source before a mark test", chain(early, "ip saddr 203.0.113.1 meta mark set 5; meta mark 0 udp dport 53 drop"), []string{"may drop 198.51.100.53 (ports udp/53) [meta mark]"}},
		{"a connection mark before its test", chain(early, "ct mark set 5") + chain2("t2", in, "ct mark 0 udp dport 53 drop"), []string{"may drop 198.51.100.53 (ports udp/53) [ct mark]"}},
		{"a SYN accepted", chain(in, "tcp flags & (fin|syn|rst|ack) == syn accept; tcp dport 80 drop"), []string{"will drop 198.51.100.80 (ports 80) after the first of a connection"}},
		{"a SYN without other bits", chain(in, "tcp flags == syn tcp dport 80 drop"), []string{"may drop 198.51.100.80 (ports 80) [tcp flags]"}},
		{"a drop before a drop", chain(in, "ip saddr 203.0.113.1 drop; udp dport 53 drop"), []string{"may drop 198.51.100.21 and 3 other VIPs (ports 21, 80, 443, 10000-20000, udp/53) [ip saddr]", "will drop 198.51.100.53 (ports udp/53)"}},
		{"an accept, a drop for a source, a drop", chain(in, "limit rate 5/second accept; ip saddr 203.0.113.1 udp dport 53 drop; udp dport 53 drop"), []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr limit]", "may drop 198.51.100.53 (ports udp/53) [limit]"}},
		{"a policy after an accept", chain(in+"; policy drop", "ip saddr 203.0.113.1 accept; tcp dport 0-65535 accept"), []string{"may drop 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"a policy", "table ip t { chain c { type filter hook " + in + "; policy drop; udp dport 53 accept; tcp dport != 443 accept; }; }", []string{"will drop 198.51.100.80 (ports 443)"}},
		{"a policy that no packet reaches", "table ip t { chain c { type filter hook " + in + "; policy drop; meta mark != 0 accept; }; }", nil},
		{"returned", "table ip t { chain d { udp dport 53 return; drop; }; chain c { type filter hook " + in + "; tcp dport 0-65535 accept; jump d; }; }", nil},
		{"return from a jump", "table ip t { chain d { tcp dport 0-65535 accept; }; chain c { type filter hook " + in + "; jump d; drop; }; }", []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"no return from a goto", "table ip t { chain d { tcp dport 0-65535 accept; }; chain c { type filter hook " + in + "; goto d; drop; }; }", nil},

		// Effects.
		{"a mark", chain(pre, "ip daddr 198.51.100.80 meta mark set 7"), []string{"will set the mark of 198.51.100.80 (ports 80, 443)"}},
		{"the same mark", chain(pre, "ip daddr 198.51.100.80 meta mark set 80"), nil},
		{"a mark set back", chain(pre, "udp dport 53 meta mark set 7; udp dport 53 meta mark set 53"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]"}},
		{"a mark set back by another chain", chain(pre, "udp dport 53 meta mark set 7") + chain2("t2", in, "udp dport 53 meta mark set 53"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]"}},
		{"a mark set back by a chain of the same priority", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", pre, "udp dport 53 meta mark set 53"), []string{mayBeBack}},
		{"a mark set back by a chain of a later priority", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", "prerouting priority 0", "meta mark 7 meta mark set 53"), []string{mayBeBack}},
		{"a mark set back by a chain of a later hook", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "meta mark 7 meta mark set 53"), []string{mayBeBack}},
		{"a mark set back by its bits", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", pre, "meta mark & 0xff == 7 meta mark set 53"), []string{mayBeBack}},
		{"a mark set back by a chain that others jump to", chain(pre, "udp dport 53 meta mark set 7") + "\ntable ip s { chain d { meta mark 7 meta mark set 53; }; chain c { type filter hook input priority 0; iifname \"eth0\" goto d; }; }", []string{mayBeBack}},
		{"a mark set back by the third chain", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", "prerouting priority 0", "meta mark 7 meta mark set 8") + chain2("r", in, "meta mark 8 meta mark set 53"), []string{mayBeBack}},
		{"a mark set back by a map of another chain", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "meta mark set meta mark map { 7 : 53 }"), []string{mayBeBack}},
		{"the mark of another port set back by another chain", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "tcp dport 80 meta mark 7 meta mark set 80"), []string{wrong}},
		{"a mark matched by another chain that sets none", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "meta mark 7 counter"), []string{wrong}},
		{"a mark that another chain sets back too early", chain(in, "udp dport 53 meta mark set 7") + chain2("s", pre, "meta mark 7 meta mark set 53"), []string{wrong}},
		{"a mark set back where packets no longer come", chain(pre, "udp dport 53 meta mark set 7; udp dport 53 drop") + chain2("s", in, "meta mark 7 meta mark set 53"), []string{wrong, "will drop 198.51.100.53 (ports udp/53)"}},
		{"a mark computed back by another chain", chain(pre, "udp dport 53 meta mark set 0x37") + chain2("s", in, "udp dport 53 meta mark set meta mark ^ 2"), []string{byMark, mayBeBack}},
		{"a mark computed back by another chain, in two steps", chain(pre, "udp dport 53 meta mark set meta mark ^ 1") + chain2("s", "prerouting priority 0", "udp dport 53 meta mark set meta mark ^ 2") + chain2("r", in, "udp dport 53 meta mark set meta mark ^ 3"), []string{byMark, byMark, mayBeBack}},
		{"a mark computed to another one by another chain", chain(pre, "udp dport 53 meta mark set 0x36") + chain2("s", in, "udp dport 53 meta mark set meta mark ^ 2"), []string{byMark, wrong}},
		{"a mark saved before it is changed", chain(pre, "ct mark set meta mark; udp dport 53 meta mark set 7") + chain2("s", in, "udp dport 53 meta mark set ct mark"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [ct mark]", mayBeBack}},
		{"a mark computed back, for packets of a device", chain(pre, "udp dport 53 meta mark set 7; udp dport 53 iifname \"eth0\" meta mark set 0x37; udp dport 53 meta mark set meta mark ^ 2"), []string{mayBeBack, "may set the mark of 198.51.100.53 (ports udp/53) [iifname]", byMark}},
		{"a mark computed, perhaps from that of an earlier rule", chain(pre, "udp dport 53 iifname \"eth0\" meta mark set 0x37; udp dport 53 meta mark set meta mark ^ 2"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [iifname]", byMark}},
		{"a mark computed, perhaps from that of a chain of the same priority", chain(pre, "udp dport 53 meta mark set meta mark ^ 3") + chain2("u", pre, "udp dport 53 iifname \"eth0\" meta mark set 0x36"), []string{byMark, "may set the mark of 198.51.100.53 (ports udp/53) [iifname]"}},
		{"a mark computed twice, perhaps from that of an earlier chain", chain(in, "udp dport 53 meta mark set meta mark ^ 1; udp dport 53 meta mark set meta mark ^ 5") + chain2("u", pre, "udp dport 53 iifname \"eth0\" meta mark set 0x31"), []string{byMark, byMark, "may set the mark of 198.51.100.53 (ports udp/53) [iifname]"}},
		{"the connection's mark, perhaps saved by a chain of the same priority", chain(pre, "udp dport 53 meta mark set ct mark") + chain2("u", pre, "udp dport 53 iifname \"eth0\" ct mark set meta mark"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [ct mark]"}},
		{"a mark that an earlier chain has changed, matched", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "meta mark 53 drop"), []string{"may drop 198.51.100.53 (ports udp/53) [meta mark]", wrong}},
		{"a mark that an earlier chain has changed, matched ahead of a jump", chain(pre, "udp dport 53 meta mark set 7") + "\ntable ip s { chain d { drop; }; chain c { type filter hook input priority 0; meta mark 53 jump d; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [meta mark]", wrong}},
		{"a mark that an earlier rule may have changed, in a map of chains", "table ip s { chain e { drop; }; chain d { goto e; }; chain c { type filter hook input priority 0; udp dport 53 iifname \"eth0\" meta mark set 7; meta mark vmap { 53 : goto d }; }; }", []string{"may set the mark of 198.51.100.53 (ports udp/53) [iifname]", "may drop 198.51.100.53 (ports udp/53) [meta mark]"}},
		{"a mark that an earlier rule may have changed, in a chain that accepts", "table ip s { chain d { accept; }; chain c { type filter hook input priority 0; udp dport 53 iifname \"eth0\" meta mark set 7; meta mark 53 jump d; udp dport 53 drop; }; }", []string{"may set the mark of 198.51.100.53 (ports udp/53) [iifname]"}},
		{"another mark that an earlier rule may have changed, matched ahead of a jump", "table ip s { chain d { drop; }; chain c { type filter hook input priority 0; tcp dport 443 iifname \"eth0\" meta mark set 7; meta mark { 53, 80 } jump d; }; }", []string{"may set the mark of 198.51.100.80 (ports 443) [iifname]", "will drop 198.51.100.53 and another VIP (ports 80, udp/53)"}},
		{"a mark that an earlier chain has changed, accepted", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "meta mark 7 accept; udp dport 53 drop"), []string{"may drop 198.51.100.53 (ports udp/53) [meta mark]", wrong}},
		{"a mark that an earlier rule may have changed, in a map of verdicts", chain(pre, "udp dport 53 iifname \"eth0\" meta mark set 7; meta mark vmap { 7 : return }; udp dport 53 drop"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [iifname]", "may drop 198.51.100.53 (ports udp/53) [meta mark]"}},
		{"a mark that an earlier chain has changed, accepted for another port", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "tcp dport 80 meta mark 7 accept; udp dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)", wrong}},
		{"a mark that an earlier chain has changed, counted", chain(pre, "udp dport 53 meta mark set 7") + chain2("s", in, "meta mark 7 counter; udp dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)", wrong}},
		{"a mark of another port changed by an earlier chain, matched", chain(pre, "tcp dport 443 meta mark set 7") + chain2("s", in, "meta mark 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)", "will set the mark of 198.51.100.80 (ports 443)"}},
		{"a mark computed back", chain(pre, "udp dport 53 meta mark set meta mark & 0; udp dport 53 meta mark set meta mark | 0x35"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]"}},
		{"a mark computed back in two steps", chain(pre, "udp dport 53 meta mark set 7; udp dport 53 meta mark set meta mark & 0x5; udp dport 53 meta mark set meta mark ^ 0x30"), []string{
			"may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]", "may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]",
		}},
		{"a mark computed to another one", chain(pre, "udp dport 53 meta mark set 7; udp dport 53 meta mark set meta mark | 0x35"), []string{"will set the mark of 198.51.100.53 (ports udp/53)", "will set the mark of 198.51.100.53 (ports udp/53)"}},
		{"an unknown mark computed, perhaps back", chain(pre, "udp dport 53 meta mark set ct zone; udp dport 53 meta mark set meta mark | 0x35"), []string{
			"may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]", "may set the mark of 198.51.100.53 (ports udp/53) [meta mark]",
		}},
		{"an unknown mark computed, never back", chain(pre, "udp dport 53 meta mark set ct zone; udp dport 53 meta mark set meta mark | 0x4000"), []string{
			"will set the mark of 198.51.100.53 (ports udp/53)", "will set the mark of 198.51.100.53 (ports udp/53)",
		}},
		{"a mark set back by a map of marks", chain(pre, "udp dport 53 meta mark set 7; udp dport 53 meta mark set meta mark map { 7 : 53 }"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [later rules that set the mark]"}},
		{"the mark of another port set back", chain(pre, "udp dport 53 meta mark set 7; tcp dport 80 meta mark set 80"), []string{"will set the mark of 198.51.100.53 (ports udp/53)"}},
		{"the same marks, by a map", chain(pre, "meta mark set ip daddr map { 198.51.100.21 : 21, 198.51.100.53 : 53, 192.0.2.1 : 7 }"), nil},
		{"another mark, by a map", chain(pre, "meta mark set ip daddr map { 198.51.100.21 : 22, 198.51.100.53 : 53, 192.0.2.1 : 7 }"), []string{"will set the mark of 198.51.100.21 (ports 21, 10000-20000)"}},
		{"a bit of the mark", chain(pre, "udp dport 53 meta mark set meta mark | 0x4000"), []string{"will set the mark of 198.51.100.53 (ports udp/53)"}},
		{"a bit already set", chain(pre, "udp dport 53 meta mark set meta mark | 0x11"), nil},
		{"a mark if another mark is set", chain(pre, "meta mark & 0xf000 == 0x1000 meta mark set 7"), nil},
		{"the connection's mark", chain(pre, "udp dport 53 meta mark set ct mark"), []string{"will set the mark of 198.51.100.53 (ports udp/53)"}},
		{"the connection's mark, if any", chain(pre, "udp dport 53 ct mark != 0 meta mark set ct mark"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [ct mark]"}},
		{"the connection's mark, after a rule that sets it", chain(pre, "udp dport 53 ct mark set meta mark; udp dport 53 meta mark set ct mark"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [ct mark]"}},
		{"the connection's mark, perhaps without a connection", chain(early, "ip saddr 203.0.113.1 notrack") + chain2("t2", pre, "udp dport 53 meta mark set ct mark"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [ct mark]"}},
		{"a property of no connection", chain(early, "ip saddr 203.0.113.1 notrack") + chain2("t2", pre, "udp dport 53 meta mark set ct zone"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [ct zone]"}},
		{"a property of the connection", chain(pre, "udp dport 53 meta mark set ct zone"), []string{"will set the mark of 198.51.100.53 (ports udp/53)"}},
		{"bytes that packets may lack", chain(pre, "udp dport 53 meta mark set @th,800,32"), []string{"may set the mark of 198.51.100.53 (ports udp/53) [@th,800,32]"}},
		{"bytes behind the transport header", chain(pre, "udp dport 53 @ih,0,32 5 drop"), []string{"may drop 198.51.100.53 (ports udp/53) [@ih,0,32]"}},
		{"bytes that all packets have", chain(pre, "udp dport 53 meta mark set @nh,32,32"), []string{"will set the mark of 198.51.100.53 (ports udp/53)"}},
		{"the time to live, written with the protocol", chain(pre, "ip ttl set 64; ip dscp set cs1"), nil},
		{"the protocol", chain(pre, "udp dport 53 ip protocol set 6"), []string{"will change the destination of 198.51.100.53 (ports udp/53)"}},
		{"the mark saved in the connection", chain(pre, "ct mark set meta mark"), nil},
		{"a mark before lvsmark's", chain(early, "meta mark set 7"), nil},
		{"a mark at lvsmark's priority", chain("prerouting priority mangle", "udp dport 53 meta mark set 7"), []string{"will set the mark of 198.51.100.53 (ports udp/53)"}},
		{"a mark after IPVS", chain("input priority 100", "meta mark set 7"), nil},
		{"a mark in another hook", chain("forward priority 0", "meta mark set 7") + "\ntable ip u { chain c { type filter hook output priority 0; drop; }; }", []string{"will drop packets that IPVS sends to 10.0.0.11 (ports 21, 80, 443, 10000-20000, udp/53)"}},
		{"dropped before", chain(early, "udp dport 53 drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"dropped without a mark", chain(early, "udp dport 53 meta mark 0 drop"), []string{"will drop 198.51.100.53 (ports udp/53)"}},
		{"dropped by a mark that is not set yet", chain(early, "meta mark 53 drop"), nil},
		{"another destination", "table ip t { chain c { type nat hook prerouting priority dstnat; udp dport 53 dnat to 10.0.0.1:5353; }; }", []string{"will change the destination of 198.51.100.53 (ports udp/53)"}},
		{"the destination of one VIP", "table ip t { chain c { type nat hook prerouting priority dstnat; ip daddr 198.51.100.0/24 meta l4proto tcp dnat to 198.51.100.21; }; }", []string{"will change the destination of 198.51.100.22 and another VIP (ports 21, 80, 443, 10000-20000)"}},
		{"the destination of a VIP, another port", "table ip t { chain c { type nat hook prerouting priority dstnat; ip daddr 198.51.100.0/24 meta l4proto tcp dnat to 198.51.100.80:80; }; }", []string{"will change the destination of 198.51.100.21 and 2 other VIPs (ports 21, 443, 10000-20000)"}},
		{"the same destination and port", "table ip t { chain c { type nat hook prerouting priority dstnat; ip daddr 198.51.100.80 tcp dport 80 dnat to 198.51.100.80:80; tcp dport 80 redirect to :8080; }; }", nil},
		{"the same port", "table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 dnat to :80; }; }", nil},
		{"the same destination, a random port", "table ip t { chain c { type nat hook prerouting priority dstnat; ip daddr 198.51.100.80 tcp dport 80 dnat to 198.51.100.80:80-90 random; }; }", []string{"will change the destination of 198.51.100.80 (ports 80)"}},
		{"a range with the destination", "table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 dnat to 198.51.100.80-198.51.100.81; }; }", []string{"may change the destination of 198.51.100.80 (ports 80) [the address that the kernel chooses]"}},
		{"a range with one of the destinations", "table ip t { chain c { type nat hook prerouting priority dstnat; ip daddr 198.51.100.0/24 meta l4proto tcp dnat to 198.51.100.22-198.51.100.23; }; }", []string{"will change the destination of 198.51.100.21 and another VIP (ports 21, 80, 443, 10000-20000)"}},
		{"a range without the destination", "table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 dnat to 198.51.100.81-198.51.100.82; }; }", []string{"will change the destination of 198.51.100.80 (ports 80)"}},
		{"a network onto itself", "table ip t { chain c { type nat hook prerouting priority dstnat; ip daddr 198.51.100.0/24 udp dport 53 dnat prefix to ip daddr map { 198.51.100.0/24 : 198.51.100.0/24 }; }; }", []string{"may change the destination of 198.51.100.53 (ports udp/53) [map @__map0]"}},
		{"the destinations of a map", "table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 dnat to ip daddr map { 198.51.100.80 : 198.51.100.80, 198.51.100.21 : 198.51.100.22 }; }; }", nil},
		{"other destinations of a map", "table ip t { chain c { type nat hook prerouting priority dstnat; meta l4proto tcp dnat to ip daddr map { 198.51.100.80 : 198.51.100.80, 198.51.100.21 : 198.51.100.22 }; }; }", []string{"will change the destination of 198.51.100.21 (ports 21, 10000-20000)"}},
		{"the device, the same port", "table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 80 redirect; }; }", []string{"may change the destination of 198.51.100.80 (ports 80) [the address of the device]"}},
		{"another port", "table ip t { chain c { type nat hook prerouting priority -160; udp dport 53 redirect to :5353; }; }", []string{"will change the destination of 198.51.100.53 (ports udp/53)"}},
		{"another source, after IPVS", "table ip t { chain c { type nat hook input priority -10; snat to 192.0.2.1; }; }", nil},
		{"the header rewritten", chain(pre, "ip dscp set 1; udp dport 53 ip daddr set 10.0.0.1"), []string{"will change the destination of 198.51.100.53 (ports udp/53)"}},
		{"the address written, the same", chain(pre, "ip daddr 198.51.100.53 ip daddr set 198.51.100.53"), nil},
		{"the address written for several VIPs", chain(pre, "ip daddr 198.51.100.0/24 meta l4proto tcp ip daddr set 198.51.100.80"), []string{"will change the destination of 198.51.100.21 and another VIP (ports 21, 10000-20000)"}},
		{"the address written from a map", chain(pre, "tcp dport 80 ip daddr set ip daddr map { 198.51.100.80 : 198.51.100.80 }"), nil},
		{"the port written, the same", chain(pre, "tcp dport 80 tcp dport set 80"), nil},
		{"the port written", chain(pre, "tcp dport { 80, 443 } tcp dport set 80"), []string{"will change the destination of 198.51.100.80 (ports 443)"}},
		{"the port written back", chain(pre, "th dport set th dport"), nil},
		{"the source written over the destination", chain(pre, "udp dport 53 ip daddr set ip saddr"), []string{"may change the destination of 198.51.100.53 (ports udp/53) [ip saddr]"}},
		{"the last byte of the address", chain(pre, "udp dport 53 @nh,152,8 set 53"), nil},
		{"another last byte of the address", chain(pre, "udp dport 53 @nh,152,8 set 54"), []string{"will change the destination of 198.51.100.53 (ports udp/53)"}},
		{"a proxy", chain(pre, "udp dport 53 tproxy to :5353"), []string{"may proxy 198.51.100.53 (ports udp/53) [the socket of the proxy]"}},
		{"a proxy of connections", chain(in, "synproxy mss 1460 wscale 7"), []string{"will proxy 198.51.100.21 and 2 other VIPs (ports 21, 80, 443, 10000-20000)"}},
		{"a proxy of connections by name", "table ip t { synproxy s { mss 1460; wscale 7; }\nchain c { type filter hook " + in + "; tcp dport 80 synproxy name s; drop; }; }", []string{"will proxy 198.51.100.80 (ports 80)", "will drop 198.51.100.21 and 3 other VIPs (ports 21, 443, 10000-20000, udp/53)"}},
		{"a proxy of connections by a map", "table ip t { synproxy s { mss 1460; wscale 7; }\nchain c { type filter hook " + in + "; synproxy name ip daddr map { 198.51.100.80 : s, 198.51.100.53 : s }; }; }", []string{"may proxy 198.51.100.21 and 2 other VIPs (ports 21, 80, 443, 10000-20000) [an object]"}},
		{"a counter by a map", "table ip t { counter s { }\nchain c { type filter hook " + in + "; counter name tcp dport map { 80 : s }; }; }", nil},
		{"a limit by a map", "table ip t { limit s { rate 5/second; }\nchain c { type filter hook " + in + "; limit name tcp dport map { 80 : s } drop; }; }", []string{"may drop 198.51.100.21 and 2 other VIPs (ports 21, 80, 443, 10000-20000) [an object]"}},
		{"a copy", chain(pre, "udp dport 53 counter log notrack dup to 10.0.0.1"), nil},
		{"a device's ingress", "table netdev t { chain c { type filter hook ingress device lo priority 0; ip daddr 198.51.100.53 drop; ip6 daddr 2001:db8::99 drop; }; }", []string{"may drop 198.51.100.53 (ports udp/53) [device lo]"}},
		{"ingress of both families", "table inet t { chain c { type filter hook ingress device lo priority 0; tcp dport 443 drop; }; }", []string{"may drop 198.51.100.80 (ports 443) [device lo]"}},
		{"a device's egress", "table netdev t { chain c { type filter hook egress device lo priority 0; tcp dport 80 drop; }; }", []string{"may drop packets that IPVS sends to 10.0.0.11 (ports 80) [device lo]"}},
		{"a dormant table", "table ip t { flags dormant; chain c { type filter hook " + in + "; drop; }; }", nil},
		{"a table of lvsmark", `table ip t { comment "lvsmark: mine"; chain c { type filter hook ` + in + "; drop; }; }", nil},
		{"a table of another family", "table arp t { chain c { type filter hook input priority 0; drop; }; }", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inScratch(t, func() {
				run(t, c.script, "-f", "-")
				assert.Equal(t, c.want, found(t))
			})
		})
	}
}

// packets leaves out the words of packets to VIPs.
func packets(n *firewall.Finding) string { return strings.TrimPrefix(n.Packets(), "packets to ") }

func found(t *testing.T) []string {
	t.Helper()
	return short(findings(t, parse(t, findingSpec)))
}

// short describes findings in short form, without their rules.
func short(findings []*firewall.Finding) []string {
	var list []string
	for _, n := range findings {
		if len(n.Conditions) == 0 {
			list = append(list, fmt.Sprintf("will %s %s", n.Effect, packets(n)))
		} else {
			list = append(list, fmt.Sprintf("may %s %s %v", n.Effect, packets(n), n.Conditions))
		}
	}
	return list
}

// TestFindingsOfIptables looks for findings in rules of iptables-nft with extensions.
func TestFindingsOfIptables(t *testing.T) {
	const dns, ftp = "198.51.100.53 (ports udp/53)", "198.51.100.21 and another VIP (ports 21)"
	for rules, want := range map[string][]string{
		"nat: -A PREROUTING -m addrtype --dst-type LOCAL -p udp --dport 53 -j DNAT --to-destination 10.0.0.1:53":      {"will change the destination of " + dns},
		"nat: -A PREROUTING -d 198.51.100.0/24 -p udp -j NETMAP --to 198.51.100.0/24":                                 nil,
		"nat: -A PREROUTING -d 198.51.100.0/24 -p udp -j NETMAP --to 198.51.100.48/28":                                nil,
		"nat: -A PREROUTING -d 198.51.100.0/24 -p udp -j NETMAP --to 198.51.100.32/28":                                {"will change the destination of " + dns},
		"nat: -A PREROUTING -d 198.51.100.0/24 -p udp -j DNAT --to-destination 198.51.100.53-198.51.100.54":           {"may change the destination of " + dns + " [the address that the kernel chooses]"},
		"nat: -A PREROUTING -m addrtype ! --dst-type LOCAL -p udp --dport 53 -j DNAT --to-destination 10.0.0.1:53":    nil,
		"nat: -A PREROUTING -m addrtype --dst-type BROADCAST -j REDIRECT":                                             nil,
		"nat: -A PREROUTING ! -i docker0 -p udp --dport 53 -j REDIRECT":                                               {"may change the destination of " + dns + " [iifname the address of the device]"},
		"nat: -A PREROUTING -p tcp -m multiport --dports 22:25,80 -j REDIRECT":                                        {"may change the destination of 198.51.100.80 (ports 80) [the address of the device]"},
		"nat: -A PREROUTING -p tcp -m multiport ! --dports 22:65535 -j REDIRECT":                                      {"may change the destination of " + ftp + " [the address of the device]", "may change the destination of replies of 10.0.0.11 (ports 21, 80, 443, 10000-20000) after the first of a connection; active data from 10.0.0.11 (ports 20) [destination port !=]"},
		"nat: -A PREROUTING -p tcp -m multiport --sports 22 -m tcp --dport 21 -j REDIRECT":                            {"may change the destination of " + ftp + " [source port the address of the device]"},
		"mangle: -A PREROUTING -p udp --dport 53 -j MARK --set-mark 53":                                               nil,
		"mangle: -A PREROUTING -p udp --dport 53 -j MARK --set-mark 0x100/0x100":                                      {"will set the mark of " + dns},
		"mangle: -A INPUT -p udp --dport 53 -j MARK --set-mark 0x1/0x1":                                               nil,
		"mangle: -A INPUT -p udp --dport 53 -j CONNMARK --restore-mark":                                               {"will set the mark of " + dns},
		"mangle: -A INPUT -p udp --dport 53 -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000":           {"may set the mark of " + dns + " [ct mark]"},
		"mangle: -A PREROUTING -j CONNMARK --save-mark":                                                               nil,
		"mangle: -A INPUT -m mark --mark 53 -p udp -j DROP":                                                           {"will drop " + dns},
		"mangle: -A INPUT -m mark ! --mark 0/0xff -m comment --comment x -j ACCEPT\n-A INPUT -j DROP":                 nil,
		"filter: -A INPUT -m conntrack --ctstate NEW -p udp --dport 53 -j REJECT":                                     {"will reject " + dns},
		"filter: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -p udp --dport 53 -j DROP":                       {"may drop " + dns + " [ct state]"},
		"filter: -A INPUT -m conntrack ! --ctstate NEW -p udp --dport 53 -j DROP":                                     {"may drop " + dns + " [ct state]"},
		"filter: -A INPUT -m state --state NEW -p udp --dport 53 -j NFQUEUE":                                          {"will queue " + dns},
		"filter: -A INPUT -p udp --dport 53 -m hashlimit --hashlimit-above 5/sec --hashlimit-name x -j DROP":          {"may drop " + dns + " [hashlimit]"},
		"filter: -A INPUT -p udp --dport 53 -j LOG\n-A INPUT -p udp --dport 53 -j NFLOG":                              nil,
		"filter: -P INPUT DROP\n-A INPUT -p tcp -j ACCEPT":                                                            {"will drop " + dns},
		"raw: -A PREROUTING -p udp --dport 53 -j CT --notrack\n-A PREROUTING -p udp --dport 53 -j TRACE":              nil,
		"filter: -A INPUT -m pkttype --pkt-type broadcast -j DROP":                                                    nil,
		"filter: -A INPUT -p udp -m pkttype ! --pkt-type multicast -j DROP":                                           {"will drop " + dns},
		"raw: -A PREROUTING -d 198.51.100.53 -j DROP":                                                                 {"will drop " + dns},
		"mangle: -A PREROUTING -p udp --dport 53 -j TPROXY --on-port 5353 --tproxy-mark 1":                            {"will proxy " + dns},
		"filter: -A INPUT -p tcp -m tcp --dport 21 --tcp-flags SYN,ACK,FIN,RST SYN -j REJECT --reject-with tcp-reset": {"will reject " + ftp},
	} {
		t.Run(rules, func(t *testing.T) {
			need.Programs(t, "iptables-nft-restore")
			inScratch(t, func() {
				table, rules, _ := strings.Cut(rules, ": ")
				rules = strings.ReplaceAll(rules, "-P INPUT DROP", ":INPUT DROP")
				restore(t, "iptables-nft-restore", "*"+table+"\n"+rules+"\nCOMMIT\n")
				assert.Equal(t, want, found(t))
			})
		})
	}
}

package hostcheck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
	"github.com/lvsmark/lvsmark/internal/sysctl"
)

const natSpec = `{clusters: [{name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}], director: {bind: false}}`

// TestWarnings has a director with the devices wan and lan.0 and a VIP, and changes of it.
func TestWarnings(t *testing.T) {
	const (
		vipGone    = "ip rule %s matches the mark of ftp: with the mark, VIP 198.51.100.21 is no local address, so IPVS does not get the packets; give the rule a higher priority number than that of the lookup of the table local, or the cluster another mark"
		otherRoute = "ip rule 32765 (fwmark 0x15 lookup 200) matches the mark of ftp: while net.ipv4.vs.conntrack is 1, packets to real server 10.0.0.11 take its route instead of that without the mark; set net.ipv4.vs.conntrack to 0, or the real servers first: `ip rule add to 10.0.0.11 lookup main priority N`, with N below 32765"
		filter     = "ip rule 32765 (fwmark 0x15 lookup 200) matches the mark of ftp: with src_valid_mark, rp_filter looks up the way back to clients by this rule, and may drop packets to the VIPs on %s; `sysctl -w %s`"
		noVIP      = "the director does not have the address %s (VIP of ftp), so IPVS does not get the packets; set vip-device, or give the director the address; if another director has it now, this is right"
		noRoute    = "there is no route to real server 10.0.0.11 of cluster ftp: no route to host; `ip route show table all match 10.0.0.11` lists the route that refuses it, or else a rule does: delete that one"
		unreach    = "ip route add unreachable default table 200; "
		onlyTable  = "ip address del 198.51.100.21/32 dev wan; ip route add local default dev lo table 200; ip rule add fwmark 21 lookup 200"
		toClients  = "ip route add default via 198.51.100.2; "
		ahead      = "ip rule 50 (%s) precedes the lookup of local addresses and takes packets to VIP 198.51.100.21 of ftp, so IPVS does not get them; `ip route get 198.51.100.21 from 240.0.0.1 iif wan ipproto %s` asks for such a packet: give the rule a higher priority number than that of the lookup of the table local, or exclude the VIPs"
		localLater = "ip rule add priority 100 lookup local; ip rule del priority 0; "
	)
	const noReply = "a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 240.0.0.1: no route to host; `ip route get 240.0.0.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches"
	passiveOnly := strings.Replace(natSpec, "ftp: ,", "ftp: {active-data: {translate: none}},", 1)
	firstPacket := strings.Replace(natSpec, "bind: false", "bind: false, marks: first-packet", 1)
	tracked := map[string]string{"net.ipv4.vs.conntrack": "1"}
	for _, c := range []struct {
		name, commands, yaml string
		values               map[string]string
		want                 []string
	}{
		{name: "nothing", want: nil},

		// Rules of policy routing.
		{name: "a rule after that of local addresses", commands: unreach + "ip rule add fwmark 21 lookup 200", want: nil},
		{name: "a rule for another mark", commands: unreach + localLater + "ip rule add priority 50 fwmark 22 lookup 200", want: nil},
		{name: "a rule before that of local addresses", commands: unreach + localLater + "ip rule add priority 50 fwmark 21 lookup 200", want: []string{strings.Replace(vipGone, "%s", "50 (fwmark 0x15 lookup 200)", 1)}},
		{name: "a rule for the mark of the second cluster", commands: unreach + localLater + "ip rule add priority 50 fwmark 21 lookup 200", yaml: strings.Replace(natSpec, "[{name: ftp,", "[{name: web, mark: 80, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.11}]}, {name: ftp,", 1), want: []string{strings.Replace(vipGone, "%s", "50 (fwmark 0x15 lookup 200)", 1)}},
		{name: "a rule for bits of the mark", commands: localLater + "ip rule add priority 50 fwmark 0x10/0x30 unreachable", want: []string{strings.Replace(vipGone, "%s", "50 (fwmark 0x10/0x30 unreachable)", 1)}},
		{name: "a rule for all but the mark", commands: unreach + localLater + "ip rule add priority 50 not fwmark 21 lookup 200", want: []string{noRoute}},
		{name: "a rule for all but another mark", commands: unreach + localLater + "ip rule add priority 50 not fwmark 51820 lookup 200", want: []string{fmt.Sprintf(noVIP, "198.51.100.21"), noRoute}},
		{name: "a table with the VIP", commands: localLater + "ip route add local 198.51.100.21 dev lo table 200; ip rule add priority 50 fwmark 21 lookup 200", want: nil},
		{name: "a VIP that only the table has", commands: onlyTable, want: nil},
		{name: "a VIP that only the table has, first packets", commands: onlyTable, yaml: firstPacket, want: []string{
			"ip rule 32765 (fwmark 0x15 lookup 200) matches the mark of ftp: VIP 198.51.100.21 is local only to packets with the mark, and with marks: first-packet the packets after the first of a connection have none, so IPVS does not get them; add the VIP to a device, or use marks: every-packet",
		}},
		{name: "the begin of a range that only the table has, first packets", commands: onlyTable + "; ip address add 198.51.100.22/32 dev wan", yaml: strings.Replace(firstPacket, "198.51.100.21,", "198.51.100.21-198.51.100.22,", 1), want: []string{
			"ip rule 32765 (fwmark 0x15 lookup 200) matches the mark of ftp: VIP 198.51.100.21 is local only to packets with the mark, and with marks: first-packet the packets after the first of a connection have none, so IPVS does not get them; add the VIP to a device, or use marks: every-packet",
		}},
		{name: "the end of a range that only the table has, first packets", commands: onlyTable + "; ip address add 198.51.100.20/32 dev wan", yaml: strings.Replace(firstPacket, "198.51.100.21,", "198.51.100.20-198.51.100.21,", 1), want: []string{
			"ip rule 32765 (fwmark 0x15 lookup 200) matches the mark of ftp: VIP 198.51.100.21 is local only to packets with the mark, and with marks: first-packet the packets after the first of a connection have none, so IPVS does not get them; add the VIP to a device, or use marks: every-packet",
		}},
		{name: "a VIP that only the table has, first packets, UDP", commands: onlyTable, yaml: strings.Replace(firstPacket, "ftp: ,", "ports: [udp/53],", 1), want: nil},
		{name: "a rule after that of local addresses, first packets", commands: unreach + "ip rule add fwmark 21 lookup 200", yaml: firstPacket, want: nil},
		{name: "a rule with other conditions", commands: unreach + localLater + "ip rule add priority 50 fwmark 21 iif wan lookup 200", want: []string{
			"ip rule 50 (fwmark 0x15 … lookup 200) matches the mark of ftp: packets to its VIPs that also meet the other conditions of the rule are routed before the lookup of local addresses, and may pass IPVS by; give the rule a higher priority number than that of the lookup of the table local, or the cluster another mark",
		}},
		{name: "a rule of a device", commands: toClients + unreach + localLater + "ip rule add priority 50 iif wan lookup 200", yaml: passiveOnly, want: []string{fmt.Sprintf(ahead, "iif wan lookup 200", "tcp sport 1 dport 10000")}},
		{name: "a rule of a protocol", commands: toClients + unreach + localLater + "ip rule add priority 50 ipproto tcp lookup 200", want: []string{fmt.Sprintf(ahead, "ipproto tcp lookup 200", "tcp sport 1 dport 10000"), noReply}},
		{name: "a rule of ports", commands: toClients + unreach + localLater + "ip rule add priority 50 ipproto tcp dport 20000-30000 lookup 200", yaml: passiveOnly, want: []string{fmt.Sprintf(ahead, "ipproto tcp dport 20000-30000 lookup 200", "tcp sport 1 dport 20000")}},
		{name: "a rule of other ports", commands: toClients + unreach + localLater + "ip rule add priority 50 ipproto tcp dport 25 lookup 200; ip rule add priority 50 ipproto udp lookup 200; ip rule add priority 51 to 192.0.2.0/24 lookup 200", yaml: passiveOnly, want: nil},
		{name: "a rule of a port of clients", commands: toClients + unreach + localLater + "ip rule add priority 50 ipproto tcp sport 5000-6000 lookup 200", yaml: passiveOnly, want: []string{fmt.Sprintf(ahead, "ipproto tcp sport 5000-6000 lookup 200", "tcp sport 5000 dport 10000")}},
		{name: "a rule of a destination", commands: toClients + unreach + localLater + "ip rule add priority 50 to 198.51.100.0/24 iif wan lookup 200", yaml: passiveOnly, want: []string{fmt.Sprintf(ahead, "to 198.51.100.0/24 iif wan lookup 200", "tcp sport 1 dport 10000")}},
		{name: "a rule of clients", commands: toClients + unreach + localLater + "ip rule add priority 50 from 240.0.0.0/8 lookup 200", yaml: passiveOnly, want: []string{strings.Replace(fmt.Sprintf(ahead, "from 240.0.0.0/8 lookup 200", "tcp sport 1 dport 10000"), "240.0.0.1", "240.0.0.0", 1)}},
		{name: "a rule of a device with the VIP in its table", commands: toClients + localLater + "ip route add local 198.51.100.21 dev lo table 200; ip rule add priority 50 iif wan lookup 200", yaml: passiveOnly, want: nil},
		{name: "a rule of a device after that of local addresses", commands: toClients + unreach + "ip rule add priority 50 iif wan lookup 200", yaml: passiveOnly, want: nil},
		{name: "IPv6", commands: "ip -6 rule add priority 100 lookup local; ip -6 rule del priority 0; ip -6 rule add priority 50 fwmark 21 unreachable", want: []string{
			"ip -6 rule 50 (fwmark 0x15 unreachable) matches the mark of ftp: with the mark, VIP 2001:db8::21 is no local address, so IPVS does not get the packets; give the rule a higher priority number than that of the lookup of the table local, or the cluster another mark",
		}},
		{name: "routed again", commands: unreach + "ip rule add fwmark 21 lookup 200", values: tracked, want: []string{otherRoute}},
		{name: "routed again in the same way", commands: "ip route add 10.0.0.0/24 dev lan.0 table 200; ip rule add fwmark 21 lookup 200", values: tracked, want: nil},
		{name: "routed again to the only real server with nat", commands: unreach + "ip rule add fwmark 21 lookup 200", values: tracked, yaml: strings.Replace(natSpec, "[{address: 10.0.0.11}", "[{address: 10.0.0.10, forwarding: direct}, {address: 10.0.0.11}", 1), want: []string{otherRoute}},
		{name: "not routed again under direct", commands: unreach + "ip rule add fwmark 21 lookup 200", values: tracked, yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), want: nil},

		// VIPs.
		{name: "a VIP that is no address", commands: "ip address del 198.51.100.21/32 dev wan", want: []string{fmt.Sprintf(noVIP, "198.51.100.21")}},
		{name: "VIPs that are no addresses", commands: "ip address del 198.51.100.21/32 dev wan; ip -6 route del local 2001:db8::21 dev lo table local", want: []string{fmt.Sprintf(noVIP, "198.51.100.21, 2001:db8::21")}},
		{name: "the end of a range", yaml: strings.Replace(natSpec, "198.51.100.21,", "198.51.100.21-198.51.100.22,", 1), want: []string{fmt.Sprintf(noVIP, "198.51.100.22")}},
		{name: "a VIP that apply adds", commands: "ip address del 198.51.100.21/32 dev wan", yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, vip-device: wan", 1), want: nil},
		{name: "a VIP that keepalived adds", commands: "ip address del 198.51.100.21/32 dev wan", yaml: strings.Replace(natSpec, "bind: false", "bind: false, vrrp: {device: wan, router-id: 5, priority: 150, peers: [192.0.2.2]}, sync: {role: both, device: wan, id: 1}", 1), want: nil},

		// Routes to real servers.
		{name: "no route to a real server", commands: "ip -6 route del fd00::/64 dev lan.0", want: []string{
			"there is no route to real server fd00::11 of cluster ftp: network is unreachable; `ip route add fd00::11 via ROUTER`",
		}},
		{name: "a route that refuses packets", commands: "ip route add unreachable 10.0.0.11", want: []string{noRoute}},
		{name: "blackhole", commands: "ip route add blackhole 10.0.0.11", want: []string{
			"there is no route to real server 10.0.0.11 of cluster ftp: a blackhole route; `ip route show table all match 10.0.0.11` lists the route that refuses it, or else a rule does: delete that one",
		}},
		{name: "a broadcast address", commands: "ip address add 10.0.0.9/29 broadcast 10.0.0.11 dev lan.0", want: []string{
			"real server 10.0.0.11 of cluster ftp is the broadcast address of a network of the director, which no host has; give the address of the host in the spec",
		}},
		{name: "a rule that prohibits", commands: "ip rule add to 10.0.0.11 prohibit", want: []string{
			"there is no route to real server 10.0.0.11 of cluster ftp: permission denied; `ip route show table all match 10.0.0.11` lists the route that refuses it, or else a rule does: delete that one",
		}},
		{name: "routes that refuse packets", commands: "ip route add unreachable 10.0.0.11; ip route add unreachable 10.0.0.12; ip route add unreachable 10.0.0.13; ip route add blackhole 10.0.0.14", yaml: strings.Replace(natSpec, "{address: 10.0.0.11}", "{name: rs1, address: 10.0.0.11}, {address: 10.0.0.12}, {address: 10.0.0.13}, {address: 10.0.0.14}", 1), want: []string{
			"there is no route to real server rs1 (10.0.0.11) of cluster ftp: no route to host (the same for 2 more); `ip route show table all match 10.0.0.11` lists the route that refuses it, or else a rule does: delete that one",
			"there is no route to real server 10.0.0.14 of cluster ftp: a blackhole route; `ip route show table all match 10.0.0.14` lists the route that refuses it, or else a rule does: delete that one",
		}},
		{name: "behind a router", commands: "ip route add 10.0.0.11 via 10.0.0.9", want: nil},
		{name: "behind a router, direct", commands: "ip route add 10.0.0.11 via 10.0.0.9", yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), want: []string{
			"real server 10.0.0.11 of cluster ftp has direct forwarding, but is behind the router 10.0.0.9, which sends packets to the VIP back; set forwarding: tunnel or nat in the spec, or give the director an address on the real server's link",
		}},
		{name: "behind a router, direct in another cluster", commands: "ip route add 10.0.0.11 via 10.0.0.9", yaml: strings.Replace(natSpec, "}], director", "}, {name: web, mark: 80, vips: [198.51.100.21], ports: [80], forwarding: direct, real-servers: [{address: 10.0.0.11}]}], director", 1), want: []string{
			"real server 10.0.0.11 of cluster web has direct forwarding, but is behind the router 10.0.0.9, which sends packets to the VIP back; set forwarding: tunnel or nat in the spec, or give the director an address on the real server's link",
		}},
		{name: "the director itself", commands: "ip address add 10.0.0.11/32 dev lo", want: nil},
		{name: "no network yet", commands: "ip link set wan down; ip link set lan.0 down; ip link set client down; ip link set server down", want: nil},

		// Routes of replies.
		{name: "a rule that refuses replies", commands: toClients + "ip rule add from 10.0.0.0/24 prohibit", want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 240.0.0.1: permission denied; `ip route get 240.0.0.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses replies of the device", commands: toClients + "ip rule add iif lan.0 blackhole", want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 240.0.0.1: a blackhole; `ip route get 240.0.0.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses replies of several", commands: toClients + "ip rule add from 10.0.0.0/24 unreachable", yaml: strings.Replace(natSpec, "{address: 10.0.0.11}", "{address: 10.0.0.11}, {address: 10.0.0.12}", 1), want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 240.0.0.1: network is unreachable (the same for 1 more); `ip route get 240.0.0.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses TCP that is forwarded", commands: toClients + "ip rule add ipproto tcp prohibit", want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 240.0.0.1: permission denied; `ip route get 240.0.0.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses another protocol", commands: toClients + "ip rule add ipproto udp prohibit", want: nil},
		{name: "a rule that refuses the answers of clients", commands: toClients + "ip rule add iif wan prohibit", want: []string{
			"a rule or a route refuses active data: answers to real server 10.0.0.11 of cluster ftp from clients such as 240.0.0.1: permission denied; `ip route get 10.0.0.11 from 240.0.0.1 iif wan ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses the answers of clients, without active data", commands: toClients + "ip rule add iif wan prohibit", yaml: strings.Replace(natSpec, "ftp: ,", "ftp: {active-data: {translate: none}},", 1), want: nil},
		{name: "a rule that refuses packets from the VIP", commands: toClients + "ip rule add from 198.51.100.21 prohibit", want: []string{
			"a rule or a route refuses replies from VIP 198.51.100.21 of cluster ftp to clients such as 240.0.0.1: permission denied; `ip route get 240.0.0.1 from 198.51.100.21` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses packets from the VIP, without another route after IPVS", commands: toClients + "ip rule add from 198.51.100.21 prohibit", values: map[string]string{"net.ipv4.vs.snat_reroute": "0"}, want: nil},
		{name: "a rule that refuses packets from a VIP that apply adds", commands: toClients + "ip address del 198.51.100.21/32 dev wan; ip rule add from 198.51.100.21 prohibit", yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, vip-device: wan", 1), want: nil},
		{name: "a rule that refuses replies to a client network", commands: "ip route add 192.0.2.0/24 via 198.51.100.2; ip rule add from 10.0.0.0/24 to 192.0.2.0/24 prohibit", yaml: strings.Replace(natSpec, "mark: 21", `mark: 21, only: {sources: [192.0.2.0/24, "2001:db8:1::/48"]}`, 1), want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 192.0.2.1: permission denied; `ip route get 192.0.2.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses replies to a client network with the director's first address", commands: "ip address add 192.0.2.1/24 dev wan; ip rule add from 10.0.0.0/24 to 192.0.2.0/24 prohibit", yaml: strings.Replace(natSpec, "mark: 21", `mark: 21, only: {sources: [192.0.2.0/24, "2001:db8:1::/48"]}`, 1), want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 192.0.2.2: permission denied; `ip route get 192.0.2.2 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses replies, IPv6", commands: "ip -6 address add 2001:db8::1/64 dev wan nodad; ip -6 route add default via 2001:db8::2 dev wan onlink; ip -6 rule add from fd00::/64 prohibit; sysctl -qw net.ipv6.conf.all.forwarding=1", want: []string{
			"a rule or a route refuses replies of real server fd00::11 of cluster ftp to clients such as 2000::1: permission denied; `ip -6 route get 2000::1 from fd00::11 iif lan.0 ipproto tcp` asks for it, and `ip -6 rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses replies under direct", commands: toClients + "ip rule add from 10.0.0.0/24 prohibit", yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), want: nil},
		{name: "a rule that refuses packets from the VIP under direct", commands: toClients + "ip rule add from 198.51.100.21 prohibit", yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), want: nil},
		{name: "a rule that refuses replies of more real servers than are asked about", commands: toClients + "ip rule add from 10.0.0.0/22 prohibit; ip route add 10.0.0.0/22 dev lan.0", yaml: strings.Replace(natSpec, "{address: 10.0.0.11}", manyServers(300), 1), want: []string{
			"routes could not be checked: those of real servers other than the first 256 (45 more); `lvsmark doctor` asks for all",
			"a rule or a route refuses replies of real server 10.0.1.0 of cluster ftp to clients such as 240.0.0.1: permission denied (the same for 255 more); `ip route get 240.0.0.1 from 10.0.1.0 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
			"routes could not be checked: those of replies to clients other than the first 256 that are asked for, each from one real server or VIP to one client",
		}},
		{name: "a rule that refuses replies of others", commands: toClients + "ip rule add from 10.0.0.12 prohibit", want: nil},
		{name: "a rule that routes replies otherwise", commands: toClients + "ip route add default via 198.51.100.3 table 200; ip rule add from 10.0.0.0/24 lookup 200", want: nil},
		{name: "clients that are not known", commands: "ip address del 198.51.100.1/24 dev wan; ip rule add from 10.0.0.0/24 prohibit", want: nil},
		{name: "a rule that refuses replies without a default route", commands: "ip rule add from 10.0.0.0/24 prohibit", want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients that may be behind wan, such as 198.51.100.2: permission denied; `ip route get 198.51.100.2 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses replies to a network behind a router", commands: toClients + "ip route add 192.0.2.0/24 via 198.51.100.3; ip rule add from 10.0.0.0/24 to 192.0.2.0/24 prohibit", want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients that may be behind wan, such as 192.0.2.1: permission denied; `ip route get 192.0.2.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses packets from the VIP to a network behind a router", commands: toClients + "ip route add 192.0.2.0/24 via 198.51.100.3; ip rule add from 198.51.100.21 to 192.0.2.0/24 blackhole", want: []string{
			"a rule or a route refuses replies from VIP 198.51.100.21 of cluster ftp to clients that may be behind wan, such as 192.0.2.1: a blackhole; `ip route get 192.0.2.1 from 198.51.100.21` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "rules that refuse replies to all and to a network", commands: toClients + "ip route add 192.0.2.0/24 via 198.51.100.3; ip rule add from 10.0.0.0/24 prohibit; ip rule add from 10.0.0.0/24 to 192.0.2.0/24 blackhole", want: []string{
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients such as 240.0.0.1: permission denied; `ip route get 240.0.0.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
			"a rule or a route refuses replies of real server 10.0.0.11 of cluster ftp to clients that may be behind wan, such as 192.0.2.1: a blackhole; `ip route get 192.0.2.1 from 10.0.0.11 iif lan.0 ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "a rule that refuses replies to the network of a real server", commands: toClients + "ip rule add from 10.0.0.0/24 to 10.0.0.0/24 prohibit", yaml: strings.Replace(natSpec, "{address: 10.0.0.11}", "{address: 10.0.0.11}, {address: 198.51.100.11}", 1), want: nil},
		{name: "a rule that refuses replies to real servers of others", commands: toClients + "ip rule add from 198.51.100.11 to 10.0.0.0/24 prohibit", yaml: strings.Replace(natSpec, "{address: 10.0.0.11}", "{address: 10.0.0.11}, {address: 198.51.100.11}", 1), want: []string{
			"a rule or a route refuses replies of real server 198.51.100.11 of cluster ftp to clients that may be behind lan.0, such as 10.0.0.2: permission denied; `ip route get 10.0.0.2 from 198.51.100.11 iif wan ipproto tcp` asks for it, and `ip rule` lists the rules: delete or narrow the one that matches",
		}},
		{name: "replies before apply turns forwarding on", commands: toClients + "ip rule add from 10.0.0.0/24 prohibit; sysctl -qw net.ipv4.ip_forward=0", want: nil},

		// The reverse path filter.
		{name: "src_valid_mark", commands: "sysctl -qw net.ipv4.conf.all.src_valid_mark=1 net.ipv4.conf.wan.rp_filter=1; ip rule add fwmark 21 lookup 200", want: []string{fmt.Sprintf(filter, "wan", "net.ipv4.conf.all.src_valid_mark=0")}},
		{
			name: "src_valid_mark of the device and of all", commands: "sysctl -qw net.ipv4.conf.all.src_valid_mark=1 net.ipv4.conf.wan.src_valid_mark=1 net.ipv4.conf.wan.rp_filter=1; ip rule add fwmark 21 lookup 200",
			want: []string{fmt.Sprintf(filter, "wan", "net.ipv4.conf.all.src_valid_mark=0 net.ipv4.conf.wan.src_valid_mark=0")},
		},
		{name: "src_valid_mark of another device", commands: "sysctl -qw net.ipv4.conf.lan/0.src_valid_mark=1 net.ipv4.conf.wan.rp_filter=1; ip rule add fwmark 21 lookup 200", want: nil},
		{name: "src_valid_mark, no rule", commands: "sysctl -qw net.ipv4.conf.all.src_valid_mark=1 net.ipv4.conf.all.rp_filter=1", want: nil},
		{name: "src_valid_mark, no filter", commands: "sysctl -qw net.ipv4.conf.all.src_valid_mark=1; ip rule add fwmark 21 lookup 200", want: nil},

		// Connections of the director.
		{name: "sloppy_tcp", values: map[string]string{"net.ipv4.vs.sloppy_tcp": "1", "net.ipv4.ip_local_port_range": "20000\t60999"}, want: []string{
			"net.ipv4.vs.sloppy_tcp is on: IPVS may take TCP connections that programs of the director open from a VIP of ftp; set it to 0, or use another address of the director for them, or exclude the ports of the clusters with net.ipv4.ip_local_reserved_ports",
		}},
		{name: "sloppy_tcp, other ports", values: map[string]string{"net.ipv4.vs.sloppy_tcp": "1", "net.ipv4.ip_local_port_range": "20001\t60999"}, want: nil},
		{name: "local TCP ports", values: map[string]string{"net.ipv4.ip_local_port_range": "1024\t60999"}, want: nil},
		{name: "local UDP ports", yaml: strings.Replace(natSpec, "ftp: ,", "ports: [udp/32000-32768],", 1), want: []string{
			"net.ipv4.ip_local_port_range (32768-60999) has UDP ports of ftp: IPVS may take answers to UDP sockets that programs of the director open on a VIP; use another address of the director for them, or exclude the ports of the clusters with net.ipv4.ip_local_reserved_ports",
		}},
		{name: "local UDP ports of all", yaml: strings.Replace(natSpec, "ftp: ,", "ports: [all],", 1), want: []string{
			"net.ipv4.ip_local_port_range (32768-60999) has UDP ports of ftp: IPVS may take answers to UDP sockets that programs of the director open on a VIP; use another address of the director for them, or exclude the ports of the clusters with net.ipv4.ip_local_reserved_ports",
		}},
		{name: "no local UDP ports", yaml: strings.Replace(natSpec, "ftp: ,", "ports: [udp/32000-32767],", 1), want: nil},

		// Forwarding.
		{name: "off towards the real servers", commands: "sysctl -qw net.ipv4.conf.lan/0.forwarding=0", want: []string{
			"the kernel does not forward packets from lan.0, although net.ipv4.ip_forward is 1, and drops replies of 10.0.0.11; `sysctl -w net.ipv4.conf.lan/0.forwarding=1`",
		}},
		{name: "off towards clients", commands: "sysctl -qw net.ipv4.conf.wan.forwarding=0", want: []string{
			"the kernel does not forward packets from wan, although net.ipv4.ip_forward is 1, and drops answers of clients to active data that arrive there; `sysctl -w net.ipv4.conf.wan.forwarding=1`",
		}},
		{name: "off under direct", commands: "sysctl -qw net.ipv4.conf.lan/0.forwarding=0", yaml: strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), want: nil},
		{name: "off towards clients, no active data", commands: "sysctl -qw net.ipv4.conf.wan.forwarding=0", yaml: strings.Replace(natSpec, "ftp: ,", "ports: [80],", 1), want: nil},
		{name: "off towards the only real server with nat", commands: "sysctl -qw net.ipv4.conf.lan/0.forwarding=0", yaml: strings.Replace(natSpec, "{address: 10.0.0.11}", "{address: 10.0.0.11}, {address: 10.0.0.12, forwarding: direct}", 1), want: []string{
			"the kernel does not forward packets from lan.0, although net.ipv4.ip_forward is 1, and drops replies of 10.0.0.11; `sysctl -w net.ipv4.conf.lan/0.forwarding=1`",
		}},
		{name: "off for all, apply turns it on", commands: "sysctl -qw net.ipv4.ip_forward=0", want: nil},
		{name: "off in IPv6", commands: "sysctl -qw net.ipv6.conf.lan/0.forwarding=0", want: nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inDirector(t, func() {
				for command := range strings.SplitSeq(c.commands, "; ") {
					if words := strings.Fields(command); len(words) > 0 {
						scratch.Run(t, "", words[0], words[1:]...)
					}
				}
				scratch.Settle(t)
				if c.yaml == "" {
					c.yaml = natSpec
				}
				host := hostcheck.Host{Modules: t.TempDir(), Value: func(name, missing string) string {
					if value, ok := c.values[name]; ok {
						return value
					}
					if value, err := sysctl.Read(name); err == nil {
						return value
					}
					return missing
				}}
				spec := parse(t, c.yaml)
				assert.Equal(t, c.want, host.Warnings(spec))
				for _, f := range host.Findings(spec) {
					assert.NotEmpty(t, f.Check, f.What)
				}
			})
		})
	}
}

// manyServers returns the first real servers of 10.0.1.0/23.
func manyServers(n int) string {
	servers := make([]string, n)
	for i := range servers {
		servers[i] = fmt.Sprintf("{address: 10.0.%d.%d}", 1+i/256, i%256)
	}
	return strings.Join(servers, ", ")
}

func inDirector(t *testing.T, f func()) {
	t.Helper()
	need.Programs(t, "ip", "sysctl")
	scratch.Do(t, func() {
		for _, command := range []string{
			"ip link set lo up", "ip link add wan type veth peer name client", "ip link add lan.0 type veth peer name server",
			"ip link set client up", "ip link set server up", "ip link set wan up", "ip link set lan.0 up",
			"ip address add 198.51.100.1/24 dev wan", "ip address add 198.51.100.21/32 dev wan", "ip address add 10.0.0.1/24 dev lan.0",
			"ip -6 route add local 2001:db8::21 dev lo table local", "ip address add fd00::1/64 dev lan.0 nodad",
			"sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan.rp_filter=0 net.ipv4.conf.lan/0.rp_filter=0 net.ipv4.conf.client.rp_filter=0 net.ipv4.conf.server.rp_filter=0",
		} {
			words := strings.Fields(command)
			scratch.Run(t, "", words[0], words[1:]...)
		}
		scratch.Settle(t)
		f()
	})
}

func parse(t *testing.T, yaml string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec
}

// TestModule looks for ip_vs_ftp in a directory of modules.
func TestModule(t *testing.T) {
	const warning = "the kernel module ip_vs_ftp is loaded: it replaces the answers to PASV of ftp, and if these name the VIP, as with the output of `lvsmark render vsftpd`, their data connections fail;" +
		" unload it with `modprobe -r ip_vs_ftp`, which is possible when its connections have ended"
	for _, c := range []struct {
		name, ports, yaml string
		want              []string
	}{
		{"the default", "21,0,0,0,0,0,0,0\n", natSpec, []string{warning}},
		{"other ports", "2121,990\n", natSpec, nil},
		{"one of several ports", "2121,21\n", natSpec, []string{warning}},
		{"a number that is no port", "65557\n", natSpec, nil}, // 21, and 1 << 16
		{"no parameter", "", natSpec, []string{warning}},
		{"direct", "21\n", strings.Replace(natSpec, "mark: 21", "mark: 21, forwarding: direct", 1), nil},
		{"direct but for one", "21\n", strings.Replace(natSpec, "[{address: 10.0.0.11}", "[{address: 10.0.0.10, forwarding: direct}, {address: 10.0.0.11}", 1), []string{warning}},
		{"direct in IPv4", "21\n", strings.Replace(natSpec, "10.0.0.11}", "10.0.0.11, forwarding: direct}", 1), nil},
		{"another control port", "21\n", strings.Replace(natSpec, "ftp: ,", "ftp: {control-ports: [2121]},", 1), nil},
		{"no FTP", "21\n", strings.Replace(natSpec, "ftp: ,", "ports: [21],", 1), nil},
		{"IPv6 only", "21\n", strings.Replace(strings.Replace(natSpec, "198.51.100.21, ", "", 1), "{address: 10.0.0.11}, ", "", 1), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			modules := t.TempDir()
			parameters := filepath.Join(modules, "ip_vs_ftp", "parameters")
			require.NoError(t, os.MkdirAll(parameters, 0o755))
			if c.ports != "" {
				require.NoError(t, os.WriteFile(filepath.Join(parameters, "ports"), []byte(c.ports), 0o644))
			}
			host := hostcheck.Host{Modules: modules, Value: func(_, missing string) string { return missing }}
			scratch.Do(t, func() {
				spec := parse(t, c.yaml)
				assert.Equal(t, c.want, host.Warnings(spec))
				for _, f := range host.Findings(spec) {
					assert.Equal(t, hostcheck.FTPModule, f.Check)
					assert.Equal(t, "modprobe -r ip_vs_ftp", f.Command)
				}
			})
		})
	}
}

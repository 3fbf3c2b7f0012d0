package peer_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/peer"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

const spec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp:
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80], real-servers: [{address: 10.0.0.11}]}
director:
  ipvs-timeouts: {tcp: 2h}
  sync: {role: both, device: eth1, id: 1}
  vrrp: {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2]}
`

// other is the spec of the peer without differences.
var other = strings.NewReplacer("priority: 150", "priority: 100", "192.0.2.2", "192.0.2.1", "eth1", "eth2", "10.0.0.11}, {address: 10.0.0.12", "10.0.0.12}, {address: 10.0.0.11").Replace(spec)

func parse(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return spec
}

func TestNoDifference(t *testing.T) {
	assert.Empty(t, peer.Compare(parse(t, spec), parse(t, other)))
	assert.Empty(t, comparePlan(t, spec, other))
}

// TestCompare changes one key of the peer. The lines are the differences without reasons.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, old, changed string
		want               []string
	}{
		{"mark", "mark: 80", "mark: 81", []string{
			"cluster web: mark 80 here, mark 81 on the peer: synchronized connections",
			"service fwmark 81 IPv4: none here, -f 81 -s wlc -p 300 on the peer: synchronized connections",
			"service fwmark 80 IPv4: -f 80 -s wlc -p 300 here, none on the peer: synchronized connections",
		}},
		{"scheduler", "name: ftp\n", "name: ftp\n    scheduler: rr\n", []string{"service fwmark 21 IPv4: -f 21 -s wlc -p 300 here, -f 21 -s rr -p 300 on the peer: a client may get another real server"}},
		{"persistence", "name: ftp\n", "name: ftp\n    persistence: 1h\n", []string{"service fwmark 21 IPv4: -f 21 -s wlc -p 300 here, -f 21 -s wlc -p 3600 on the peer: persistence differs"}},
		{"real server", "10.0.0.12}", "10.0.0.13}", []string{
			"real server 10.0.0.13 of fwmark 21 IPv4: none here, 10.0.0.13:0 -m -w 1 on the peer: connections of this",
			"real server 10.0.0.12 of fwmark 21 IPv4: 10.0.0.12:0 -m -w 1 here, none on the peer: connections of this",
		}},
		{"weight", "address: 10.0.0.12", "weight: 5, address: 10.0.0.12", []string{"real server 10.0.0.12 of fwmark 21 IPv4: 10.0.0.12:0 -m -w 1 here, 10.0.0.12:0 -m -w 5 on the peer: a client may get"}},
		{"VIP", "[198.51.100.80]", "[198.51.100.81]", []string{"cluster web: VIPs 198.51.100.80 here, VIPs 198.51.100.81 on the peer: these packets"}},
		{"ports", "ports: [80]", "ports: [81]", []string{"cluster web: ports 80 here, ports 81 on the peer: these packets"}},
		{"name", "name: web", "name: www", []string{
			"cluster web: name web here, name www on the peer: commands that name the cluster",
		}},
		{"name and mark", "name: web, mark: 80", "name: www, mark: 81", []string{
			"service fwmark 81 IPv4: none here",
			"service fwmark 80 IPv4: -f 80 -s wlc -p 300 here, none on the peer",
			"cluster web: VIPs 198.51.100.80 here, none on the peer: these packets",
			"cluster www: none here, VIPs 198.51.100.80 on the peer: these packets",
		}},
		{"name and VIP", "name: web, mark: 80, vips: [198.51.100.80]", "name: www, mark: 80, vips: [198.51.100.81]", []string{
			"cluster web: name web here, name www on the peer: commands",
			"cluster web: VIPs 198.51.100.80 here, VIPs 198.51.100.81 on the peer: these packets",
		}},
		{"marks", "director:\n", "director:\n  marks: first-packet\n", []string{"director.marks: every-packet here, first-packet on the peer: with first-packet"}},
		{"keep-marks", "director:\n", "director:\n  keep-marks: true\n", []string{"director.keep-marks: false here, true on the peer: rules"}},
		{"local-clients", "director:\n", "director:\n  local-clients: true\n", []string{"director.local-clients: false here, true on the peer: programs"}},
		{"ip-forward", "director:\n", "director:\n  ip-forward: false\n", []string{"director.ip-forward: true here, false on the peer: a director that does not forward"}},
		{"table", "director:\n", "director:\n  table: other\n", nil},
		{"sysctls of the kernel", "director:\n", "director:\n  sysctls: {net.ipv4.conf.all.rp_filter: 0, net.ipv4.neigh.lan.gc_stale_time: 60, net.netfilter.nf_conntrack_tcp_loose: 0}\n", []string{
			"director.sysctls: none here, net.ipv4.conf.all.rp_filter: 0, net.netfilter.nf_conntrack_tcp_loose: 0 on the peer: the kernel treats",
		}},
		{"ttl", "id: 1", "id: 1, ttl: 2", []string{"director.sync: ttl 1 here, ttl 2 on the peer: messages"}},
		{"preempt", "priority: 100", "priority: 100, preempt: true", nil},
		{"the same peers", "peers: [192.0.2.1]", "peers: [192.0.2.2]", []string{"director.vrrp: peers 192.0.2.2 here, peers 192.0.2.2 on the peer: with the same peers"}},
		{"active data", "ftp:\n", "ftp: {active-data: {translate: snat}}\n", []string{"cluster ftp: active data translated by masquerade here, active data translated by snat on the peer: clients"}},
		{"active ports", "ftp:\n", "ftp: {active-data: {ports: [20, 989]}}\n", []string{"cluster ftp: active data from port 20 here, active data from port 20, 989 on the peer: clients see active data"}},
		{"active sources", "ftp:\n", "ftp: {active-data: {source: 10.0.0.12}}\n", []string{"cluster ftp: active data of all real servers translated here, active data of 10.0.0.11 not translated on the peer: clients see active data"}},
		{"no active data", "ftp:\n", "ftp: {active-data: {translate: none}}\n", []string{"cluster ftp: active data translated by masquerade here, active data translated by none on the peer: clients"}},
		{"sources", "name: web,", "name: web, only: {sources: [192.0.2.0/24]},", []string{"cluster web: all clients here, clients 192.0.2.0/24 on the peer: these packets"}},
		{"device of only", "name: web,", "name: web, only: {devices: [wan0]},", []string{"cluster web: all devices here, devices wan0 on the peer: these packets"}},
		{"MAC of only", "name: web,", "name: web, only: {except-macs: ['02:00:00:00:00:02']},", []string{"cluster web: all senders here, except-macs 02:00:00:00:00:02 on the peer: a director without except-macs"}},
		{"server name", "{address: 10.0.0.12}", "{address: 10.0.0.12, name: rs2}", []string{"real server 10.0.0.12 of cluster ftp: none here, name rs2 on the peer: commands that name the real server, such as drain, need"}},
		{"vip-device with vrrp", "name: web,", "name: web, vip-device: lan,", nil},
		{"source-nat", "name: web,", "name: web, source-nat: masquerade,", []string{"cluster web: source-nat none here, source-nat masquerade on the peer: real servers see"}},
		{"forwarding", "name: web,", "name: web, forwarding: direct,", []string{"real server 10.0.0.11 of fwmark 80 IPv4: 10.0.0.11:0 -m -w 1 here, 10.0.0.11:0 -g -w 1 on the peer: the real server gets packets in another form"}},
		{"sysctls", "director:\n", "director:\n  sysctls: {net.ipv4.vs.sloppy_tcp: 1, net.ipv4.conf.eth2.rp_filter: 0}\n", []string{"director.sysctls: none here, net.ipv4.vs.sloppy_tcp: 1 on the peer: IPVS treats"}},
		{"timeouts", "tcp: 2h", "tcp: 3h", []string{"director.ipvs-timeouts: tcp 2h0m0s here, tcp 3h0m0s on the peer: an idle"}},
		{"more timeouts", "tcp: 2h", "tcp: 2h, udp: 90s", []string{"director.ipvs-timeouts: tcp 2h0m0s here, tcp 2h0m0s, udp 1m30s on the peer: an idle"}},
		{"sync", "id: 1", "id: 2", []string{"director.sync: id 1, group 224.0.0.81, port 8848 here, id 2, group"}},
		{"no sync", "  sync: {role: both, device: eth2, id: 1}\n", "", []string{"director.sync: id 1, group 224.0.0.81, port 8848 here, none on the peer"}},
		{"maxlen", "id: 1", "id: 1, maxlen: 9000", []string{"director.sync: maxlen 1472 here, maxlen 9000 on the peer: a backup truncates"}},
		{"router", "router-id: 51", "router-id: 52", []string{"director.vrrp: router-id 51, interval 1s here, router-id 52, interval 1s on the peer"}},
		{"gateways", "priority: 100", "priority: 100, gateways: [{address: 10.0.0.1, device: lan}]", []string{"director.vrrp: none here, 10.0.0.1 on the peer: real servers behind nat"}},
		{"priority", "priority: 100", "priority: 150", []string{"director.vrrp: priority 150 here, priority 150 on the peer: with the same"}},
		{"bind", "director:\n", "director:\n  bind: false\n", []string{"director.bind: true here, false on the peer"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(other, c.old, c.changed, 1)
			require.NotEqual(t, other, text)
			found := peer.Compare(parse(t, spec), parse(t, text))
			require.Len(t, found, len(c.want), found)
			for i, want := range c.want {
				assert.True(t, strings.HasPrefix(found[i].String(), want), found[i].String())
			}
		})
	}
}

// TestShards: the services are equal, and the ports of the shards are not.
func TestShards(t *testing.T) {
	sharded := func(ftp string) *config.Spec {
		return parse(t, strings.Replace(spec, "    ftp:\n", "    scheduler: rr\n    ftp: {"+ftp+"}\n", 1))
	}
	ours := sharded("passive-ports: 10000-19999, passive-shards: 4")
	found := peer.Compare(ours, withPriority(sharded("passive-ports: 10000-19999, passive-shards: 5")))
	require.Len(t, found, 1)
	assert.True(t, strings.HasPrefix(found[0].String(), "cluster ftp: passive-shards 4 of 10000-19999 here, passive-shards 5 of 10000-19999 on the peer: a real server"), found[0].String())
	assert.Empty(t, peer.Compare(ours, withPriority(sharded("passive-ports: [12500-19999, 10000-12499], passive-shards: 4"))), "the same ports")
	assert.Empty(t, peer.Compare(sharded("passive-ports: 10000-10019, passive-shards: 20"), withPriority(sharded("passive-ports: 10000-10019, passive-shards: 19"))), "the last shard has no real server")

	fewer := "passive-ports: 10000-17499, passive-shards: 3" // the spec has real servers in the shards 0 and 1
	assert.Empty(t, peer.Compare(ours, withPriority(sharded(fewer))), "ports without a real server")
	assert.Empty(t, peer.Compare(sharded(fewer), withPriority(sharded("passive-ports: 10000-19999, passive-shards: 4"))))
	found = peer.Compare(ours, withPriority(sharded(fewer+", control-ports: [21, 990]")))
	require.Len(t, found, 1)
	assert.True(t, strings.HasPrefix(found[0].String(), "cluster ftp: ports 21 and shards here, ports 21, 990 and shards on the peer: these packets"), found[0].String())
}

func withPriority(spec *config.Spec) *config.Spec {
	spec.Director.VRRP.Priority = 100
	spec.Director.VRRP.Peers = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	return spec
}

// TestRoles: one director must send what the other receives.
func TestRoles(t *testing.T) {
	role := func(text, role string) *config.Spec {
		return parse(t, strings.Replace(text, "role: both", "role: "+role, 1))
	}
	assert.Empty(t, peer.Compare(role(spec, "master"), role(other, "backup")))
	found := peer.Compare(role(spec, "backup"), role(other, "backup"))
	require.Len(t, found, 1)
	assert.Contains(t, found[0].String(), "no director sends what the other receives")
	for _, one := range []string{"master", "backup"} {
		for _, found := range [][]peer.Difference{peer.Compare(parse(t, spec), role(other, one)), peer.Compare(role(spec, one), parse(t, other))} {
			require.Len(t, found, 1)
			assert.Contains(t, found[0].String(), "one director sends what the other does not receive, or receives what it does not send")
		}
	}
}

// comparePlan compares a spec with the plan of another one.
func comparePlan(t *testing.T, ours, theirs string) []string {
	t.Helper()
	a, b := parse(t, ours), parse(t, theirs)
	var texts []string
	for _, d := range peer.ComparePlan(a, nft.Compile(a).String(), peer.Plan{Ruleset: nft.Compile(b).String(), Services: ipvs.Text(ipvs.Compile(b))}) {
		texts = append(texts, d.Object+": "+d.Ours+" | "+d.Peer)
	}
	return texts
}

func TestComparePlan(t *testing.T) {
	edit := func(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }
	assert.Equal(t, []string{
		"marks: ip, map tcp_80: 198.51.100.80 : 0x00000050 | ",
		"marks:  | ip, map tcp_80: 198.51.100.80 : 0x00000051",
		"IPVS: -A -f 80 -s wlc -p 300 | ",
		"IPVS: -a -f 80 -r 10.0.0.11:0 -m -w 1 | ",
		"IPVS:  | -A -f 81 -s wlc -p 300",
		"IPVS:  | -a -f 81 -r 10.0.0.11:0 -m -w 1",
	}, comparePlan(t, spec, edit(other, "mark: 80", "mark: 81")))
	unbound := edit(spec, "director:\n", "director:\n  bind: false\n")
	assert.Equal(t, []string{"director.bind: true | false"}, comparePlan(t, spec, unbound))
	assert.Equal(t, []string{"director.bind: false | true"}, comparePlan(t, unbound, spec))
	assert.Empty(t, comparePlan(t, unbound, unbound))

	shards := edit(spec, "    ftp:\n", "    scheduler: rr\n    ftp: {passive-ports: 10000-19999, passive-shards: 4}\n")
	assert.Empty(t, comparePlan(t, shards, edit(shards, "director:\n", "director:\n  table: others\n")))
	assert.Equal(t, []string{
		"marks: ip, map shards_21: 10000-12499 : 0x00000016 | ",
		"marks: ip, map shards_21: 12500-14999 : 0x00000017 | ",
		"marks:  | ip, map shards_21: 10000-11999 : 0x00000016",
		"marks:  | ip, map shards_21: 12000-13999 : 0x00000017",
	}, comparePlan(t, shards, edit(shards, "passive-shards: 4", "passive-shards: 5")))
	assert.Equal(t, []string{
		"marks: ip, chain prerouting: ip protocol != tcp accept | ",
		"marks:  | ip, chain prerouting: ip protocol != tcp counter accept",
	}, rulesOf(t, "ip protocol != tcp counter accept"))
}

// rulesOf compares a spec with a plan that has another rule.
func rulesOf(t *testing.T, rule string) (texts []string) {
	a := parse(t, spec)
	text := nft.Compile(a).String()
	for _, d := range peer.ComparePlan(a, text, peer.Plan{Ruleset: strings.Replace(text, "ip protocol != tcp accept", rule, 1), Services: ipvs.Text(ipvs.Compile(a))}) {
		texts = append(texts, d.Object+": "+d.Ours+" | "+d.Peer)
	}
	return texts
}

package keepalived

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
)

// TestVRRP: instances and sync daemons.
func TestVRRP(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"one instance": {`vrrp_instance VI_1 {
	state BACKUP
	interface eth0
	virtual_router_id 51
	priority 150
	advert_int 2
	nopreempt
	authentication {
		auth_type PASS
		auth_pass secret
	}
	unicast_src_ip 192.0.2.1
	unicast_peer {
		192.0.2.2
		192.0.2.3 min_ttl 254
	}
	virtual_ipaddress {
		198.51.100.21/24 brd 198.51.100.255 dev eth2 label eth2:1
		198.51.100.22/32
	}
	virtual_ipaddress_excluded { 2001:db8::21 dev eth2 }
	virtual_routes {
		local 198.51.100.32/28 dev eth0 scope host table local
		local 2001:db8:1::/64 table local dev eth2
		local 198.51.100.64/28 dev eth0 table local
		local 198.51.100.80/28 dev eth0 scope host
		local 198.51.100.96/28 dev eth0 scope host table local metric 1
		10.1.0.0/16 via 10.0.0.254
	}
	track_interface {
		eth2
		eth3 weight 5
	}
	track_script { chk }
	notify_master "/usr/bin/lvsmark apply"
	notify_backup /etc/b.sh
}
`, `1: vrrp eth0 router-id 51 priority 150 peers [192.0.2.2 192.0.2.3] source 192.0.2.1 interval 2s preempt false
18: address 198.51.100.21 dev eth2
19: address 198.51.100.22 dev eth0
21: address 2001:db8::21 dev eth2
23: address 198.51.100.32/28 dev eth0
24: address 2001:db8:1::/64 dev eth2
25: address 198.51.100.64/28 dev eth0
8: finding: authentication is not part of a spec: the file of lvsmark render keepalived has none
18: finding: the address has prefix length 24, with a route to the network; the file of lvsmark render keepalived has the address alone (/32)
18: finding: brd 198.51.100.255 is not part of a spec: the address is added without
18: finding: label eth2:1 is not part of a spec: the address is added without
25: finding: the kernel refuses the local route to 198.51.100.64/28 without scope host, so keepalived does not add these VIPs; the spec has them
26: finding: the route local 198.51.100.80/28 dev eth0 scope host is not part of a spec: the file of lvsmark render keepalived has none
27: finding: the route local 198.51.100.96/28 dev eth0 scope host table local metric 1 is not part of a spec: the file of lvsmark render keepalived has none
28: finding: the route 10.1.0.0/16 via 10.0.0.254 is not part of a spec: the file of lvsmark render keepalived has none
34: finding: track_script is not part of a spec: the file of lvsmark render keepalived has none
36: finding: notify_backup is not part of a spec: the file of lvsmark render keepalived has none
32: finding: track_interface eth3 weight 5 is not part of a spec: keepalived tracks the devices of the VIPs
`},
		"a sync group": {`vrrp_sync_group VG {
	group {
		VI_1
		VI_2
	}
	notify /etc/n.sh
}
vrrp_instance VI_1 {
	state MASTER
	nopreempt
	interface eth0
	virtual_router_id 51
	advert_int 0.5
	preempt_delay 300
	unicast_peer { 192.0.2.2 }
	virtual_ipaddress { 198.51.100.21 }
}
vrrp_instance VI_2 {
	interface eth1
	virtual_router_id 52
	preempt_delay 60
	garp_master_refresh 30
	unicast_peer { 10.0.0.3 }
	virtual_ipaddress { 10.0.0.1 }
	lvs_sync_daemon_inteface eth1
}
`, `18: sync both eth1 id 52 maxlen 1472 group 224.0.0.81 port 8848 ttl 1
8: vrrp eth0 router-id 51 priority 100 peers [192.0.2.2] source invalid IP interval 1s preempt true
16: address 198.51.100.21 dev eth0
24: address 10.0.0.1 dev eth1
6: finding: notify is not part of a spec: the file of lvsmark render keepalived has none
13: finding: a spec has no advertisement interval of 0.5: it has 1 to 40 whole seconds, all directors the same; 1s is used
14: finding: a spec has no preempt_delay of 300: the file of lvsmark render keepalived has 60 with preempt and director.sync, and none without sync
18: finding: the addresses of vrrp_instance VI_2 move with those of VI_1 (vrrp_sync_group): the spec has them in one instance, with router-id 51
`},
		"instances apart, sync of one": {`global_defs { lvs_sync_daemon eth1 inst B maxlen 9000 port 9999 ttl 2 group 239.0.0.1 }
vrrp_instance A {
	interface eth0
	virtual_router_id 1
}
vrrp_instance B {
	interface eth0
	virtual_router_id 2
}
`, `1: sync both eth1 id 2 maxlen 9000 group 239.0.0.1 port 9999 ttl 2
6: finding: vrrp_instance B and A move apart; a spec has one instance, whose addresses move together: keep VRRP in keepalived, or make one instance of them
`},
		"two sync daemons, of which keepalived takes the first": {`global_defs {
	lvs_sync_daemon eth0 id 1
	lvs_sync_daemon eth1 id 2
}
global_defs {
	lvs_sync_daemon eth2 id 300
}
`, `2: sync both eth0 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1
3: finding: keepalived ignores this line: lvs_sync_daemon is set already, in f:2
6: finding: keepalived ignores this line: lvs_sync_daemon is set already, in f:2
`},
		"from the link-local address": {`vrrp_instance VI {
	interface eth0
	virtual_router_id 9
	unicast_peer { 2001:db8::2 }
}
`, `1: finding: vrrp_instance VI sends or receives IPv6 advertisements at a link-local address; a spec has other addresses. Give unicast_src_ip and unicast_peer the global or unique local addresses of the directors, on all directors at once, or keep VRRP in keepalived
`},
		"to a link-local address": {`vrrp_instance VI {
	interface eth0
	virtual_router_id 9
	unicast_src_ip 2001:db8::1
	unicast_peer { fe80::2 }
}
`, `1: finding: vrrp_instance VI sends or receives IPv6 advertisements at a link-local address; a spec has other addresses. Give unicast_src_ip and unicast_peer the global or unique local addresses of the directors, on all directors at once, or keep VRRP in keepalived
`},
		"multicast": {`global_defs { lvs_sync_daemon eth1 VI id 300 }
vrrp_instance VI {
	interface eth0
	virtual_router_id 9
	priority 255
}
`, `2: finding: vrrp_instance VI sends advertisements to a multicast group; a spec has the addresses of the other directors. Write director.vrrp: {device: eth0, router-id: 9, priority: 100, peers: [ADDRESS]}, on all directors at once, or keep VRRP in keepalived
5: finding: priority is not part of a spec: the file of lvsmark render keepalived has none
1: finding: connection sync is not imported: id 300 is not understood
`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Read("f", test.text)
			require.NoError(t, err)
			got := dump.Config(c)
			assert.ElementsMatch(t, strings.Split(test.want, "\n"), strings.Split(got, "\n"), got)
		})
	}
}

// TestApplyCommand: the commands of render keepalived are no scripts of the operator.
func TestApplyCommand(t *testing.T) {
	for command, want := range map[string]bool{
		"/usr/bin/lvsmark apply": true, "/usr/bin/lvsmark -c /etc/a.yaml apply": true,
		"/usr/bin/lvsmark -c /etc/a.yaml delete": false, "/usr/bin/lvsmark -c apply": false, "/usr/bin/other apply": false, "": false,
	} {
		assert.Equal(t, want, isApply(strings.Fields(command)), command)
	}
}

package director_test

import "net/netip"

type addrPort = netip.AddrPort

const wants = "etc/systemd/system/multi-user.target.wants/"

// direct makes the cluster one with direct forwarding.
const direct = "    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}} =>     ftp: {}\n    forwarding: direct"

// sixes makes the cluster one of IPv6, and sixAddresses adds its addresses.
const (
	sixes = "    vips: [198.51.100.21]\n    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}}\n    real-servers: [{name: rs1, address: 10.0.0.11}] => " +
		"    vips: [\"2001:db8::21\"]\n    ftp: {active-data: {translate: snat, source: \"fd00::/64\"}}\n    real-servers: [{name: rs1, address: \"fd00::11\"}]"
	sixesDirect = "    vips: [198.51.100.21]\n    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}}\n    real-servers: [{name: rs1, address: 10.0.0.11}] => " +
		"    vips: [\"2001:db8::21\"]\n    ftp: {}\n    forwarding: direct\n    real-servers: [{name: rs1, address: \"fd00::11\"}]"
	sixesMasquerade = "    vips: [198.51.100.21]\n    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}}\n    real-servers: [{name: rs1, address: 10.0.0.11}] => " +
		"    vips: [\"2001:db8::21\"]\n    ftp: {active-data: {source: \"fd00::/64\"}}\n    real-servers: [{name: rs1, address: \"fd00::11\"}]"
	farSix        = "ip -n $FAR address add fd00::11/64 dev server nodad; "
	linkLocal     = "ip address add fe80::1/64 dev lan nodad"
	sixMasquerade = farSix + "sysctl -qw net.ipv6.conf.all.forwarding=1; ip address add fd00::1/64 dev lan nodad; " +
		"ip -n $FAR address add 2001:db8::1/64 dev client nodad; ip -6 route add default via 2001:db8::1 dev wan onlink; "
	sixAddresses = "ip address add fd00::1/64 dev lan nodad; ip -6 route add local 2001:db8::21 dev lo; "
)

// debianUnit is what matters of the unit of Debian's package nftables.
const debianUnit = "[Unit]\nWants=network-pre.target\nBefore=network-pre.target shutdown.target\n\n[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\nExecReload=/usr/sbin/nft -f /etc/nftables.conf\nExecStop=/usr/sbin/nft flush ruleset\n"

func bootTraps() []trap {
	return []trap{
		{name: "no nf_tables", files: map[string]string{"lib/modules/KERNEL/modules.builtin": "kernel/nft_chain_nat.ko\n"}, want: []string{
			"modules: the kernel KERNEL has no module nf_tables, neither loaded nor below /lib/modules",
		}},
		{name: "no scheduler", yaml: "{bind: false} => {bind: true}", files: map[string]string{"lib/modules/KERNEL/modules.dep": "ip_vs.ko:\nnft_socket.ko:\n"}, want: []string{
			"modules: the kernel KERNEL has no module ip_vs_wlc, neither loaded nor below /lib/modules",
		}},
		{name: "no scheduler is needed", files: map[string]string{"lib/modules/KERNEL/modules.dep": "ip_vs.ko:\nnft_socket.ko:\n"}},
		{name: "module forbidden", yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/modprobe.d/cis.conf": "# hardening\ninstall ip_vs /bin/false\n"}, want: []string{
			"modules: module ip_vs is not loaded, and /etc/modprobe.d/cis.conf:2 forbids it",
		}},
		{name: "module loaded now, forbidden at boot", files: map[string]string{"proc/modules": "ip_vs 1 0 - Live 0x0\n", "etc/modprobe.d/cis.conf": "blacklist ip_vs\n"}, want: []string{
			"modules-boot: /etc/modprobe.d/cis.conf:1 forbids ip_vs, which is loaded now: it is missing after the next boot",
		}},
		{name: "module forbidden by name and a dash", yaml: "{bind: false} => {bind: true}", files: map[string]string{"usr/lib/modprobe.d/cis.conf": "install ip-vs-wlc /usr/bin/logger blocked\n"}, want: []string{
			"modules: module ip_vs_wlc is not loaded, and /usr/lib/modprobe.d/cis.conf:1 forbids it",
		}},
		{name: "module forbidden by a file that another one replaces", yaml: "{bind: false} => {bind: true}", files: map[string]string{"usr/lib/modprobe.d/cis.conf": "install ip_vs /bin/false\n", "etc/modprobe.d/cis.conf": ""}},
		{name: "module forbidden by the boot loader", yaml: "{bind: false} => {bind: true}", files: map[string]string{"proc/cmdline": "quiet module_blacklist=ip_vs\n"}, want: []string{
			"modules: module ip_vs is not loaded, and module_blacklist of the kernel command line forbids it",
		}},
		{name: "no more modules", yaml: "{bind: false} => {bind: true}", files: map[string]string{"proc/sys/kernel/modules_disabled": "1\n", "proc/modules": "ip_vs 1 0 - Live 0x0\n"}, want: []string{
			"modules: module ip_vs_wlc is not loaded, and the kernel loads no more modules until the next boot (kernel.modules_disabled is 1)",
		}},
		{name: "sysctls of another directory before the module", files: map[string]string{"etc/modules-load.d/ip_vs.conf": "-", "usr/local/lib/sysctl.d/ipvs.conf": "net/ipv4/vs/conntrack = 0\n"}, want: []string{
			"modules-boot: /usr/local/lib/sysctl.d/ipvs.conf:1 sets net.ipv4.vs. sysctls, which do not exist until ip_vs is loaded, and nothing loads it before systemd-sysctl.service",
		}},
		{name: "sysctls before the module", files: map[string]string{"etc/modules-load.d/ip_vs.conf": "-", "etc/sysctl.d/ipvs.conf": "net.ipv4.vs.conntrack = 0\n"}, want: []string{
			"modules-boot: /etc/sysctl.d/ipvs.conf:1 sets net.ipv4.vs. sysctls, which do not exist until ip_vs is loaded, and nothing loads it before systemd-sysctl.service",
		}},
		{name: "sysctls after the module", files: map[string]string{"etc/sysctl.d/ipvs.conf": "net.ipv4.vs.conntrack = 0\n"}},
		{name: "nothing loads the module", yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/modules-load.d/ip_vs.conf": "-", wants + "lvsmark.service": "-", wants + "nftables.service": "-"}, want: []string{
			"modules-boot: nothing loads ip_vs at boot: lvsmark.service is not enabled, and no file of /etc/modules-load.d names the module",
			"unit: lvsmark.service is not enabled",
		}},
		{name: "no unit", files: map[string]string{"lib/systemd/system/lvsmark.service": "-", wants + "nftables.service": "-"}, want: []string{
			"unit: lvsmark.service is not installed",
		}},
		{name: "masked unit", files: map[string]string{"etc/systemd/system/lvsmark.service": "", wants + "nftables.service": "-"}, want: []string{
			"unit: lvsmark.service is masked",
		}},
		{name: "unit without order", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nPartOf=nftables.service\n"}, want: []string{
			"unit: lvsmark.service is not ordered after nftables.service, which may replace the ruleset afterwards",
			"flush-ruleset: /etc/nftables.conf:2: nftables.service flushes the ruleset, and lvsmark.service is not started after it",
		}},
		{name: "order in a drop-in", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nPartOf=nftables.service\n", "etc/systemd/system/lvsmark.service.d/a.conf": "[Unit]\nAfter=nftables.service\n"}},
		{name: "unit without PartOf", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n"}, want: []string{
			"flush-ruleset: /etc/nftables.conf:2: a restart of nftables.service flushes the ruleset, and lvsmark.service has no PartOf=nftables.service: it does not apply the spec again",
		}},
		{name: "order in the unit of the firewall", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nPartOf=nftables.service\n", "usr/lib/systemd/system/nftables.service": debianUnit, "usr/lib/systemd/system/nftables.service.d/a.conf": "[Unit]\nBefore = \\\n  lvsmark.service\n"}},
		{name: "flush at the stop of Debian's unit", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n", "lib/systemd/system/nftables.service": debianUnit, "etc/nftables.conf": "table inet filter {\n}\n"}, want: []string{
			"flush-ruleset: ExecStop of nftables.service: a restart of nftables.service flushes the ruleset, and lvsmark.service has no PartOf=nftables.service: it does not apply the spec again",
		}},
		{name: "flush at a stop that a drop-in replaces", files: map[string]string{
			"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n", "lib/systemd/system/nftables.service": debianUnit, "etc/nftables.conf": "table inet filter {\n}\n",
			"etc/systemd/system/nftables.service.d/own.conf": "[Service]\nExecStop=\nExecStop=/usr/sbin/nft delete table inet own\n",
		}},
		{name: "flush in a unit of the operator", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nPartOf=nftables.service\n", "etc/systemd/system/nftables.service": "[Service]\nExecStartPre=/usr/sbin/nft 'flush ruleset; include \"/etc/my.nft\"'\n", "etc/nftables.conf": "-"}, want: []string{
			"unit: lvsmark.service is not ordered after nftables.service, which may replace the ruleset afterwards",
			"flush-ruleset: ExecStartPre of nftables.service: nftables.service flushes the ruleset, and lvsmark.service is not started after it",
		}},
		{name: "flush in an included file", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n", "etc/nftables.conf": "#!/usr/sbin/nft -f\ninclude \"rules/*.nft\"\n", "etc/rules/a.nft": "flush ruleset; include '/srv/b'\n"}, want: []string{
			"flush-ruleset: /etc/rules/a.nft:1: a restart of nftables.service flushes the ruleset, and lvsmark.service has no PartOf=nftables.service: it does not apply the spec again",
		}},
		{name: "flush of a family", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n", "etc/nftables.conf": "include \"/etc/nftables.conf\"\nflush ruleset inet; flush ruleset ip\n"}, want: []string{
			"flush-ruleset: /etc/nftables.conf:2: a restart of nftables.service flushes the ruleset, and lvsmark.service has no PartOf=nftables.service: it does not apply the spec again",
		}},
		{name: "flush of another family", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n", "etc/nftables.conf": "flush ruleset inet\nflush table ip filter\n"}},
		{name: "samples of RHEL that nothing includes", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n", "etc/nftables.conf": "-", "etc/sysconfig/nftables.conf": "# include \"/etc/nftables/main.nft\"\n", "etc/nftables/main.nft": "flush ruleset\ntable ip lvsmark {\n}\n"}},
		{name: "masked firewall", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\n", "etc/systemd/system/nftables.service": ""}},
		{name: "no flush", files: map[string]string{"etc/systemd/system/lvsmark.service": "[Unit]\nAfter=nftables.service\n", "etc/nftables.conf": "# flush ruleset\n"}},
		{name: "saved table", files: map[string]string{"etc/nftables.conf": "flush ruleset\ntable ip lvsmark {\n}\n"}, want: []string{
			"saved-rules: /etc/nftables.conf:2: the file has lvsmark's table ip lvsmark",
		}},
		{name: "saved rules of the recipe", files: map[string]string{"etc/iptables/rules.v4": "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 21 -j MARK --set-xmark 0x15/0xffffffff\n-A PREROUTING -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x25/0xffffffff\nCOMMIT\n"}, want: []string{
			"saved-rules: /etc/iptables/rules.v4:3: it sets the mark of cluster ftp: -A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 21 -j MARK --set-xmark 0x15/0xffffffff",
		}},
		{name: "saved rules of other places", files: map[string]string{
			"etc/iptables.up.rules": "*mangle\n-A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 21 -j MARK --set-mark 21\nCOMMIT\n",
			"etc/ufw/before.rules":  "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 10.0.0.0/24 -p tcp --sport 20 -j MASQUERADE\nCOMMIT\n*filter\n:ufw-before-input - [0:0]\n-A ufw-before-input -i lo -j ACCEPT\nCOMMIT\n",
		}, want: []string{
			"saved-rules: /etc/iptables.up.rules:2: it sets the mark of cluster ftp: -A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 21 -j MARK --set-mark 21",
			"saved-rules: /etc/ufw/before.rules:3: it translates active data of cluster ftp: -A POSTROUTING -s 10.0.0.0/24 -p tcp --sport 20 -j MASQUERADE",
		}},
		{name: "the recipe in scripts of the boot", files: map[string]string{
			"etc/rc.local":                     "#!/bin/sh -e\n# VIP\niptables -t mangle -A PREROUTING -p tcp -d 198.51.100.21 --dport 21 -j MARK --set-mark 21\niptables -A INPUT -i lo -j ACCEPT\nexit 0\n",
			"etc/network/if-pre-up.d/firewall": "#!/bin/sh\n/sbin/iptables -t nat -A POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE\n",
			"etc/network/if-up.d/other":        "#!/bin/sh\ncase $1 in a) b;; esac\n",
			"etc/firewalld/direct.xml":         "<?xml version=\"1.0\"?>\n<direct>\n  <rule ipv=\"ipv4\" table=\"mangle\" chain=\"PREROUTING\" priority=\"0\">-d 198.51.100.21 -p tcp --dport 10000:20000 -j MARK --set-mark 21</rule>\n</direct>\n",
		}, want: []string{
			"saved-rules: /etc/rc.local:3: it sets the mark of cluster ftp: iptables -t mangle -A PREROUTING -p tcp -d 198.51.100.21 --dport 21 -j MARK --set-mark 21",
			"saved-rules: /etc/network/if-pre-up.d/firewall:2: it translates active data of cluster ftp: /sbin/iptables -t nat -A POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE",
			"saved-rules: /etc/firewalld/direct.xml:3: it sets the mark of cluster ftp: <rule ipv=\"ipv4\" table=\"mangle\" chain=\"PREROUTING\" priority=\"0\">-d 198.51.100.21 -p tcp --dport 10000:20000 -j MARK --set-mark 21</rule>",
		}},
		{name: "scripts of the boot about others", files: map[string]string{
			"etc/rc.local": "#!/bin/sh -e\niptables -t mangle -A PREROUTING -p tcp -d 198.51.100.99 --dport 21 -j MARK --set-mark 99\n", "etc/network/if-up.d/x": "#!/bin/sh\n# no iptables\nwhile true; do\n",
		}},
		{name: "keepalived", yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/keepalived/keepalived.conf": "virtual_server fwmark 21 {\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n  real_server 10.0.0.11 0 {\n    weight 1\n  }\n}\n"}, want: []string{
			"managers: keepalived manages the service of /etc/keepalived/keepalived.conf:1, which the spec has too",
		}},
		{name: "keepalived of another file", yaml: "{bind: false} => {bind: true}", files: map[string]string{
			"etc/systemd/system/keepalived.service":             "[Service]\nEnvironment=\"A=b c\" FILE=/etc/none\nEnvironmentFile=-/etc/default/keepalived\nExecStart=/usr/sbin/keepalived --dont-fork $DAEMON_ARGS\n",
			"etc/default/keepalived":                            "# Options\nFILE=/srv/lvs.conf\nDAEMON_ARGS=\"-D -nf ${FILE}\"\n",
			"etc/default/keepalived.old":                        "DAEMON_ARGS=\"\"\n",
			"etc/systemd/system/keepalived.service.d/file.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/keepalived --dont-fork -Dlf ${FILE}\n",
			"srv/lvs.conf":                                      "virtual_server fwmark 21 {\n  lb_algo rr\n  lb_kind NAT\n  real_server 10.0.0.11 0 {\n  }\n}\n",
		}, want: []string{
			"managers: keepalived manages the service of /srv/lvs.conf:1, which the spec has too",
		}},
		{name: "keepalived, not of the default file", yaml: "{bind: false} => {bind: true}", files: map[string]string{
			"etc/systemd/system/keepalived.service": "[Service]\nEnvironmentFile=-/etc/default/keepalived\nExecStart=/usr/sbin/keepalived --dont-fork $DAEMON_ARGS\n",
			"etc/default/keepalived":                "DAEMON_ARGS=\"--use-file=/srv/other.conf\"\n", "srv/other.conf": "",
			"etc/keepalived/keepalived.conf": "virtual_server fwmark 21 {\n  lb_algo rr\n  lb_kind NAT\n  real_server 10.0.0.11 0 {\n  }\n}\n",
		}},
		{name: "keepalived, bind: false", files: map[string]string{"etc/keepalived/keepalived.conf": "virtual_server fwmark 21 {\n  lb_algo rr\n  lb_kind NAT\n  real_server 10.0.0.11 0 {\n  }\n}\n"}},
		{name: "two managers, bind: false", files: map[string]string{
			"etc/keepalived/keepalived.conf": "virtual_server fwmark 21 {\n  lb_algo rr\n  lb_kind NAT\n  real_server 10.0.0.11 0 {\n  }\n}\n",
			wants + "ipvsadm.service":        "", "etc/ipvsadm.rules": "-A -t 198.51.100.21:21 -s wlc -p 300\n-a -t 198.51.100.21:21 -r 10.0.0.11:21 -m -w 1\n",
		}, want: []string{
			"managers: keepalived manages the service of /etc/keepalived/keepalived.conf:1, which the spec has too",
			"managers: ipvsadm.service manages the service of /etc/ipvsadm.rules:1, which the spec has too",
		}},
		{name: "ipvsadm.service", yaml: "{bind: false} => {bind: true}", files: map[string]string{wants + "ipvsadm.service": "", "etc/ipvsadm.rules": "-A -f 21 -s wlc\n"}, want: []string{
			"managers: ipvsadm.service manages the service of /etc/ipvsadm.rules:1, which the spec has too",
		}},
		{name: "script of Debian's ipvsadm", yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/init.d/ipvsadm": "#!/bin/sh\n", "etc/rc2.d/S01ipvsadm": "", "etc/default/ipvsadm": "# AUTO\nAUTO=\"true\"\n", "etc/ipvsadm.rules": "-A -f 21 -s wlc\n"}, want: []string{
			"managers: ipvsadm.service manages the service of /etc/ipvsadm.rules:1, which the spec has too",
		}},
		{name: "script of Debian's ipvsadm without rules", yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/init.d/ipvsadm": "#!/bin/sh\n", "etc/rc2.d/S01ipvsadm": "", "etc/default/ipvsadm": "AUTO=\"true\"\n", "etc/ipvsadm.rules": "# empty rules file\n"}, want: []string{
			"managers: ipvsadm.service deletes all services of IPVS when it starts or stops, those of the spec too",
		}},
		{name: "script of Debian's ipvsadm as installed", yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/init.d/ipvsadm": "#!/bin/sh\n", "etc/rc2.d/S01ipvsadm": "", "etc/default/ipvsadm": "AUTO=\"false\"\n", "etc/ipvsadm.rules": "-A -f 21 -s wlc\n"}},
		{name: "ipvsadm.service with services of others", yaml: "{bind: false} => {bind: true}", files: map[string]string{wants + "ipvsadm.service": "", "etc/sysconfig/ipvsadm": "-A -f 99 -s wlc\n"}, want: []string{
			"managers: ipvsadm.service deletes all services of IPVS when it starts or stops, those of the spec too",
		}},
		{name: "ipvsadm.service with services of others, bind: false", files: map[string]string{wants + "ipvsadm.service": "", "etc/sysconfig/ipvsadm": "-A -f 99 -s wlc\n"}},
		{name: "ipvsadm.service, disabled", yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/ipvsadm.rules": "-A -f 21 -s wlc\n"}},
	}
}

// masqueradeTo begins a change of the spec, up to the client networks.
const masqueradeTo = "{active-data: {translate: snat, source: 10.0.0.0/24}} => {active-data: {translate: masquerade, source: 10.0.0.0/24}}\n    only: {sources: ["

// dmz adds a network in which clients may be.
const dmz = "ip link add dmz type veth peer name dmz netns $FAR; ip -n $FAR link set dmz up; ip link set dmz up; ip address add 192.168.5.1/24 dev dmz"

func routeTraps() []trap {
	return []trap{
		{name: "forwarding", commands: "sysctl -qw net.ipv4.ip_forward=0", want: []string{"forwarding: net.ipv4.ip_forward is 0, and real servers have nat"}},
		{name: "forwarding, direct", commands: "sysctl -qw net.ipv4.ip_forward=0", yaml: direct},
		{name: "IPv6", yaml: sixes, commands: sixAddresses + "sysctl -qw net.ipv6.conf.all.forwarding=1"},
		{name: "IPv6 forwarding", yaml: sixes, commands: sixAddresses + "sysctl -qw net.ipv6.conf.all.forwarding=0", want: []string{"forwarding: net.ipv6.conf.all.forwarding is 0, and real servers have nat"}},
		{name: "IPv6 without the VIP", yaml: sixes, commands: "ip address add fd00::1/64 dev lan nodad; sysctl -qw net.ipv6.conf.all.forwarding=1", want: []string{
			"vip-local: cluster ftp: 2001:db8::21 is no address of the director",
		}},
		{name: "IPv6, no route to the real server", yaml: sixes, commands: sixAddresses + "sysctl -qw net.ipv6.conf.all.forwarding=1; ip -6 route add unreachable fd00::11", want: []string{
			"server-route: there is no route to real server rs1 (fd00::11) of cluster ftp: no route to host",
		}},
		{name: "forwarding of a device", mends: true, commands: "sysctl -qw net.ipv4.conf.lan.forwarding=0", want: []string{
			"forwarding-device: the kernel does not forward packets from lan, although net.ipv4.ip_forward is 1, and drops replies of 10.0.0.11",
		}},
		{name: "VIP of another host", commands: "ip address del 198.51.100.21/24 dev wan; ip address add 198.51.100.2/24 dev wan; ip route add default via 198.51.100.1", want: []string{
			"vip-local: cluster ftp: 198.51.100.21 is no address of the director",
		}},
		{name: "VIP by a local route", commands: "ip address del 198.51.100.21/24 dev wan; ip address add 198.51.100.2/24 dev wan; ip route add default via 198.51.100.1; ip route add local 198.51.100.21 dev lo"},
		{name: "strict rp_filter, two default routes", mends: true, commands: "ip route add default via 10.0.0.254 metric 5; sysctl -qw net.ipv4.conf.wan.rp_filter=1", want: []string{
			"rp-filter: rp_filter is 1 (strict) on wan, and there are default routes by wan, lan",
		}},
		{name: "strict rp_filter", commands: "sysctl -qw net.ipv4.conf.wan.rp_filter=1"},
		{name: "loose rp_filter, two default routes", commands: "ip route add default via 10.0.0.254 metric 5; sysctl -qw net.ipv4.conf.wan.rp_filter=2"},
		{name: "strict rp_filter, a rule", mends: true, commands: "ip rule add iif wan lookup 200 priority 9; sysctl -qw net.ipv4.conf.all.rp_filter=1", want: []string{
			"rp-filter: rp_filter is 1 (strict) on wan, lan, and ip rule 9 selects routes by other properties than the destination",
		}},
		{name: "src_valid_mark", mends: true, commands: "ip rule add fwmark 21 lookup 200 priority 900; sysctl -qw net.ipv4.conf.all.src_valid_mark=1 net.ipv4.conf.wan.rp_filter=2", want: []string{
			"ip-rules: ip rule 900 (fwmark 0x15 lookup 200) matches the mark of ftp: with src_valid_mark, rp_filter looks up the way back to clients by this rule, and may drop packets to the VIPs on wan",
		}},
		{name: "a rule for another mark", commands: "ip rule add fwmark 22 lookup 200 priority 900; sysctl -qw net.ipv4.conf.all.src_valid_mark=1 net.ipv4.conf.wan.rp_filter=2"},
		{name: "masquerade", commands: "ip address del 198.51.100.21/24 dev wan; ip address add 198.51.100.2/24 dev wan; ip address add 198.51.100.21/32 dev wan; ip route add default via 198.51.100.1", yaml: "translate: snat => translate: masquerade", want: []string{
			"masquerade-address: active data of cluster ftp leaves with 198.51.100.2, the address of the outgoing device, and not with the VIP that the client knows (198.51.100.21)",
		}},
		{name: "masquerade with the VIP", yaml: "translate: snat => translate: masquerade"},
		{name: "masquerade to client networks", commands: "ip address add 203.0.113.2/24 dev wan; ip route del default", yaml: masqueradeTo + "198.51.100.0/24, 203.0.113.0/24]}", want: []string{
			"masquerade-address: active data of cluster ftp leaves with 203.0.113.2, the address of the outgoing device, and not with the VIP that the client knows (198.51.100.21)",
		}},
		{name: "masquerade to client networks with the VIP", commands: "ip address add 203.0.113.2/24 dev wan; ip route add 192.0.2.0/24 via 198.51.100.1", yaml: masqueradeTo + "198.51.100.0/24, 192.0.2.0/24]}"},
		{name: "masquerade, IPv6", commands: sixMasquerade + "ip address add 2001:db8::5/64 dev wan nodad; ip address add 2001:db8::21/128 dev wan nodad preferred_lft 0", yaml: sixesMasquerade, want: []string{
			"masquerade-address: active data of cluster ftp leaves with 2001:db8::5, the address of the outgoing device, and not with the VIP that the client knows (2001:db8::21)",
		}},
		{name: "masquerade with the VIP, IPv6", commands: sixMasquerade + "ip address add 2001:db8::21/64 dev wan nodad", yaml: sixesMasquerade},
		{name: "masquerade with the VIP, but perhaps not to another network", commands: dmz, yaml: "translate: snat => translate: masquerade"},
		{name: "masquerade without a default route", commands: "ip route del default; " + dmz, yaml: "translate: snat => translate: masquerade", want: []string{
			"masquerade-address: active data of cluster ftp to clients that may be behind dmz, such as 192.168.5.2, leaves with 192.168.5.1, the address of the outgoing device, and not with the VIP that the client knows (198.51.100.21)",
		}},
		{name: "masquerade with the VIP without a default route", commands: "ip route del default", yaml: "translate: snat => translate: masquerade"},
		{name: "masquerade with the VIP to the only device of clients", commands: dmz, yaml: "{active-data: {translate: snat, source: 10.0.0.0/24}} => {active-data: {translate: masquerade, source: 10.0.0.0/24}}\n    only: {devices: [wan]}"},
		{name: "arp_ignore, the VIP on another device", commands: "ip address del 198.51.100.21/24 dev wan; ip address add 198.51.100.2/24 dev wan; ip address add 198.51.100.21/32 dev lo; sysctl -qw net.ipv4.conf.all.arp_ignore=1", want: []string{
			"vip-arp: cluster ftp: the director does not answer ARP requests for 198.51.100.21 on wan, whose arp_ignore is 1",
		}},
		{name: "arp_ignore, a local route", commands: "ip address del 198.51.100.21/24 dev wan; ip address add 198.51.100.2/24 dev wan; ip route add local 198.51.100.21 dev wan; sysctl -qw net.ipv4.conf.wan.arp_ignore=3", want: []string{
			"vip-arp: cluster ftp: the director does not answer ARP requests for 198.51.100.21 on wan, whose arp_ignore is 3",
		}},
		{name: "arp_ignore 3, an address of another device", commands: "ip address del 198.51.100.21/24 dev wan; ip address add 198.51.100.2/24 dev wan; ip address add 198.51.100.21/32 dev lo; sysctl -qw net.ipv4.conf.all.arp_ignore=3"},
		{name: "arp_ignore, the VIP on the device", commands: "sysctl -qw net.ipv4.conf.all.arp_ignore=1"},
		{name: "arp_ignore, the VIP in no subnet", commands: "ip address del 198.51.100.21/24 dev wan; ip address add 203.0.113.2/24 dev wan; ip address add 198.51.100.21/32 dev lo; sysctl -qw net.ipv4.conf.all.arp_ignore=1"},
		{name: "no answers to ARP requests", commands: "sysctl -qw net.ipv4.conf.wan.arp_ignore=8", want: []string{
			"vip-arp: cluster ftp: the director does not answer ARP requests for 198.51.100.21 on wan, whose arp_ignore is 8",
		}},
		{name: "no route to the real server", commands: "ip route add unreachable 10.0.0.11", want: []string{
			"server-route: there is no route to real server rs1 (10.0.0.11) of cluster ftp: no route to host",
		}},
		{name: "replies refused by a rule", commands: "ip rule add from 10.0.0.0/24 prohibit", want: []string{
			"reply-route: a rule or a route refuses replies of real server rs1 (10.0.0.11) of cluster ftp to clients such as 240.0.0.1: permission denied",
		}},
		{name: "replies with a table of their own", commands: "ip route add default via 198.51.100.1 dev wan table 200; ip rule add from 10.0.0.0/24 lookup 200"},
		{name: "direct behind a router", commands: "ip route add 10.0.0.11 via 10.0.0.9", yaml: direct, want: []string{
			"server-route: real server rs1 (10.0.0.11) of cluster ftp has direct forwarding, but is behind the router 10.0.0.9, which sends packets to the VIP back",
		}},
		{name: "direct, the real server has the VIP", commands: "ip -n $FAR address add 198.51.100.21/32 dev lo; ip -n $FAR link set server address 02:00:00:00:00:01; ip netns exec $FAR sysctl -qw net.ipv4.conf.client.arp_ignore=8", yaml: direct, want: []string{
			"server-arp: on lan, 02:00:00:00:00:01 answers ARP requests for VIP 198.51.100.21 of cluster ftp",
		}},
		{name: "direct, the real server has the VIP, the first ARP probe is lost", commands: "ip -n $FAR address add 198.51.100.21/32 dev lo; ip -n $FAR link set server address 02:00:00:00:00:01; ip netns exec $FAR sysctl -qw net.ipv4.conf.client.arp_ignore=8; " +
			"ip netns exec $FAR nft add table arp t; ip netns exec $FAR nft add chain arp t c {type filter hook input priority 0;}; ip netns exec $FAR nft add rule arp t c iifname server arp daddr ip 198.51.100.21 numgen inc mod 2 0 drop", yaml: direct, want: []string{
			"server-arp: on lan, 02:00:00:00:00:01 answers ARP requests for VIP 198.51.100.21 of cluster ftp",
		}},
		{name: "direct, arp_ignore", commands: "ip -n $FAR address add 198.51.100.21/32 dev lo; ip netns exec $FAR sysctl -qw net.ipv4.conf.all.arp_ignore=1", yaml: direct},
		{name: "IPv6, direct, the real server has the VIP on the link", yaml: sixesDirect, commands: sixAddresses + farSix + "ip -n $FAR address add 2001:db8::21/128 dev server nodad; ip -n $FAR link set server address 02:00:00:00:00:01; " + linkLocal, want: []string{
			"server-arp: on lan, 02:00:00:00:00:01 answers neighbor solicitations for VIP 2001:db8::21 of cluster ftp",
		}},
		{name: "IPv6, direct, the real server has the VIP on lo", yaml: sixesDirect, commands: sixAddresses + farSix + "ip -n $FAR address add 2001:db8::21/128 dev lo nodad; " + linkLocal},
		{name: "nat, the real server has the VIP", commands: "ip -n $FAR address add 198.51.100.21/32 dev lo"},
		{name: "no answer to ARP", commands: "ip neigh add 10.0.0.11 dev lan nud failed", want: []string{
			"server-neighbor: real server rs1 (10.0.0.11) of cluster ftp does not answer ARP or neighbor solicitations",
		}},
		{name: "answer to ARP on one of two devices", commands: "ip neigh add 10.0.0.11 dev lan lladdr 02:00:00:00:00:01 nud stale; ip neigh add 10.0.0.11 dev wan nud failed"},
		{name: "answer to ARP", commands: "ip neigh add 10.0.0.11 dev lan lladdr 02:00:00:00:00:01 nud stale"},
	}
}

func ruleTraps() []trap {
	return []trap{
		{name: "mark of the recipe", mends: true, ruleset: "table ip old { chain c { type filter hook prerouting priority mangle; ip daddr 198.51.100.21 tcp dport 21 meta mark set 21; tcp dport 25 meta mark set 25; } }", want: []string{
			"leftovers: table ip old, chain c, rule 1 (ip daddr 198.51.100.21 tcp dport 21 meta mark set 0x00000015): it sets the mark of cluster ftp",
		}},
		{name: "translation of the recipe", mends: true, ruleset: "table ip old { chain c { type nat hook postrouting priority 101; ip saddr 10.0.0.0/24 tcp sport 20 masquerade; ip saddr 10.9.0.0/24 tcp sport 20 masquerade; } }", want: []string{
			"leftovers: table ip old, chain c, rule 1 (ip saddr 10.0.0.0/24 tcp sport 20 masquerade): it translates active data of cluster ftp",
		}},
		{name: "another mark", ruleset: "table ip other { chain c { type filter hook prerouting priority 0; ip daddr 198.51.100.21 meta mark set 7; } }", want: []string{
			"foreign-marks: table ip other, chain c, rule handle 2 (ip daddr 198.51.100.21 meta mark set 0x00000007): will set the mark of packets to 198.51.100.21 (ports 21, 10000-20000)",
		}},
		{name: "a firewall", ruleset: "table inet filter { chain c { type filter hook input priority 0; tcp dport 21 drop; } }", want: []string{
			"firewall: table inet filter, chain c, rule handle 2 (tcp dport 21 drop): will drop packets to 198.51.100.21 (ports 21)",
		}},
		{name: "a firewall that accepts", ruleset: "table inet filter { chain c { type filter hook input priority 0; tcp dport 21 accept; } }"},
		{name: "nat without connection tracking", ruleset: "table ip n { chain c { type nat hook postrouting priority srcnat; ip daddr 10.0.0.11 masquerade; } }", want: []string{
			"ipvs-conntrack: net.ipv4.vs.conntrack is 0, so table ip n, chain c, rule 1 (ip daddr 10.0.0.11 masquerade) does not translate packets that IPVS sends to 10.0.0.11",
		}},
		{name: "nat by the mark without connection tracking", ruleset: "table ip n { chain c { type nat hook postrouting priority srcnat; meta mark 21 snat to 10.0.0.1; } }", want: []string{
			"ipvs-conntrack: net.ipv4.vs.conntrack is 0, so table ip n, chain c, rule 1 (meta mark 0x00000015 snat to 10.0.0.1) does not translate packets that IPVS sends to 10.0.0.11",
		}},
		{name: "nat of all", ruleset: "table ip n { chain c { type nat hook postrouting priority srcnat; oifname wan masquerade; } }"},
		{name: "nat of others", ruleset: "table ip n { chain c { type nat hook postrouting priority srcnat; ip daddr 10.0.9.0/24 masquerade; } }"},
		{name: "iptables-nft", mends: true, commands: "iptables-nft -t mangle -A PREROUTING -d 198.51.100.21 -p tcp --dport 21 -j MARK --set-mark 21; iptables-nft -t mangle -A PREROUTING -d 198.51.100.21 -p tcp --dport 22 -j MARK --set-mark 22", want: []string{
			"leftovers: table ip mangle, chain PREROUTING, rule 1 (ip daddr 198.51.100.21 tcp dport 21 counter xt target \"MARK\"): it sets the mark of cluster ftp",
		}},
		{name: "iptables-legacy", mends: true, commands: "iptables-legacy -t mangle -A PREROUTING -d 198.51.100.21 -p tcp --dport 10000:20000 -j MARK --set-mark 21; iptables-legacy -t nat -A POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE", want: []string{
			"leftovers: iptables-legacy, table nat (-A POSTROUTING -s 10.0.0.0/24 -p tcp -m tcp --sport 20 -j MASQUERADE): it translates active data of cluster ftp",
			"leftovers: iptables-legacy, table mangle (-A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 10000:20000 -j MARK --set-xmark 0x15/0xffffffff): it sets the mark of cluster ftp",
		}},
		{name: "iptables-legacy, others", commands: "iptables-legacy -t mangle -A PREROUTING -d 198.51.100.99 -p tcp --dport 21 -j MARK --set-mark 99"},
		{name: "helper of iptables", mends: true, commands: "iptables-legacy -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp", want: []string{
			"conntrack-helper: iptables-legacy, table raw (-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp) gives connections a helper; clusters of FTP: ftp",
		}},
		{name: "helper of another protocol", commands: "iptables-legacy -t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp"},
		{name: "helper of another protocol of iptables-nft", commands: "iptables-nft -t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp"},
		{name: "helper of another protocol of nft", ruleset: "table ip h { ct helper ftp { type \"tftp\" protocol udp; }\n chain c { type filter hook prerouting priority 0; udp dport 69 ct helper set \"ftp\"; } }"},
		{name: "helper of iptables-nft", mends: true, commands: "iptables-nft -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp", want: []string{
			"conntrack-helper: table ip raw, chain PREROUTING, rule 1 (tcp dport 21 counter xt target \"CT\") gives connections a helper; clusters of FTP: ftp",
		}},
		{name: "helpers of objects by port", mends: true, ruleset: "table ip h { ct helper f { type \"ftp\" protocol tcp; }\n ct helper s { type \"tftp\" protocol udp; }\n chain c { type filter hook prerouting priority 0; " +
			"ct helper set tcp dport map { 5060 : \"s\", 2121 : \"f\" }; ct helper set tcp dport map { 5060 : \"s\" }; ip saddr 192.0.2.9 counter meta priority set 0:7 tcp dport 21 ct helper set \"f\"; } }", want: []string{
			"conntrack-helper: table ip h, chain c, rule 1 (ct helper set tcp dport map { 2121 : \"f\", 5060 : \"s\" }) gives connections a helper; clusters of FTP: ftp",
			"conntrack-helper: table ip h, chain c, rule 3 (ip saddr 192.0.2.9 counter meta priority set 0:7 tcp dport 21 ct helper set \"f\") gives connections a helper; clusters of FTP: ftp",
		}},
		{name: "objects of another kind by port", ruleset: "table ip h { counter f { }\n ct helper f { type \"ftp\" protocol tcp; }\n chain c { type filter hook prerouting priority 0; counter name tcp dport map { 21 : \"f\" }; } }"},
		{name: "helper", mends: true, ruleset: "table ip h { ct helper f { type \"ftp\" protocol tcp; }\n chain c { type filter hook prerouting priority 0; tcp dport 2121 ct helper set \"f\"; } }", want: []string{
			"conntrack-helper: table ip h, chain c, rule 1 (tcp dport 2121 ct helper set \"f\") gives connections a helper; clusters of FTP: ftp",
		}},
	}
}

func portTraps() []trap {
	return []trap{
		{name: "UDP ports", yaml: "    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}} =>     ports: [udp/40000]\n    persistence: 0", want: []string{
			"local-ports: net.ipv4.ip_local_port_range (32768-60999) has UDP ports of ftp: IPVS may take answers to UDP sockets that programs of the director open on a VIP",
		}},
		{name: "TCP ports without nft_socket", yaml: "{translate: snat, source: 10.0.0.0/24}} => {translate: snat, source: 10.0.0.0/24}, passive-ports: 1024-65535}", files: map[string]string{"lib/modules/KERNEL/modules.dep": "ip_vs.ko:\n"}, want: []string{
			"local-ports: net.ipv4.ip_local_port_range (32768-60999) has TCP ports of ftp, and the kernel has no module nft_socket, by which lvsmark leaves out connections of the director",
		}},
		{name: "TCP ports without nft_socket, reserved", commands: "sysctl -qw net.ipv4.ip_local_reserved_ports=32768-60999", yaml: "{translate: snat, source: 10.0.0.0/24}} => {translate: snat, source: 10.0.0.0/24}, passive-ports: 1024-65535}", files: map[string]string{"lib/modules/KERNEL/modules.dep": "ip_vs.ko:\n"}},
		{name: "TCP ports", yaml: "{translate: snat, source: 10.0.0.0/24}} => {translate: snat, source: 10.0.0.0/24}, passive-ports: 1024-65535}"},
	}
}

package director_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/integration/need"
)

// web makes the cluster one without FTP; its persistence follows.
const web = "    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}} =>     ports: [80]\n    persistence: "

func ipvsTraps() []trap {
	return []trap{
		{name: "no trap"},
		{name: "two real servers", yaml: "[{name: rs1, address: 10.0.0.11}] => [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.1}]", want: []string{
			"expire-nodest-conn: net.ipv4.vs.expire_nodest_conn is 0, and real servers of ftp can be removed",
		}},
		{name: "two real servers, expire_nodest_conn", commands: "sysctl -qw net.ipv4.vs.expire_nodest_conn=1", yaml: "[{name: rs1, address: 10.0.0.11}] => [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.1}]"},
		{name: "templates of FTP expire", commands: "sysctl -qw net.ipv4.vs.expire_quiescent_template=1", want: []string{
			"expire-quiescent-template: net.ipv4.vs.expire_quiescent_template is 1, and FTP clusters have persistence: ftp",
		}},
		{name: "templates of a web cluster expire", commands: "sysctl -qw net.ipv4.vs.expire_quiescent_template=1", yaml: web + "5m"},
		{name: "templates of a web cluster", yaml: web + "5m", want: []string{
			"expire-quiescent-template: net.ipv4.vs.expire_quiescent_template is 0, and clusters have persistence: ftp",
		}},
		{name: "no persistence", yaml: web + "0"},
		{name: "reuse mode", commands: "sysctl -qw net.ipv4.vs.conn_reuse_mode=0", want: []string{"conn-reuse-mode: net.ipv4.vs.conn_reuse_mode is 0"}},
		{name: "sloppy_tcp", commands: "sysctl -qw net.ipv4.vs.sloppy_tcp=1", want: []string{
			"sloppy-tcp: net.ipv4.vs.sloppy_tcp is on, and the scheduler of ftp does not choose by the client's address",
		}},
		{name: "sloppy_tcp and sh", commands: "sysctl -qw net.ipv4.vs.sloppy_tcp=1", yaml: "    mark: 21 =>     mark: 21\n    scheduler: sh"},
		{name: "timeout", commands: "ipvsadm --set 900 120 300", want: []string{
			"tcp-timeout: IPVS forgets an idle TCP connection after 15m0s: transfers of ftp that take longer end their session",
		}},
		{name: "timeout without FTP", commands: "ipvsadm --set 900 120 300", yaml: web + "0"},
		{name: "netmask 0", mends: true, commands: "ipvsadm -A -f 21 -s rr -p 300 -M 0.0.0.0", want: []string{
			"persistence-netmask: the service of fwmark 21 IPv4 has persistence with the netmask 0.0.0.0",
		}},
		{name: "netmask 24", commands: "ipvsadm -A -f 21 -s rr -p 300 -M 255.255.255.0"},
		{name: "no persistence in the kernel", commands: "ipvsadm -A -f 21 -s rr"},
		{name: "service by address", mends: true, commands: "ipvsadm -A -t 198.51.100.21:21 -s rr; ipvsadm -A -u 198.51.100.21:21 -s rr; ipvsadm -A -t 198.51.100.99:21 -s rr", want: []string{
			"address-services: there is a service tcp 198.51.100.21:21 beside the mark of cluster ftp",
		}},
		{name: "service of all ports", commands: "ipvsadm -A -t 198.51.100.21:0 -s rr -p 300", want: []string{
			"address-services: there is a service tcp 198.51.100.21:0 beside the mark of cluster ftp",
		}},
		{name: "service of all ports with netmask 0", mends: true, commands: "ipvsadm -A -t 198.51.100.99:0 -s rr -p 300 -M 0.0.0.0", want: []string{
			"persistence-netmask: the service tcp 198.51.100.99:0 has persistence with the netmask 0.0.0.0",
		}},
		{name: "conntrack and source-nat", yaml: "    mark: 21 =>     mark: 21\n    source-nat: masquerade", want: []string{
			"ipvs-conntrack: net.ipv4.vs.conntrack is 0, and a cluster has source-nat",
		}},
		{name: "source-nat", commands: "sysctl -qw net.ipv4.vs.conntrack=1", yaml: "    mark: 21 =>     mark: 21\n    source-nat: masquerade"},
		{name: "ip_vs_ftp", mends: true, commands: "modprobe ip_vs_ftp", want: []string{
			"ip-vs-ftp: the kernel module ip_vs_ftp is loaded: it replaces the answers to PASV of ftp, and if these name the VIP, as with the output of `lvsmark render vsftpd`, their data connections fail",
		}},
		{name: "ip_vs_ftp, direct", commands: "modprobe ip_vs_ftp", yaml: direct},
	}
}

// TestIPVSTraps sets traps in a kernel with IPVS.
func TestIPVSTraps(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm", "modprobe")
	for _, c := range ipvsTraps() {
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(func() { _ = exec.Command("modprobe", "-r", "ip_vs_ftp").Run() })
			inDirector(t, func() {
				run(t, c.commands)
				report := examine(t, c.spec(), c.machine(), nil)
				assert.Equal(t, c.want, texts(report))
				assert.Empty(t, withoutIPVS(report))
				if c.mends {
					run(t, commands(report)[0])
					assert.Empty(t, texts(examine(t, c.spec(), c.machine(), nil)))
				}
			})
		})
	}
}

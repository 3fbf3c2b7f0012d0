package realserver_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/doctor/realserver"
)

// nat is a cluster of which the host is the real server rs1; direct and tunnel differ in the
// forwarding, and shards has passive shards.
const (
	nat = `clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {}
    forwarding: nat
    real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]
`
	direct  = "direct"
	tunnel  = "tunnel"
	shards  = "shards"
	vsftpd  = "listen=YES\npasv_min_port=10000\npasv_max_port=20000\npasv_address=198.51.100.21\nconnect_from_port_20=YES\n"
	quietly = "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2; ip address add 198.51.100.21/32 dev lo"
)

func specOf(t *testing.T, kind string) *config.Spec {
	t.Helper()
	text := nat
	switch kind {
	case direct, tunnel:
		text = strings.Replace(nat, "forwarding: nat", "forwarding: "+kind, 1)
	case shards:
		text = strings.Replace(nat, "ftp: {}", "ftp: {passive-shards: 2}\n    persistence: 0", 1)
	}
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return spec
}

// A trap is set by commands or by files, and is found by one check.
type trap struct {
	name     string
	kind     string // of the cluster; empty: nat
	commands string
	files    map[string]string
	want     []string
}

func traps() []trap {
	const gone = "/etc/vsftpd.conf: "
	return slices.Concat([]trap{
		{name: "nat"},
		{name: "another host", commands: "ip address del 10.0.0.11/24 dev lan; ip address add 10.0.0.13/24 dev lan; ip route add default via 10.0.0.1", want: []string{"server-address: 10.0.0.11 is no address of this host"}},
		{name: "nat, VIP on the host", commands: "ip address add 198.51.100.21/32 dev lo", want: []string{"vip-device: VIP 198.51.100.21 of cluster ftp (10.0.0.11) is an address of lo, although the forwarding is nat"}},
		{name: "no default route", commands: "ip route del default", want: []string{"default-route: there is no IPv4 default route"}},
		{name: "another default route", commands: "ip route del default; ip route add default via 172.16.9.1", want: []string{
			"default-route: the IPv4 default route is by wan, but the director is behind lan",
		}},
		{name: "direct", kind: direct, commands: quietly},
		{name: "direct without the VIP", kind: direct, commands: "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2", want: []string{
			"vip-device: VIP 198.51.100.21 of cluster ftp (10.0.0.11) is no address of this host",
		}},
		{name: "direct, VIP on a link", kind: direct, commands: "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2; ip address add 198.51.100.21/32 dev lan", want: []string{
			"vip-device: VIP 198.51.100.21 of cluster ftp (10.0.0.11) is on lan, whose link has other hosts",
		}},
		{name: "direct, arp_ignore", kind: direct, commands: quietly + "; sysctl -qw net.ipv4.conf.all.arp_ignore=0; sysctl -qw net.ipv4.conf.lan.arp_ignore=1", want: []string{"arp-ignore: arp_ignore of wan is 0"}},
		{name: "direct, arp_announce", kind: direct, commands: quietly + "; sysctl -qw net.ipv4.conf.all.arp_announce=1; sysctl -qw net.ipv4.conf.lan.arp_announce=2", want: []string{"arp-announce: arp_announce of wan is 1"}},
		{name: "direct, asymmetric, strict rp_filter", kind: direct, commands: quietly + "; ip route del default; ip route add default via 172.16.9.1; sysctl -qw net.ipv4.conf.lan.rp_filter=1", want: []string{
			"rp-filter: rp_filter of lan is 1, and packets of clients come in there",
		}},
		{name: "direct, asymmetric", kind: direct, commands: quietly + "; ip route del default; ip route add default via 172.16.9.1"},
		{name: "direct, strict rp_filter", kind: direct, commands: quietly + "; sysctl -qw net.ipv4.conf.lan.rp_filter=1"},
		{name: "no tunnel device", kind: tunnel, commands: quietly + "; ip route replace default via 10.0.0.1 advmss 1440", want: []string{"tunnel-device: no device for ipip of cluster ftp (10.0.0.11) is up"}},

		{name: "no passive range", files: map[string]string{"etc/vsftpd.conf": "listen=YES\npasv_address=198.51.100.21\nconnect_from_port_20=YES\n"}, want: []string{
			"ftp-range: " + gone + "no passive ports are set, and cluster ftp has 10000-20000",
		}},
		{name: "wide passive range", files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "20000", "20001", 1)}, want: []string{
			"ftp-range: " + gone + "the passive ports are 10000-20001, and cluster ftp has 10000-20000",
		}},
		{name: "narrow passive range", files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "20000", "10009", 1)}},
		{name: "no address", files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "pasv_address", "#", 1)}, want: []string{
			"ftp-address: " + gone + "no address for answers to PASV is set, so the server names its own one (10.0.0.11) instead of VIP 198.51.100.21",
		}},
		{name: "no address, direct", kind: direct, commands: quietly, files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "pasv_address", "#", 1)}},
		{name: "another address", kind: direct, commands: quietly, files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "198.51.100.21", "198.51.100.22", 1)}, want: []string{
			"ftp-address: " + gone + "the address in answers to PASV is 198.51.100.22, and cluster ftp has VIP 198.51.100.21",
		}},
		{name: "active data from any port", files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "connect_from_port_20=YES", "connect_from_port_20=NO", 1)}, want: []string{
			"ftp-active-port: " + gone + "active data comes from any port; the director translates port 20",
		}},
		{name: "active data from any port, direct", kind: direct, commands: quietly, files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "connect_from_port_20=YES", "connect_from_port_20=NO", 1)}},
		{name: "listen_ipv6", files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "listen=YES", "listen=NO\nlisten_ipv6=YES", 1)}, want: []string{
			"ftp-listen-ipv6: " + gone + "line 2: listen_ipv6=YES and pasv_address, and clients of cluster ftp use IPv4: let one vsftpd listen on IPv4 (listen=YES) and another one on IPv6",
		}},
	}, otherServers())
}

func otherServers() []trap {
	none := func(files map[string]string) map[string]string {
		files["etc/vsftpd.conf"] = "-"
		return files
	}
	return []trap{
		{name: "proftpd", files: none(map[string]string{"etc/proftpd/proftpd.conf": "ServerName x\nPort 21\nPassivePorts 10000 20000\nMasqueradeAddress 198.51.100.21\n"})},
		{name: "proftpd without a range", files: none(map[string]string{"etc/proftpd/proftpd.conf": "ServerName x\nPort 21\nMasqueradeAddress 198.51.100.21\n"}), want: []string{
			"ftp-range: /etc/proftpd/proftpd.conf: no passive ports are set, and cluster ftp has 10000-20000",
		}},
		{name: "proftpd with included files", files: none(map[string]string{
			"etc/proftpd/proftpd.conf": "Include /etc/proftpd/modules.conf\nServerName x\nPort 21\nInclude /etc/proftpd/conf.d/\ninclude \"/etc/proftpd/more*.conf\"\n", "etc/proftpd/modules.conf": "LoadModule mod_tls.c\n",
			"etc/proftpd/conf.d/range": "PassivePorts 10000 20000\n", "etc/proftpd/more1.conf": "MasqueradeAddress 198.51.100.21\n",
		})},
		{name: "proftpd with an included file, wrong", files: none(map[string]string{"etc/proftpd/proftpd.conf": "ServerName x\nPort 21\nMasqueradeAddress 198.51.100.21\nInclude /etc/proftpd/conf.d\n", "etc/proftpd/conf.d/range": "PassivePorts 30000 30010\n"}), want: []string{
			"ftp-range: /etc/proftpd/proftpd.conf: the passive ports are 30000-30010, and cluster ftp has 10000-20000",
		}},
		{name: "pure-ftpd, files of single values", files: none(map[string]string{"etc/pure-ftpd/conf/PassivePortRange": "10000 20000\n", "etc/pure-ftpd/conf/ForcePassiveIP": "198.51.100.21\n"})},
		{name: "pure-ftpd of Debian, whose file is not used", files: none(map[string]string{
			"etc/pure-ftpd/conf/FSCharset": "UTF-8\n", "etc/pure-ftpd/conf/PassivePortRange": "# ports\n\n 10000 20000\n", "etc/pure-ftpd/conf/ForcePassiveIP": "198.51.100.21\n", "etc/pure-ftpd/pure-ftpd.conf": "ChrootEveryone yes\nPassivePortRange 30000 50000\n",
		})},
		{name: "pure-ftpd of Debian with settings in the file that is not used", files: none(map[string]string{
			"etc/pure-ftpd/conf/FSCharset": "UTF-8\n", "etc/pure-ftpd/conf/ForcePassiveIP": "198.51.100.21\n", "etc/pure-ftpd/pure-ftpd.conf": "ChrootEveryone yes\nPassivePortRange 10000 20000\nForcePassiveIP 198.51.100.21\n",
		}), want: []string{"ftp-range: /etc/pure-ftpd/conf: no passive ports are set, and cluster ftp has 10000-20000"}},
		{name: "pure-ftpd with a unit that names the file", files: none(map[string]string{
			"etc/pure-ftpd/conf/FSCharset": "UTF-8\n", "etc/pure-ftpd/pure-ftpd.conf": "ChrootEveryone yes\nPassivePortRange 10000 20000\nForcePassiveIP 198.51.100.21\n",
			"etc/systemd/system/pure-ftpd.service": "[Service]\nExecStart=/usr/sbin/pure-ftpd /etc/pure-ftpd/pure-ftpd.conf\n",
		})},
		{name: "pure-ftpd of other distributions", files: none(map[string]string{"etc/pure-ftpd/pure-ftpd.conf": "ChrootEveryone yes\nPassivePortRange 30000 50000\nForcePassiveIP 198.51.100.21\n"}), want: []string{
			"ftp-range: /etc/pure-ftpd/pure-ftpd.conf: the passive ports are 30000-50000, and cluster ftp has 10000-20000",
		}},
		{name: "pure-ftpd without values", files: none(map[string]string{"etc/pure-ftpd/conf/FSCharset": "UTF-8\n"}), want: []string{
			"ftp-range: /etc/pure-ftpd/conf: no passive ports are set, and cluster ftp has 10000-20000",
			"ftp-address: /etc/pure-ftpd/conf: no address for answers to PASV is set, so the server names its own one (10.0.0.11) instead of VIP 198.51.100.21",
		}},
	}
}

// inServer calls f in a namespace of a real server without traps: lan with the default route
// to the director, and wan.
func inServer(t *testing.T, f func()) {
	t.Helper()
	need.NFTables(t)
	need.Programs(t, "ip", "sysctl")
	scratch.Do(t, func() {
		run(t, "ip link set lo up; ip link add lan type veth peer name far0; ip link add wan type veth peer name far1; ip link set lan up; ip link set wan up; "+
			"ip address add 10.0.0.11/24 dev lan; ip address add 172.16.9.2/24 dev wan; ip link set far0 netns "+far(t)+"; ip link set far1 netns "+os.Getenv("FAR")+"; "+
			"ip -n "+os.Getenv("FAR")+" link set far0 up; ip -n "+os.Getenv("FAR")+" link set far1 up; ip route add default via 10.0.0.1; "+
			"sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lan.rp_filter=0 net.ipv4.conf.wan.rp_filter=0")
		f()
	})
}

// far creates the namespace of the other hosts.
func far(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("lvsmark-server-%d", os.Getpid())
	scratch.Run(t, "", "ip", "netns", "add", name)
	t.Cleanup(func() { assert.NoError(t, exec.Command("ip", "netns", "delete", name).Run()) })
	t.Setenv("FAR", name)
	return name
}

// run executes commands, separated by "; ".
func run(t *testing.T, commands string) {
	t.Helper()
	for command := range strings.SplitSeq(commands, "; ") {
		if words := strings.Fields(command); len(words) > 0 {
			scratch.Run(t, "", words[0], words[1:]...)
		}
	}
	scratch.Settle(t)
}

func examine(t *testing.T, c trap) doctor.Report {
	t.Helper()
	spec := specOf(t, c.kind)
	servers, err := realserver.Find(spec, "rs1")
	require.NoError(t, err)
	h, routes, err := host.Read("/")
	require.NoError(t, err)
	defer routes.Close()
	h.ReadServer(spec)
	files := fstest.MapFS{"etc/vsftpd.conf": &fstest.MapFile{Data: []byte(vsftpd)}}
	for name, text := range c.files {
		if files[name] = (&fstest.MapFile{Data: []byte(text)}); text == "-" {
			delete(files, name)
		}
	}
	h.Files = files
	return doctor.Run(realserver.Checks(), &realserver.Subject{Host: h, Servers: servers})
}

func texts(r doctor.Report) (list []string) {
	for _, result := range r {
		for _, f := range result.Findings {
			list = append(list, result.Name+": "+f.Text)
		}
	}
	return list
}

// TestUnknown: what a configuration seems to lack may be in a line whose meaning is not known. Then
// the check is not made.
func TestUnknown(t *testing.T) {
	for text, want := range map[string]string{
		"ServerName x\nMasqueradeAddress 198.51.100.21\n<IfDefine X>\nPassivePorts 10000 20000\n</IfDefine>\n": "ftp-range: PassivePorts 10000 20000",
		"ServerName x\nMasqueradeAddress eth0\nPassivePorts 10000 20000\n":                                     "ftp-address: MasqueradeAddress eth0",
	} {
		t.Run(want, func(t *testing.T) {
			inServer(t, func() {
				report := examine(t, trap{files: map[string]string{"etc/vsftpd.conf": "-", "etc/proftpd/proftpd.conf": text}})
				assert.Empty(t, texts(report))
				check, line, _ := strings.Cut(want, ": ")
				for _, r := range report {
					if r.Name == check {
						assert.Contains(t, r.NotChecked, "/etc/proftpd/proftpd.conf: "+line+": ")
					} else {
						assert.Empty(t, r.NotChecked, r.Name)
					}
				}
			})
		})
	}
}

// TestTraps sets each trap on a real server, and none.
func TestTraps(t *testing.T) {
	for _, c := range traps() {
		t.Run(c.name, func(t *testing.T) {
			inServer(t, func() {
				run(t, c.commands)
				report := examine(t, c)
				assert.Equal(t, c.want, texts(report))
				assert.Zero(t, report.Unchecked(), report)
			})
		})
	}
}

// TestTunnel has real servers with a tunnel device, on kernels with IPVS: they have the
// module ipip too.
func TestTunnel(t *testing.T) {
	need.IPVS(t)
	const device = quietly + "; ip link add t0 type ipip local 10.0.0.11 remote 10.0.0.1; ip link set t0 up; sysctl -qw net.ipv4.conf.t0.rp_filter=0; ip route replace default via 10.0.0.1 advmss 1440"
	for _, c := range []trap{
		{name: "tunnel", kind: tunnel, commands: device},
		{name: "VIP on the tunnel device", kind: tunnel, commands: device + "; ip address del 198.51.100.21/32 dev lo; ip address add 198.51.100.21/32 dev t0"},
		{name: "device down", kind: tunnel, commands: device + "; ip link set t0 down", want: []string{"tunnel-device: no device for ipip of cluster ftp (10.0.0.11) is up"}},
		{name: "strict rp_filter", kind: tunnel, commands: device + "; sysctl -qw net.ipv4.conf.t0.rp_filter=1", want: []string{"rp-filter: rp_filter of t0 is 1, and packets of clients come in there"}},
		{name: "MSS", kind: tunnel, commands: device + "; ip route replace default via 10.0.0.1", want: []string{
			"tunnel-mss: the host announces an MSS of 1460, and the tunnel of cluster ftp (10.0.0.11) over lan has room for 1440",
		}},
		{name: "MSS by a rule", kind: tunnel, commands: device + "; ip route replace default via 10.0.0.1; nft add table ip m; nft add chain ip m o; nft add rule ip m o tcp flags syn tcp option maxseg size set 1440"},
		{name: "large MTU", kind: tunnel, commands: device + "; ip route replace default via 172.16.9.1; ip link set lan mtu 1520"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inServer(t, func() {
				run(t, c.commands)
				report := examine(t, c)
				assert.Equal(t, c.want, texts(report))
				for _, r := range report {
					for _, f := range r.Findings {
						if r.Name == "tunnel-mss" {
							scratch.Run(t, "", "sh", "-c", f.Command)
							assert.Empty(t, texts(examine(t, c)), f.Command)
						}
					}
				}
			})
		})
	}
}

// TestFind finds real servers by name and address.
func TestFind(t *testing.T) {
	servers, err := realserver.Find(specOf(t, ""), "10.0.0.12")
	require.NoError(t, err)
	require.Len(t, servers, 1)
	assert.Equal(t, "rs2", servers[0].Name)
	_, err = realserver.Find(specOf(t, ""), "rs3")
	assert.EqualError(t, err, `the spec has no real server "rs3": it has rs1, rs2`)
}

// TestFindShard: a real server with a shard has the control port and the ports of the shard.
func TestFindShard(t *testing.T) {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(`
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {passive-ports: 10000-19999, passive-shards: 2}
    persistence: 0
    real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]
`))
	require.NoError(t, err)
	servers, err := realserver.Find(spec, "rs2")
	require.NoError(t, err)
	require.Len(t, servers, 1)
	assert.Equal(t, []config.PortRange{{Protocol: config.TCP, Low: 21, High: 21}, {Protocol: config.TCP, Low: 15000, High: 19999}}, servers[0].Binding.Ports)
}

// TestRenderCommand: with shards, the real servers have other passive ports, and render needs the
// name of one.
func TestRenderCommand(t *testing.T) {
	inServer(t, func() {
		for kind, want := range map[string]string{
			"":     "lvsmark render vsftpd --cluster ftp",
			shards: "lvsmark render vsftpd --cluster ftp --server rs1",
		} {
			report := examine(t, trap{kind: kind, files: map[string]string{"etc/vsftpd.conf": strings.Replace(vsftpd, "20000", "20001", 1)}})
			require.Len(t, texts(report), 1, kind)
			for _, r := range report {
				for _, f := range r.Findings {
					assert.Equal(t, want, f.Command)
				}
			}
		}
	})
}

// TestVIPOnLink: the printed commands leave the VIP on lo only, with the prefix that it has.
func TestVIPOnLink(t *testing.T) {
	for _, c := range []trap{
		{name: "on a link", kind: direct, commands: quietly + "; ip address del 198.51.100.21/32 dev lo; ip address add 198.51.100.21/24 dev lan"},
		{name: "on lo and a link", kind: direct, commands: quietly + "; ip address add 198.51.100.21/24 dev lan"},
		{name: "on two links", kind: direct, commands: quietly + "; ip address add 198.51.100.21/24 dev lan; ip address add 198.51.100.21/32 dev wan"},
		{name: "nat", commands: "ip address add 198.51.100.21/24 dev lan; ip address add 198.51.100.21/32 dev lo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inServer(t, func() {
				run(t, c.commands)
				for _, r := range examine(t, c) {
					assert.Equal(t, r.Name == "vip-device", len(r.Findings) > 0, r.Name)
					for _, f := range r.Findings {
						run(t, f.Command)
					}
				}
				assert.Empty(t, texts(examine(t, c)))
			})
		})
	}
}

// TestNoConfiguration has a host without an FTP server, or with one of another port.
func TestNoConfiguration(t *testing.T) {
	inServer(t, func() {
		for _, text := range []string{"-", strings.Replace(vsftpd, "listen=YES", "listen=YES\nlisten_port=2121", 1)} {
			report := examine(t, trap{files: map[string]string{"etc/vsftpd.conf": text}})
			assert.Empty(t, texts(report))
			assert.Equal(t, 4, report.Unchecked())
		}
	})
}

// TestEachCheck: each check has a lab in which its trap is set.
func TestEachCheck(t *testing.T) {
	found := map[string]bool{"tunnel-mss": true} // TestTunnel
	for _, c := range traps() {
		for _, text := range c.want {
			name, _, _ := strings.Cut(text, ": ")
			found[name] = true
		}
	}
	for _, name := range doctor.Names(realserver.Checks()) {
		assert.True(t, found[name], name)
	}
}

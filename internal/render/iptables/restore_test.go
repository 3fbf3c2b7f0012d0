package iptables_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
)

func ftpCluster(translate config.Translation, mark uint32, vips ...string) config.Cluster {
	c := config.Cluster{Name: "ftp", Mark: mark, FTP: &config.FTP{
		ControlPorts: []uint16{21},
		PassivePorts: []config.PortRange{{Protocol: config.TCP, Low: 10000, High: 20000}},
		Active:       &config.ActiveData{Translate: translate, Ports: []uint16{20}},
	}}
	for _, vip := range vips {
		c.VIPs = append(c.VIPs, config.SingleAddress(netip.MustParseAddr(vip)))
	}
	if c.Serves(config.IPv4) {
		c.FTP.Active.Sources = append(c.FTP.Active.Sources, netip.MustParsePrefix("10.0.0.0/24"))
	}
	if c.Serves(config.IPv6) {
		c.FTP.Active.Sources = append(c.FTP.Active.Sources, netip.MustParsePrefix("fd00::/64"))
	}
	return c
}

func web() config.Cluster {
	return config.Cluster{
		Name: "web", Mark: 0xffffffff, VIPs: config.SingleAddresses(netip.MustParseAddr("198.51.100.80")),
		Ports: []config.PortRange{
			{Protocol: config.TCP, Low: 80, High: 80},
			{Protocol: config.UDP, Low: 443, High: 443},
		},
	}
}

// restricted returns a cluster on a port of web.
func restricted() config.Cluster {
	c := web()
	c.Name, c.Mark, c.Ports = "some", 81, c.Ports[:1]
	c.Only = &config.Only{
		Sources: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Devices: []string{"wan0", "wan1"},
		ExceptMACs: []config.MAC{{0x02, 0, 0, 0, 0, 2}, {0x02, 0, 0, 0, 0, 3}},
	}
	return c
}

// TestRestore loads the text with each variant of the program in one network namespace,
// and runs the commands of the recipe in another: iptables-save must print the same.
func TestRestore(t *testing.T) {
	wide := ftpCluster(config.Masquerade, 22, "198.51.100.22")
	wide.FTP.PassivePorts[0].Low, wide.FTP.PassivePorts[0].High = 1024, 65535
	wide.FTP.Active.Sources = []netip.Prefix{netip.MustParsePrefix("10.0.2.0/24")}
	implicit := ftpCluster(config.SNAT, 21, "198.51.100.21", "2001:db8::21")
	implicit.FTP.ControlPorts = []uint16{21, 990}
	implicit.FTP.Active.Ports = []uint16{20, 989}

	const (
		mark = "-t mangle -A PREROUTING -p %s -d %s --dport %s -j MARK --set-mark %d"
		nat  = "-t nat -A POSTROUTING -p tcp -s %s --sport %d -j %s"
	)
	all := web()
	all.Ports, all.Mark = []config.PortRange{config.AllPorts()}, 7
	signaling := web()
	signaling.Ports = []config.PortRange{{Protocol: config.SCTP, Low: 2905, High: 2906}}
	tests := map[string]struct {
		clusters []config.Cluster
		commands map[config.Family][]string
	}{
		"recipe": {
			clusters: []config.Cluster{ftpCluster(config.Masquerade, 21, "198.51.100.21")},
			commands: map[config.Family][]string{config.IPv4: {
				fmt.Sprintf(mark, "tcp", "198.51.100.21/32", "10000:20000", 21),
				fmt.Sprintf(mark, "tcp", "198.51.100.21/32", "21", 21),
				fmt.Sprintf(nat, "10.0.0.0/24", 20, "MASQUERADE"),
			}},
		},
		"IPv6 only": {
			clusters: []config.Cluster{ftpCluster(config.Masquerade, 21, "2001:db8::21")},
			commands: map[config.Family][]string{config.IPv6: {
				fmt.Sprintf(mark, "tcp", "2001:db8::21", "10000:20000", 21),
				fmt.Sprintf(mark, "tcp", "2001:db8::21", "21", 21),
				fmt.Sprintf(nat, "fd00::/64", 20, "MASQUERADE"),
			}},
		},
		"only": {
			clusters: []config.Cluster{restricted(), web()},
			commands: map[config.Family][]string{config.IPv4: {
				fmt.Sprintf(mark, "tcp", "198.51.100.80", "80", uint32(0xffffffff)),
				fmt.Sprintf(mark, "udp", "198.51.100.80", "443", uint32(0xffffffff)),
				strings.Replace(fmt.Sprintf(mark, "tcp", "198.51.100.80", "80", 81), "-j", "-m mac ! --mac-source 02:00:00:00:00:02 -m mac ! --mac-source 02:00:00:00:00:03 -j", 1) + " -s 10.1.0.0/16 -i wan0",
				strings.Replace(fmt.Sprintf(mark, "tcp", "198.51.100.80", "80", 81), "-j", "-m mac ! --mac-source 02:00:00:00:00:02 -m mac ! --mac-source 02:00:00:00:00:03 -j", 1) + " -s 10.1.0.0/16 -i wan1",
			}},
		},
		"all ports, and others of the VIP": {
			clusters: []config.Cluster{signaling, all},
			commands: map[config.Family][]string{config.IPv4: {
				"-t mangle -A PREROUTING -d 198.51.100.80 -j MARK --set-mark 7",
				fmt.Sprintf(mark, "sctp", "198.51.100.80", "2905:2906", uint32(0xffffffff)),
			}},
		},
		"mixed": {
			clusters: []config.Cluster{implicit, wide, web()},
			commands: map[config.Family][]string{
				config.IPv4: {
					fmt.Sprintf(mark, "tcp", "198.51.100.21", "10000:20000", 21),
					fmt.Sprintf(mark, "tcp", "198.51.100.21", "21", 21),
					fmt.Sprintf(mark, "tcp", "198.51.100.21", "990", 21),
					fmt.Sprintf(mark, "tcp", "198.51.100.22", "1024:65535", 22),
					fmt.Sprintf(mark, "tcp", "198.51.100.22", "21", 22),
					fmt.Sprintf(mark, "tcp", "198.51.100.80", "80", uint32(0xffffffff)),
					fmt.Sprintf(mark, "udp", "198.51.100.80", "443", uint32(0xffffffff)),
					fmt.Sprintf(nat, "10.0.0.0/24", 20, "SNAT --to-source 198.51.100.21"),
					fmt.Sprintf(nat, "10.0.0.0/24", 989, "SNAT --to-source 198.51.100.21"),
					fmt.Sprintf(nat, "10.0.2.0/24", 20, "MASQUERADE"),
				},
				config.IPv6: {
					fmt.Sprintf(mark, "tcp", "2001:db8::21", "10000:20000", 21),
					fmt.Sprintf(mark, "tcp", "2001:db8::21", "21", 21),
					fmt.Sprintf(mark, "tcp", "2001:db8::21", "990", 21),
					fmt.Sprintf(nat, "fd00::/64", 20, "SNAT --to-source 2001:db8::21"),
					fmt.Sprintf(nat, "fd00::/64", 989, "SNAT --to-source 2001:db8::21"),
				},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := iptables.Text(&config.Spec{Clusters: test.clusters})
			for family, commands := range test.commands {
				for _, variant := range []string{"legacy", "nft"} {
					program := map[config.Family]string{config.IPv4: "iptables-", config.IPv6: "ip6tables-"}[family] + variant
					want := saved(t, program, "", commands...)
					require.Equal(t, len(commands), strings.Count(want, "\n-A "), "the recipe's own commands")
					assert.Equal(t, want, saved(t, program, text), program)
				}
			}
		})
	}
}

// TestRestoreKeepsForeign: --noflush, as the header says, keeps existing rules and
// policies.
func TestRestoreKeepsForeign(t *testing.T) {
	text := iptables.Text(&config.Spec{Clusters: []config.Cluster{ftpCluster(config.Masquerade, 21, "198.51.100.21")}})
	for _, program := range []string{"iptables-legacy", "iptables-nft"} {
		got := saved(t, program, text,
			"-t mangle -A PREROUTING -p tcp --dport 22 -j MARK --set-mark 7",
			"-t mangle -P PREROUTING DROP")
		assert.Contains(t, got, "-A PREROUTING -p tcp -m tcp --dport 22 -j MARK --set-xmark 0x7/0xffffffff\n", program)
		assert.Contains(t, got, ":PREROUTING DROP [0:0]\n", program)
		assert.Contains(t, got, "--dport 10000:20000", program)
	}
}

func TestTextIsPlainInOneFamily(t *testing.T) {
	for vip, load := range map[string]string{"198.51.100.21": "#   iptables-restore --noflush\n", "2001:db8::21": "#   ip6tables-restore --noflush\n"} {
		text := iptables.Text(&config.Spec{Clusters: []config.Cluster{ftpCluster(config.Masquerade, 21, vip)}})
		assert.NotRegexp(t, `(?m)^-[46]`, text)
		assert.Equal(t, 1, strings.Count(text, "-restore"), text)
		assert.Contains(t, text, load)
	}
}

func TestTextWithoutTranslation(t *testing.T) {
	direct := ftpCluster(config.Masquerade, 21, "198.51.100.21")
	direct.FTP.Active = nil
	for _, c := range []config.Cluster{direct, ftpCluster(config.NoTranslation, 21, "198.51.100.21"), web()} {
		text := iptables.Text(&config.Spec{Clusters: []config.Cluster{c}})
		assert.Contains(t, text, "*mangle\n-A PREROUTING")
		assert.NotContains(t, text, "*nat")
	}
}

func TestSharedRealServersAreTranslatedOnce(t *testing.T) {
	text := iptables.Text(&config.Spec{Clusters: []config.Cluster{
		ftpCluster(config.Masquerade, 21, "198.51.100.21"), ftpCluster(config.Masquerade, 22, "198.51.100.22"),
	}})
	assert.Equal(t, 1, strings.Count(text, "MASQUERADE"), text)
}

// saved runs the commands and then loads the text, if any, in a new network namespace. It
// returns the output of the program's -save for mangle and nat, without comments, which
// contain the time.
func saved(t *testing.T, program, text string, commands ...string) string {
	t.Helper()
	need.Root(t)
	need.Programs(t, "unshare", program+"-restore")
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, command := range commands {
		fmt.Fprintf(&script, "%s %s\n", program, command)
	}
	if text != "" {
		fmt.Fprintf(&script, "%s-restore --noflush\n", program)
	}
	fmt.Fprintf(&script, "%[1]s-save -t mangle; %[1]s-save -t nat\n", program)

	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", script.String())
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s\n%s", script.String(), text, out)
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(out), "")
}
